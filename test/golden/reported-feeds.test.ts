import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CandleAggregator } from '../../src/lib/candles/aggregator.js';
import type { Channel } from '../../src/lib/exchanges/exchange.js';
import { parseIntervals } from '../../src/lib/model/interval.js';
import { encodeRecord } from '../../src/lib/model/ndjson.js';
import type { AnyRecord, Candle } from '../../src/lib/model/records.js';
import { SECOND } from '../../src/lib/model/time.js';
import { fixture } from '../support/frames.js';
import { replayed, withTape } from '../support/replayed.js';

const feed = (name: string) => fixture(`reported/feeds/${name}.ndjson`);
const ALL: readonly Channel[] = ['trade', 'ticker', 'candle'];
const T = 1_764_000_000_000_000;

/** Replays the lines of a reported feed after a change of its text. */
const changed = (name: string, exchange: string, channels: readonly Channel[], change: (text: string) => string) =>
  withTape(
    change(readFileSync(feed(name), 'utf8'))
      .split('\n')
      .filter(Boolean),
    (path) => replayed([path], exchange, channels),
  );

/** No value is 0, "" or NaN where there is none: those are absent. */
const expectAbsent = (record: AnyRecord | undefined, names: readonly string[]) => {
  for (const name of names) expect(record, name).not.toHaveProperty(name, expect.anything());
};

describe('exponents', () => {
  it('of bybit klines, trades, tickers and books are exact numbers', async () => {
    const { of } = await replayed([feed('bybit-inverse-scientific-notation')], 'bybit', [...ALL, 'book']);
    expect(of('candle')).toMatchObject([{ turnover: 0.00002829, volume: 3 }]);
    expect(of('trade')).toMatchObject([{ price: 106_085, amount: 3 }]);
    expect(of('ticker')).toMatchObject([{ turnover24h: 0.000012, bidAmount: 100, askAmount: 50 }]);
    expect(of('open_interest')).toMatchObject([{ amountBothSides: 1_000 }]);
    expect(of('book_snapshot')).toMatchObject([
      {
        bids: [
          [106_000, 100],
          [105_000, 7],
        ],
        asks: [[106_100, 50]],
      },
    ]);
  });

  it('of bitget books, tickers and trades are exact numbers, and a level with one is removed by the same price', async () => {
    const books = await changed('bitget-book-first-updates-overlap', 'bitget', ['book_delta'], (text) =>
      text
        .replaceAll('[[\\"100\\",\\"1\\"]]', '[[\\"1e2\\",\\"1E-3\\"]]')
        .replaceAll('[[\\"100\\",\\"3\\"]]', '[[\\"100\\",\\"0\\"]]'),
    );
    expect(books.of('book_snapshot')).toMatchObject([{ bids: [[100, 0.001]] }]);
    expect(books.of('book_delta').map(({ bids }) => bids)).toEqual([[[100, 2]], [[100, 0]]]);
    const trades = await changed('bitget-trades-ahead-of-local-clock', 'bitget', ALL, (text) =>
      text.replaceAll('\\"90001\\"', '\\"9.0001E4\\"').replaceAll('\\"size\\":\\"0.1\\"', '\\"size\\":\\"1e-1\\"'),
    );
    expect(trades.of('trade')[0]).toMatchObject({ price: 90_001, amount: 0.1 });
  });
});

describe('tickers', () => {
  it('of a dated future have no funding, and deltas keep what they do not mention', async () => {
    const { of } = await replayed([feed('bybit-ticker-dated-and-deltas')], 'bybit', ALL);
    const dated = of('ticker').filter(({ symbol }) => symbol === 'BTCUSDT-26DEC25');
    expect(dated).toMatchObject([
      { last: 110_373.5, bid: 110_340, bidAmount: 1, ask: 110_390 },
      { last: 110_373.5, bid: 110_340, bidAmount: 1, ask: 110_391, askAmount: 0.1 },
    ]);
    expect(of('funding').map(({ symbol }) => symbol)).toEqual(['AAVEUSDT']);
    expect(of('open_interest').map(({ amountBothSides, amount }) => [amountBothSides, amount])).toEqual([
      [412.3, undefined],
      [413, undefined],
      [192_100, undefined],
      [192_174.8, undefined],
    ]);
  });

  it('of bybit that empty a quote lose its amount too, and have both again when it is back', async () => {
    const { of } = await changed('bybit-ticker-dated-and-deltas', 'bybit', ALL, (text) =>
      text.replace('\\"ask1Price\\":\\"110391\\"', '\\"ask1Price\\":\\"\\"'),
    );
    const [, second] = of('ticker').filter(({ symbol }) => symbol === 'BTCUSDT-26DEC25');
    expectAbsent(second, ['ask', 'askAmount']);
    expect(second).toMatchObject({ bid: 110_340, bidAmount: 1 });
  });

  it('of bitget that are new, dated or one-sided have what there is, and nothing as 0', async () => {
    const { of } = await replayed([feed('bitget-ticker-dated-new-onesided')], 'bitget', ALL);
    const [dated, fresh, onesided] = of('ticker');
    expect(dated).toMatchObject({ symbol: 'BTCUSDH26', bid: 91_990, bidAmount: 0.5 });
    expect(fresh).toMatchObject({ symbol: 'NEWUSDT', ask: 25, askAmount: 1_000 });
    expectAbsent(fresh, ['last', 'bid', 'bidAmount']);
    expect(onesided).toMatchObject({ symbol: 'AQTUSDT', ask: 1.4138, askAmount: 4.58 });
    expectAbsent(onesided, ['bid', 'bidAmount']);
    expect(of('funding').map(({ symbol }) => symbol)).toEqual(['AQTUSDT']);
    expect(of('mark_price').map(({ symbol }) => symbol)).toEqual(['BTCUSDH26', 'AQTUSDT']);
  });

  it('of bitget v3 are read by the same rules', async () => {
    const row = {
      lastPrice: '',
      ask1Price: '25',
      ask1Size: '1000',
      bid1Price: '0',
      bid1Size: '0',
      markPrice: '',
      fundingRate: '0',
      nextFundingTime: '0',
      openInterest: '3',
      deliveryTime: '1774598400000',
    };
    const frame = JSON.stringify({
      action: 'snapshot',
      arg: { instType: 'coin-futures', topic: 'ticker', symbol: 'BTCUSDH26' },
      data: [row],
      ts: T / 1_000,
    });
    const lines = [
      { tape: 1, exchange: 'bitget' },
      { at: T, connection: 1, connect: 'wss://ws.bitget.com/v3/ws/public' },
      { at: T + 1, connection: 1, frame },
    ];
    const { of, statistics } = await withTape(lines, (path) => replayed([path], 'bitget', ALL));
    expect(of('ticker')).toMatchObject([{ ask: 25, askAmount: 1_000 }]);
    expectAbsent(of('ticker')[0], ['last', 'bid', 'bidAmount']);
    expect([of('funding'), of('mark_price')]).toEqual([[], []]);
    expect(statistics.incomplete).toBe(false);
  });

  it('of bybit spot need no index price, and a trade below the lot keeps its amount', async () => {
    const { of, statistics } = await replayed([feed('bybit-spot-ticker-no-usdindex-small-trade')], 'bybit', ALL);
    expect(of('ticker')).toMatchObject([{ last: 0.21784, volume24h: 6_780.8 }]);
    expect(of('trade')).toMatchObject([{ amount: 0.01 }]);
    expect(statistics.incomplete).toBe(false);
  });
});

describe('trades ahead of the local clock', () => {
  it('drop the history of the first frame, and close whole candles', async () => {
    const { records, of, statistics } = await replayed([feed('bitget-trades-ahead-of-local-clock')], 'bitget', ALL);
    expect(statistics.history).toBe(1);
    expect(of('trade').map(({ id }) => id.slice(-2))).toEqual(['10', '09', '11', '20']);
    const candles = new CandleAggregator({
      intervals: parseIntervals(['1s']),
      open: 'first-trade',
      empty: 'skip',
      grace: SECOND,
      source: 'trades',
      amountUnit: () => 'base',
    });
    const closed = [...records.flatMap((record) => [...candles.add(record)]), ...candles.finish()].filter(
      (record): record is Candle => record.type === 'candle',
    );
    expect(closed.map(({ timestamp, open, close, trades, complete }) => [timestamp - T, open, close, trades, complete])).toEqual([
      [2_000_000, 90_001, 90_001, 1, true],
      [3_000_000, 90_001.5, 90_002, 2, true],
      [5_000_000, 90_003, 90_003, 1, true],
    ]);
  });
});

describe('books', () => {
  it('of bybit are replaced by a snapshot in mid-stream and by u = 1; a jump of u is one gap per channel', async () => {
    const { records, of } = await replayed([feed('bybit-book-u1-midsnapshot-gap')], 'bybit', ['book', 'book_delta']);
    const whole = of('book_snapshot').filter(({ depth }) => depth === undefined);
    expect(whole.map(({ sequence, bids }) => [sequence, bids[0]])).toEqual([
      ['1854', [100, 1]],
      ['1', [103, 1]],
      ['700', [98, 1]],
      ['710', [97, 1]],
    ]);
    expect(of('gap').map(({ channel, reason, missing }) => [channel, reason, missing])).toEqual([
      ['book', 'sequence', true],
      ['book_delta', 'sequence', true],
    ]);
    const at = (match: (record: AnyRecord) => boolean) => records.findIndex(match);
    expect(at(({ type }) => type === 'gap')).toBeLessThan(at((record) => 'sequence' in record && record.sequence === '710'));
  });

  it('of bitget after a reconnect are checked alone: nothing of the book before is left', async () => {
    const { of, statistics } = await replayed([feed('bitget-book-reconnect-checksum')], 'bitget', ['book_delta']);
    expect(of('book_snapshot').map(({ bids, asks }) => [bids, asks])).toEqual([
      [
        [
          [0.466, 10],
          [0.465, 5],
        ],
        [[0.467, 7]],
      ],
      [
        [[0.5, 1]],
        [
          [0.501, 2],
          [0.502, 3.1],
        ],
      ],
    ]);
    expect(of('gap')).toMatchObject([{ reason: 'disconnect', fromTimestamp: T + 200_000, untilTimestamp: T + 3_500_000 }]);
    expect(statistics.books.get('checksum')).toBeUndefined();
  });

  it('of bitget with a wrong checksum are silent until the next snapshot', async () => {
    const { of } = await changed('bitget-book-reconnect-checksum', 'bitget', ['book_delta'], (text) =>
      text.replace('1155543627', '1155543628'),
    );
    expect(of('book_delta')).toHaveLength(1);
    expect(of('gap')).toContainEqual(
      expect.objectContaining({ reason: 'checksum', missing: true, fromTimestamp: T + 100_000, untilTimestamp: T + 3_500_000 }),
    );
  });

  it('of bitget whose first updates overlap the snapshot drop the older ones', async () => {
    const { of, statistics } = await replayed([feed('bitget-book-first-updates-overlap')], 'bitget', ['book_delta']);
    expect(of('book_delta').map(({ sequence, bids }) => [sequence, bids])).toEqual([
      ['1010', [[100, 2]]],
      ['1020', [[100, 3]]],
    ]);
    expect(of('gap')).toEqual([]);
    expect(statistics.books.get('stale')).toBe(1);
  });
});

describe('names outside of A–Z and 0–9', () => {
  it.each(['龙虾USDT', '龙虾usdt', 'bybit:linear:龙虾USDT', '龙虾/USDT:USDT'])(
    '%s selects the symbol as it is listed',
    async (spelling) => {
      const { of } = await replayed([feed('bybit-non-ascii-symbol')], 'bybit', ALL, { symbols: [spelling] });
      expect(of('trade').map(encodeRecord)).toEqual([expect.stringContaining('"symbol":"龙虾USDT"')]);
    },
  );
});
