import { describe, expect, it } from 'vitest';
import { checkedCandle } from '../../../../src/lib/model/plausible-candle.js';
import type { Candle } from '../../../../src/lib/model/records.js';
import { Database } from '../../../../src/lib/storage/database/duckdb.js';
import { plausibleRows } from '../../../../src/lib/storage/database/plausible-rows.js';
import { validCondition } from '../../../../src/lib/storage/database/record-table.js';
import { TableAppender } from '../../../../src/lib/storage/database/table-appender.js';

const MINUTE = 60_000_000;
const START = 1_717_200_000_000_000;
/** The Monday before. */
const MONDAY = 1_716_768_000_000_000;
const base: Candle = {
  type: 'candle',
  exchange: 'bybit',
  market: 'linear',
  symbol: 'BTCUSDT',
  timestamp: START,
  interval: '1m',
  open: 100,
  high: 102,
  low: 99,
  close: 101,
  volume: 10,
  source: 'exchange',
  closed: true,
};
const none = { open: undefined, high: undefined, low: undefined, close: undefined };

const GOOD: readonly Partial<Candle>[] = [
  {},
  { ...none, volume: 0 },
  { ...none, volume: 0, turnover: 0, buyVolume: 0, trades: 0 },
  { open: 100, high: 100, low: 100, close: 100, volume: 0, trades: 0 },
  { buyVolume: 10, trades: 3, turnover: 1000 },
  { interval: '60s' },
  { interval: '60m' },
  { interval: '24h' },
  { interval: '7d', timestamp: MONDAY },
  { interval: '1w', timestamp: MONDAY },
];
const BAD: readonly [Partial<Candle>, RegExp][] = [
  [{ close: undefined }, /no close/],
  [{ open: undefined, close: undefined }, /no open and no close/],
  [{ close: undefined, volume: 0 }, /no close/],
  [none, /prices for a volume of 10/],
  [{ high: 99.5 }, /candle\.high/],
  [{ high: 100.5 }, /candle\.high/],
  [{ low: 100.5 }, /candle\.low/],
  [{ open: -100, high: -90, low: -110, close: -100 }, /candle\.open: expected a price above 0/],
  [{ open: 0, high: 0, low: 0, close: 0, volume: 0 }, /candle\.open: expected a price above 0/],
  [{ low: 0 }, /candle\.low: expected a price above 0/],
  [{ volume: -5 }, /candle\.volume/],
  [{ turnover: -5 }, /candle\.turnover/],
  [{ buyVolume: -5 }, /candle\.buy_volume/],
  [{ buyVolume: 11 }, /candle\.buy_volume/],
  [{ trades: -1 }, /candle\.trades/],
  [{ trades: 0 }, /candle\.trades/],
  [{ timestamp: START + 30_000_000 }, /opening of a 1m candle/],
  [{ interval: '1h', timestamp: START + 30 * MINUTE }, /opening of a 1h candle/],
  [{ interval: '1w', timestamp: START }, /opening of a 1w candle/],
  ...['1min', '1hour', '5', '1M', '0m', '8d', '1.5s', ''].map((interval): [Partial<Candle>, RegExp] => [
    { interval },
    /candle\.interval: expected whole seconds/,
  ]),
];

describe('a candle of a foreign file', () => {
  it.each(GOOD)('is taken: %j', (fields) => {
    expect(checkedCandle({ ...base, ...fields })).toHaveProperty('candle');
  });

  it.each(BAD)('is refused: %j', (fields, reason) => {
    expect(checkedCandle({ ...base, ...fields })).toEqual({ fault: expect.stringMatching(reason) });
  });

  it('has the shortest name of its interval', () => {
    for (const [given, name] of [
      ['60s', '1m'],
      ['60m', '1h'],
      ['24h', '1d'],
    ])
      expect(checkedCandle({ ...base, interval: given as string })).toMatchObject({ candle: { interval: name } });
  });

  it('is taken or refused alike in Parquet', async () => {
    const candles = [...GOOD, ...BAD.map(([fields]) => fields)].map((fields, index) => {
      return { ...base, ...fields, symbol: `S${index}` } as Candle;
    });
    const database = await Database.open();
    try {
      const appender = await TableAppender.create(database, 'candle');
      await appender.append(candles);
      await appender.flush();
      const { select, condition } = await plausibleRows(database, 'candle', 'SELECT * FROM "candle"');
      const rows = await database.rows(
        `SELECT "symbol", "interval" FROM (${select}) WHERE ${validCondition('candle')} AND ${condition}`,
      );
      const taken = candles.flatMap((candle) => {
        const checked = checkedCandle(candle);
        return 'candle' in checked ? [`${checked.candle.symbol} ${checked.candle.interval}`] : [];
      });
      expect(rows.map(({ symbol, interval }) => `${symbol} ${interval}`).sort()).toEqual(taken.sort());
    } finally {
      await database.close();
    }
  });
});
