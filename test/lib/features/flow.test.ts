import { expect, it } from 'vitest';
import { deltaZ } from '../../../src/lib/features/flow.js';

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
