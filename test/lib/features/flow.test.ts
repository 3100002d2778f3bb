import { expect, it } from 'vitest';
import { DayFlow } from '../../../src/lib/features/day-flow.js';
import { deltaZ } from '../../../src/lib/features/flow.js';
import type { MicroRow } from '../../../src/lib/features/micro-series.js';

type Row = Parameters<ReturnType<typeof deltaZ.create>['update']>[0];

it.each([
  [300, 60],
  [600, 120],
  [3_600, 720],
  [35, 7],
  [10, 2],
])('delta_z of %i seconds needs %i seconds with a trade', (window, minimum) => {
  const valueWith = (traded: number) => {
    const series = deltaZ.create(window, {} as never);
    let last: unknown;
    for (let second = 0; second < window; second++) {
      const isTraded = second < traded;
      last = series.update({ delta: isTraded ? second + 1 : 0, trades: isTraded ? 1 : 0 } as Row);
    }
    return last;
  };
  expect(valueWith(minimum - 1)).toBe('thin');
  expect(valueWith(minimum)).toEqual(expect.any(Number));
});

it('a second with a trade without side has no delta, and no delta_z until it has left the window', () => {
  const series = deltaZ.create(10, {} as never);
  const values = Array.from({ length: 31 }, (_, second) =>
    series.update({ delta: second === 15 ? undefined : second % 3, trades: 1 } as Row),
  );
  expect(values.map((value) => (typeof value === 'number' ? 'value' : value))).toEqual([
    ...Array(9).fill('warming'),
    ...Array(6).fill('value'),
    ...Array(10).fill('sideless'),
    ...Array(6).fill('value'),
  ]);
});

it('the sum of a day with a trade without side is unknown until the next midnight', () => {
  const flow = new DayFlow();
  const at = (second: number, delta: number | undefined) => {
    flow.update({ timestamp: second * 1_000_000, delta } as MicroRow);
    return flow.value;
  };
  expect([at(1, 2), at(2, 3), at(3, undefined), at(4, 1), at(86_401, 7)]).toEqual([2, 5, undefined, undefined, 7]);
});
