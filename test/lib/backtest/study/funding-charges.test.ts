import { describe, expect, it } from 'vitest';
import { fundingCharges } from '../../../../src/lib/backtest/study/funding-charges.js';
import type { Funding } from '../../../../src/lib/model/records.js';

const MINUTE = 60e6;
const place = { type: 'funding', exchange: 'bybit', market: 'linear', symbol: 'BTCUSDT' } as const;
const told = (timestamp: number, rate: number, nextFundingTimestamp: number): Funding => ({
  ...place,
  timestamp,
  rate,
  nextFundingTimestamp,
  settled: false,
});
const paid = (timestamp: number, rate: number): Funding => ({ ...place, timestamp, rate, settled: true });

function charges(rows: readonly Funding[], end: number) {
  const { series, estimated } = fundingCharges(rows, end);
  return { charges: [...series.time].map((time, index) => [time / MINUTE, series.value[index]]), estimated };
}

describe('funding charges', () => {
  it('are the settled rates at their times, and the last rate told where none was settled', () => {
    const rows = [
      told(10 * MINUTE, 0.001, 480 * MINUTE),
      told(470 * MINUTE, 0.002, 480 * MINUTE),
      told(500 * MINUTE, 0.003, 960 * MINUTE),
      paid(480 * MINUTE + 5e6, 0.0019),
    ];
    expect(charges(rows, 2000 * MINUTE)).toEqual({
      charges: [
        [480 + 5 / 60, 0.0019],
        [960, 0.003],
      ],
      estimated: 1,
    });
  });

  it('end with the data: a feed always tells of one that is still to come', () => {
    expect(charges([told(10 * MINUTE, 0.001, 480 * MINUTE)], 480 * MINUTE)).toEqual({ charges: [], estimated: 0 });
    expect(charges([told(10 * MINUTE, 0.001, 480 * MINUTE)], 480 * MINUTE + 1).estimated).toBe(1);
    expect(charges([paid(480 * MINUTE, 0.001)], 480 * MINUTE).charges).toEqual([]);
  });
});
