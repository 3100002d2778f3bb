import { describe, expect, it } from 'vitest';
import type { GridInput } from '../../../src/lib/grid/parameters.js';
import { planGrid } from '../../../src/lib/grid/plan.js';
import { StressTest } from '../../../src/lib/grid/stress.js';
import type { Candle } from '../../../src/lib/model/records.js';

const MINUTE = 60_000_000;
const START = 1_700_000_040_000_000;

/** Candles from `[high, low, close]`, a minute each. */
function candles(...bars: [high: number, low: number, close: number][]): Candle[] {
  return bars.map(([high, low, close], index) => ({
    type: 'candle',
    exchange: 'bybit',
    market: 'linear',
    symbol: 'BTCUSDT',
    timestamp: START + index * MINUTE,
    interval: '1m',
    open: close,
    high,
    low,
    close,
    volume: 1,
    source: 'exchange',
    closed: true,
  }));
}

function stress(input: Partial<GridInput>, series: readonly Candle[]) {
  const test = new StressTest();
  for (const candle of series) test.add(candle);
  return test.report(planGrid({ ...GRID, ...input }));
}

/** Levels at 100, 95 and 90 % of the start, one unit each; take profit 2 % above the average; 1×, so never liquidated. */
const GRID: GridInput = {
  price: 100,
  deposit: 1000,
  leverage: 1,
  levels: 3,
  coverage: '0.1',
  multiplier: 1,
  makerFee: 0,
  takerFee: 0,
  limits: { lotSize: '0.01' },
};

describe('stress', () => {
  it('follows one grid through its levels to its take profit', () => {
    // Starts at 100; 95 fills (average 97.5, target 99.45), 99 is under it, 99.5 takes it.
    const report = stress({}, candles([100, 100, 100], [100, 94, 96], [99, 96, 99], [99.5, 98, 99.2]));
    expect(report).toMatchObject({
      symbol: 'BTCUSDT',
      interval: '1m',
      candles: 4,
      starts: 3,
      every: 1,
      liquidated: 0,
      exceeded: 0,
    });
    // From 100: 94 is 6 % down, one minute closed below 97.5, ended after three.
    expect(report.depthPct.max).toBeCloseTo(6, 12);
    expect(report.underWaterSeconds.max).toBe(60);
    expect(report.durationSeconds.max).toBe(180);
    // From 96 and 99: 99 ≥ 97.92 at once; 99.5 < 100.98 does not.
    expect(report).toMatchObject({ tookProfit: 2, unfinished: 1, deepestLevel: [2, 1, 0] });
  });

  it('takes a candle in its worse order', () => {
    // Both 95 and 102 in one candle: the fill comes first, and its new target 99.45 counts from the next candle on.
    const report = stress({}, candles([100, 100, 100], [102, 94, 98], [99, 98, 98.5]));
    expect(report).toMatchObject({ tookProfit: 0, unfinished: 2 });
  });

  it('counts coverage exceeded beyond the last level, not at it', () => {
    expect(stress({}, candles([100, 100, 100], [100, 90, 91])).exceededPct).toBe(0);
    expect(stress({}, candles([100, 100, 100], [100, 89.9, 91])).exceededPct).toBe(100);
  });

  it('sees a liquidation between levels and follows the grid on', () => {
    // 20×: level 0 is liquidated at 95.48, before 95.
    const report = stress({ leverage: 20 }, candles([100, 100, 100], [100, 89, 95], [100, 94, 99]));
    expect(report).toMatchObject({ liquidated: 1, starts: 2, exceeded: 1 });
    expect(report.deepestLevel).toEqual([1, 0, 1]);
    expect(report.tookProfit).toBe(2);
  });

  it('turns everything round for a short', () => {
    const report = stress({ side: 'short', sizing: 'full' }, candles([100, 100, 100], [106, 100, 104], [104, 100.4, 101]));
    // 105 fills: average 102.5, target 100.45.
    expect(report).toMatchObject({ tookProfit: 2, exceeded: 0, deepestLevel: [1, 1, 0] });
    expect(report.depthPct.max).toBeCloseTo(6, 12);
  });

  it('skips open candles and duplicates, of which the later in the input counts, and counts them', () => {
    const [a, b, c] = candles([100, 100, 100], [101, 99, 100], [103, 100, 102]) as [Candle, Candle, Candle];
    const report = stress({}, [
      c,
      a,
      { ...b, high: 110, low: 1 },
      { ...b, complete: false },
      { ...c, timestamp: c.timestamp + MINUTE, closed: false },
    ]);
    expect(report).toMatchObject({ candles: 3, skipped: 2, incomplete: 1, tookProfit: 2 });
  });

  it('refuses a mixture and too few', () => {
    const [a, b] = candles([100, 100, 100], [101, 99, 100]) as [Candle, Candle];
    expect(() => stress({}, [a, { ...b, interval: '5m' }])).toThrow(
      /one series, found bybit:linear:BTCUSDT 1m \(exchange\) and .* 5m/,
    );
    expect(() => stress({}, [a])).toThrow(/at least 2 closed candles, found 1/);
  });

  it('walks through a year of minutes, evenly spread', () => {
    const series = candles(
      ...Array.from({ length: 100_000 }, (_, index): [number, number, number] => {
        const price = 100 * Math.exp(0.2 * Math.sin(index / 9000) + 0.01 * Math.sin(index / 37));
        return [price * 1.001, price * 0.999, price];
      }),
    );
    const report = stress({}, series);
    expect(report.every).toBe(50);
    expect(report.starts).toBe(2000);
    expect(report.tookProfit + report.unfinished).toBe(2000);
    expect(report.exceeded).toBeGreaterThan(0);
    expect(report.deepestLevel.reduce((sum, count) => sum + count)).toBe(2000);
  });
});
