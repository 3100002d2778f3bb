import { describe, expect, it } from 'vitest';
import { compareTrades } from '../../../src/lib/model/order.js';
import type { Trade } from '../../../src/lib/model/records.js';
import { Database } from '../../../src/lib/storage/database/duckdb.js';
import { recordOrder } from '../../../src/lib/storage/database/record-table.js';
import { TableAppender } from '../../../src/lib/storage/database/table-appender.js';
import { seeded } from '../../support/random.js';

const trade = (more: Partial<Trade>): Trade => ({
  type: 'trade',
  exchange: 'bybit',
  market: 'linear',
  symbol: 'BTCUSDT',
  timestamp: 1_763_683_200_000_000,
  id: 'a',
  price: 100,
  amount: 1,
  side: 'buy',
  ...more,
});
const prices = (trades: Trade[]) => [...trades].sort(compareTrades).map(({ price }) => price);

describe('the order of trades', () => {
  it('of one fetched sweep goes through the prices, whatever their ids', () => {
    const buys = [
      trade({ sequence: '7', id: 'c', price: 100 }),
      trade({ sequence: '7', id: 'f', price: 101 }),
      trade({ sequence: '7', id: '1', price: 102 }),
    ];
    expect(prices(buys)).toEqual([100, 101, 102]);
    expect(prices(buys.map((buy) => ({ ...buy, side: 'sell' as const })))).toEqual([102, 101, 100]);
    const captured = buys.map((buy, at) => ({ ...buy, localTimestamp: 1_763_683_200_000_009 - at }));
    expect(prices(captured)).toEqual([102, 101, 100]);
    const unordered = buys.map(({ sequence: _, ...buy }) => buy);
    expect(prices(unordered)).toEqual([102, 100, 101]);
  });

  it('is the same in SQL', async () => {
    const random = seeded(11);
    const among = <Value>(...values: Value[]) => values[Math.floor(random() * values.length)] as Value;
    const trades = Array.from({ length: 400 }, (_, at) => {
      const [sequence, localTimestamp] = [
        among(undefined, '1', '2'),
        among(undefined, 1_763_683_200_000_001, 1_763_683_200_000_002),
      ];
      const known = {
        ...(sequence === undefined ? {} : { sequence }),
        ...(localTimestamp === undefined ? {} : { localTimestamp }),
      };
      return trade({ ...known, id: `${among('a', 'b', 'c')}${at}`, price: among(1, 2, 3), side: among('buy', 'sell') });
    });
    const database = await Database.open();
    try {
      const appender = await TableAppender.create(database, 'trade');
      await appender.append(trades);
      await appender.flush();
      const rows = await database.rows(`SELECT "id" FROM trade ORDER BY ${recordOrder('trade')}`);
      expect(rows.map(({ id }) => id)).toEqual([...trades].sort(compareTrades).map(({ id }) => id));
    } finally {
      await database.close();
    }
  });
});
