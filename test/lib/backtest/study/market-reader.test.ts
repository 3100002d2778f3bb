import { describe, expect, it } from 'vitest';
import { MarketReader } from '../../../../src/lib/backtest/study/market-reader.js';
import type { AnyRecord, Gap, Trade } from '../../../../src/lib/model/records.js';

const PLACE = { exchange: 'bybit', market: 'linear', symbol: 'BTCUSDT' } as const;
const SECOND = 1_000_000;

function trade(second: number): Trade {
  const timestamp = second * SECOND;
  return {
    type: 'trade',
    ...PLACE,
    timestamp,
    localTimestamp: timestamp + 1,
    id: `${second}`,
    price: 100,
    amount: 1,
    side: 'buy',
  };
}

function gap(from: number, until: number, missing: boolean, known: number): Gap {
  const [fromTimestamp, untilTimestamp] = [from * SECOND, until * SECOND];
  const identity = { type: 'gap', ...PLACE, timestamp: untilTimestamp, localTimestamp: known * SECOND } as const;
  return { ...identity, channel: 'trade', fromTimestamp, untilTimestamp, reason: 'disconnect', repaired: 0, missing };
}

function holesOf(records: readonly AnyRecord[]): readonly object[] {
  const reader = new MarketReader({ books: false });
  reader.add(records);
  return reader.finish()[0]?.data.gaps ?? [];
}

describe('holes of a backtest', () => {
  const trades = [trade(1), trade(10), trade(20)];

  it('are the gaps that nothing repaired', () => {
    expect(holesOf([...trades, gap(1, 10, true, 11)])).toMatchObject([{ from: SECOND, until: 10 * SECOND }]);
    expect(holesOf([...trades, gap(1, 10, true, 11), gap(1, 10, false, 30)])).toEqual([]);
  });

  it('are what a repair leaves of them', () => {
    const left = holesOf([...trades, gap(1, 10, true, 11), gap(4, 10, false, 30)]);
    expect(left).toMatchObject([{ from: SECOND, until: 4 * SECOND }]);
    expect(holesOf([...trades, gap(1, 10, false, 5), gap(1, 10, true, 11)])).toHaveLength(1);
  });
});

describe('signals of a backtest', () => {
  const signal = (id: string, second: number, side: 'buy' | 'sell'): AnyRecord => ({
    ...{ type: 'signal', ...PLACE, timestamp: second * SECOND, knownTimestamp: (second + 1) * SECOND, id, side, price: 100 },
    ...{ stop: 99, takeProfit: 102, trailingDistance: 0.003, trailingArm: 101, timeoutSeconds: 60, gates: {} },
  });
  const loaded = (records: readonly AnyRecord[]) => {
    const reader = new MarketReader({ books: false });
    reader.add([trade(1), ...records]);
    const [market] = reader.finish();
    return [market?.signals.length, market?.notes.filter((note) => note.includes('signal'))];
  };

  it('count once each', () => {
    expect(loaded([signal('a', 2, 'buy'), signal('b', 2, 'sell'), signal('c', 9, 'buy')])).toEqual([3, []]);
    expect(loaded([signal('a', 2, 'buy'), signal('a', 2, 'buy')])).toEqual([1, ['1 duplicate signal skipped']]);
  });

  it('of more than one set of rules are reported', () => {
    const [count, notes] = loaded([signal('a', 2, 'buy'), signal('b', 2, 'buy'), signal('c', 9, 'buy')]);
    expect([count, notes]).toEqual([3, [expect.stringContaining('1 of 3 signals share second and side with another')]]);
  });
});
