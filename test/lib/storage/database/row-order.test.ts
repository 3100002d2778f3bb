import { describe, expect, it } from 'vitest';
import { areHashesDistinct } from '../../../../src/lib/storage/database/distinct-hashes.js';
import { withDatabase } from '../../../../src/lib/storage/database/duckdb.js';
import { rowOrder } from '../../../../src/lib/storage/database/row-order.js';

/** A trade: symbol, time, id and place. */
type Given = readonly [string, number, string, number];

function orderOf(rows: readonly Given[]) {
  const values = rows.map(([symbol, time, id, place]) => `('${symbol}', ${time}, '${id}', ${place})`).join(', ');
  const relation = `(SELECT symbol, make_timestamptz(time) AS "timestamp", NULL::BIGINT AS "sequence", NULL::TIMESTAMPTZ AS "local_timestamp",
    'buy' AS side, 1.0 AS price, id, place FROM (VALUES ${values}) AS t(symbol, time, id, place))`;
  return withDatabase({}, (database) => rowOrder(database, 'trade', relation));
}

describe('rowOrder', () => {
  it.each<[string, readonly Given[], string | undefined]>([
    [
      'file',
      [
        ['A', 1, 'x', 9],
        ['A', 2, 'a', 3],
        ['A', 2, 'b', 4],
        ['B', 1, 'a', 5],
      ],
      'file',
    ],
    [
      'time',
      [
        ['B', 1, 'x', 1],
        ['A', 2, 'a', 2],
        ['A', 2, 'b', 3],
        ['B', 3, 'a', 4],
      ],
      'time',
    ],
    [
      'time, with an id that stands wrong',
      [
        ['B', 1, 'x', 1],
        ['A', 2, 'b', 2],
        ['A', 2, 'a', 3],
        ['B', 3, 'a', 4],
      ],
      undefined,
    ],
    [
      'time, with a place that goes back',
      [
        ['B', 1, 'x', 1],
        ['A', 2, 'a', 3],
        ['A', 2, 'b', 2],
        ['B', 3, 'a', 4],
      ],
      undefined,
    ],
    [
      'none, in its last row',
      [
        ['A', 2, 'a', 1],
        ['B', 3, 'b', 2],
        ['A', 1, 'c', 3],
      ],
      undefined,
    ],
  ])('finds the order %s', async (_, rows, order) => {
    expect(await orderOf(rows)).toBe(order);
  });
});

describe('areHashesDistinct', () => {
  it('finds one repeated hash among many, and 0 twice', async () => {
    await withDatabase({}, async (database) => {
      const areDistinct = (rows: string, count: number) => areHashesDistinct(database, 'hash(i)', `(${rows})`, count);
      expect(await areDistinct('SELECT i FROM range(100000) r(i)', 100_000)).toBe(true);
      expect(await areDistinct('SELECT i % 99999 AS i FROM range(100000) r(i)', 100_000)).toBe(false);
      const zeros = "(SELECT unnest(['0', '8589934592', '0'])::UBIGINT AS i)";
      expect(await areHashesDistinct(database, 'i', zeros, 3)).toBe(false);
      expect(await areHashesDistinct(database, 'i', `(FROM ${zeros} LIMIT 2)`, 2)).toBe(true);
    });
  });
});
