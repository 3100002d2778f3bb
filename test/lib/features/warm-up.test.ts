import { describe, expect, it } from 'vitest';
import { FeatureEngine } from '../../../src/lib/features/engine.js';
import type { AnyRecord } from '../../../src/lib/model/records.js';
import { camelCase } from '../../../src/lib/model/schema.js';

const SECOND = 1_000_000;
/** 2026-11-20 00:00 UTC. */
const START = 1_795_132_800_000_000;
const NAMES = { exchange: 'bybit', market: 'linear', symbol: 'BTCUSDT' } as const;
const WINDOWS = new Map([
  ['delta_z', 40],
  ['imb_shift', 20],
  ['mark_dev_z', 90],
]);

/** What one second delivers: a trade, a book and a mark, without those in `silent`, and its clock. */
function second(index: number, silent: readonly string[] = []): AnyRecord[] {
  const timestamp = START + index * SECOND + 200_000;
  const at = { ...NAMES, timestamp, localTimestamp: timestamp + 1_000 };
  const records: AnyRecord[] = [
    { type: 'trade', ...at, id: `${index}`, price: 100 + (index % 7), amount: 1 + (index % 3), side: index % 2 ? 'buy' : 'sell' },
    { type: 'book_snapshot', ...at, bids: [[99, 1 + (index % 5)]], asks: [[101, 2]] },
    { type: 'mark_price', ...at, mark: 100 + (index % 11) / 10 },
  ];
  const clock = { type: 'clock', exchange: 'bybit', market: 'linear', timestamp: START + (index + 1) * SECOND } as const;
  return [...records.filter(({ type }) => !silent.includes(type)), { ...clock, localTimestamp: clock.timestamp + 5_000 }];
}

const missing = (channel: string, from: number, until: number): AnyRecord => ({
  type: 'gap',
  ...NAMES,
  channel,
  timestamp: START + until * SECOND,
  localTimestamp: START + until * SECOND,
  fromTimestamp: START + from * SECOND,
  untilTimestamp: START + until * SECOND,
  reason: 'disconnect',
  repaired: 0,
  missing: true,
});

type Said = { readonly name: string; readonly at: number; readonly ready: number | undefined };

/** Runs seconds; returns what was said to be ready at the end of each row, and every value. */
function said(seconds: number, extra: (index: number) => readonly AnyRecord[] = () => [], silent?: (index: number) => string[]) {
  const engine = new FeatureEngine({ grace: 0, windows: WINDOWS });
  const promises: Said[] = [];
  const values: Omit<Said, 'ready'>[] = [];
  const take = (row: AnyRecord) => {
    if (row.type !== 'features') return;
    const { timestamp: at } = row;
    const isThere = (name: string) => (row as unknown as Record<string, unknown>)[camelCase(name)] !== undefined;
    values.push(...[...WINDOWS.keys()].filter(isThere).map((name) => ({ name, at })));
    const features = engine.warmUp()[0]?.features ?? [];
    promises.push(...features.filter(({ name }) => WINDOWS.has(name)).map(({ name, ready }) => ({ name, at, ready })));
  };
  for (let index = 0; index < seconds; index++)
    for (const record of [...extra(index), ...second(index, silent?.(index))]) for (const row of engine.add(record)) take(row);
  return { engine, promises, values };
}

function firstValueAfter(values: readonly { name: string; at: number }[], name: string, at: number) {
  return values.find((value) => value.name === name && value.at >= at)?.at;
}

describe('the warm-up of features', () => {
  it('names at every row when each of them has its first value', () => {
    const { promises, values } = said(120);
    expect(promises.length).toBeGreaterThan(40 + 20 + 90 - 5);
    for (const { name, at, ready } of promises) expect([name, at, firstValueAfter(values, name, at)]).toEqual([name, at, ready]);
    expect(new Set(values.map(({ name }) => name))).toEqual(new Set(WINDOWS.keys()));
  });

  it('begins again behind a gap, for the features that read its channel', () => {
    const { promises, values } = said(240, (index) => (index === 130 ? [missing('ticker', 120, 130)] : []));
    const again = promises.filter(({ at }) => at > START + 131 * SECOND);
    expect(new Set(again.map(({ name }) => name))).toEqual(new Set(['mark_dev_z']));
    for (const { name, at, ready } of again) expect(firstValueAfter(values, name, at)).toBe(ready);
  });

  it('promises nothing while an input is missing', () => {
    const { engine } = said(30, undefined, () => ['mark_price']);
    const [of] = engine.warmUp();
    expect(of).toMatchObject({ ...NAMES, end: START + 30 * SECOND });
    expect(of?.features).toContainEqual({ name: 'mark_dev_z', have: 0, need: 90, unit: 'seconds', ready: undefined });
    expect(of?.features).toContainEqual({ name: 'delta_z', have: 30, need: 40, unit: 'seconds', ready: START + 40 * SECOND });
    expect(of?.features).toContainEqual({
      name: 'atr15m',
      have: 0,
      need: 200,
      unit: 'candles',
      ready: START + 200 * 900 * SECOND,
    });
  });
});
