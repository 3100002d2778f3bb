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

describe('trades of a backtest with one id', () => {
  const load = (rows: readonly (readonly [second: number, id: string, price: number])[]) => {
    const broken: string[] = [];
    const reader = new MarketReader({ books: false, broken: (reason) => broken.push(reason) });
    reader.add(rows.map(([second, id, price]): AnyRecord => ({ ...(trade(second) as object), id, price }) as AnyRecord));
    const [market] = reader.finish();
    const feed = market?.data.feed;
    const prices = feed?.kind === 'trades' ? [...feed.price] : [];
    return { broken, prices, notes: market?.notes.filter((note) => note.includes('duplicate')) };
  };

  it('are dropped as copies, at other times too, and as conflicts where a value differs', () => {
    const { broken, prices, notes } = load([
      [1, '0', 100],
      [2, 'a', 101],
      [3, '0', 102],
      [2, 'a', 101],
      [4, 'a', 101],
      [5, '0', 103],
      [6, 'b', 104],
    ]);
    expect(prices).toEqual([100, 101, 104]);
    expect(notes).toEqual(['2 duplicate trades skipped']);
    expect(broken).toHaveLength(2);
    expect(broken[0]).toMatch(/the trade at \S+:03\.000Z .* has the id of the trade at \S+:01\.000Z .*; the first is used/);
  });

  it('stay two where only the ids are alike', () => {
    const { prices, broken } = load([
      [1, '10', 100],
      [1, '01', 100],
      [2, '1', 100],
    ]);
    expect([prices.length, broken.length]).toEqual([3, 0]);
  });
});

describe('candles of a backtest with one key', () => {
  const candle = (close: number, localTimestamp?: number): AnyRecord => ({
    ...{ type: 'candle', ...PLACE, timestamp: 60 * SECOND, interval: '1m', source: 'exchange', closed: true, volume: 1 },
    ...{ open: 100, high: 200, low: 50, close, localTimestamp },
  });
  const close = (...candles: AnyRecord[]) => {
    const reader = new MarketReader({ books: false });
    reader.add(candles);
    const [market] = reader.finish();
    const feed = market?.data.feed;
    return [feed?.kind === 'candles' ? [...feed.close] : [], market?.notes.filter((note) => note.includes('duplicate'))];
  };

  it('count once: the later arrival, without one the later in the input', () => {
    const note = ['1 duplicate candle skipped: the latest of each is used'];
    expect(close(candle(101), candle(102))).toEqual([[102], note]);
    expect(close(candle(101, 9), candle(102, 8))).toEqual([[101], note]);
    expect(close(candle(101, 8), candle(102, 9))).toEqual([[102], note]);
  });
});

describe('the memory of an input', () => {
  const trades = Array.from({ length: 100 }, (_, second) => trade(second));
  const [timestamp, side] = [SECOND, Array.from({ length: 50 }, (_, level) => [100 + level, 1] as const)];
  const book: AnyRecord = { type: 'book_snapshot', ...PLACE, timestamp, depth: 50, bids: side, asks: side };

  it('is bounded: more is refused with what there is', () => {
    const reader = new MarketReader({ books: true, memory: 15_000 });
    expect(() => reader.add(trades.slice(0, 99))).not.toThrow();
    expect(() => reader.add([book])).toThrow(/at most 15.0 kB, has 99 trades at 80 bytes and 100 levels of books at 80 bytes/);
  });

  it('counts no books that nobody needs, and is that of the machine by default', () => {
    const reader = new MarketReader({ books: false, memory: 8_000 });
    expect(() => reader.add([...trades, book])).not.toThrow();
    expect(() => reader.add([trade(101)])).toThrow(/--memory/);
    const other = new MarketReader({ books: false });
    other.budget.take('trade', 1_000_000);
    expect(() => other.budget.take('candle', 1e12)).toThrow(/--memory: .* has 1,000,000 trades/);
  });
});
