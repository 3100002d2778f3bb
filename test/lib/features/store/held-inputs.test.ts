import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { heldInputs } from '../../../../src/lib/features/store/held-inputs.js';
import { KINDS } from '../../../../src/lib/features/store/input-kinds.js';
import { createInputTable } from '../../../../src/lib/features/store/input-table.js';
import type { AnyRecord } from '../../../../src/lib/model/records.js';
import { type Database, withDatabase } from '../../../../src/lib/storage/database/duckdb.js';
import { TableAppender } from '../../../../src/lib/storage/database/table-appender.js';
import { samples } from '../../../support/samples.js';

const START = 1_786_310_820_000_000;
const market = { exchange: 'bybit', market: 'linear', symbol: 'BTCUSDT' } as const;

/** Puts records into tables in their order; returns these by type. */
async function relationsOf(database: Database, records: readonly AnyRecord[]) {
  const types = KINDS.map(({ type }) => type).filter((type) => records.some((record) => record.type === type));
  for (const type of types) {
    const appender = await TableAppender.create(database, type);
    await appender.append(records.filter((record) => record.type === type));
    await appender.flush();
  }
  return new Map(types.map((type) => [type, `"${type}"`]));
}

/** Returns the inputs one by one, and whether they were held in memory; undefined where the records decide. */
async function inputsOf(records: readonly AnyRecord[], options: { heldBytes?: number; tradesInOrder?: boolean } = {}) {
  return await withDatabase({}, async (database) => {
    const relations = await relationsOf(database, records);
    const table = await createInputTable(database, relations, 'inputs', options);
    if (!table) return undefined;
    const found: string[] = [];
    for await (const chunk of table.chunks())
      for (let row = 0; row < chunk.rows; row++)
        found.push(JSON.stringify([table.symbols[chunk.symbol(row)]?.symbol, chunk.input(row)]));
    await table.drop();
    return found;
  });
}

async function isHeld(records: readonly AnyRecord[], options: { heldBytes?: number; tradesInOrder?: boolean } = {}) {
  return await withDatabase({}, async (database) => {
    const relations = await relationsOf(database, records);
    const given = KINDS.flatMap(({ type }, kind) => {
      const relation = relations.get(type);
      return relation === undefined ? [] : [{ kind, relation }];
    });
    return (await heldInputs(database, { given, symbols: 1, code: '0::INTEGER' }, options)) !== undefined;
  });
}

const number = fc.constantFrom(1e-8, 0.1, 0.2, 0.3, 100.5, 64_999.9);
const maybe = fc.option(number, { nil: undefined, freq: 3 });
const levels = fc.array(fc.tuple(number, number), { maxLength: 17 });

/** Few times, arrivals and sequences: ties within and between types are common. */
const input = fc
  .record({
    type: fc.constantFrom('trade', 'trade', 'book_snapshot', 'ticker', 'mark_price', 'open_interest', 'funding'),
    symbol: fc.constantFrom('BTCUSDT', 'BTCUSDT', 'ETHUSDT'),
    time: fc.integer({ min: 0, max: 12 }),
    arrival: fc.option(fc.integer({ min: 0, max: 1e6 }), { nil: undefined, freq: 9 }),
    sequence: fc.option(fc.constantFrom('1', '2', '9007199254740993', '9007199254740994'), { nil: undefined }),
    id: fc.integer({ min: 0, max: 1e9 }),
    values: fc.tuple(maybe, maybe, maybe, maybe, number),
    books: fc.tuple(levels, levels),
  })
  .map(({ type, symbol, time, arrival, sequence, id, values: [a, b, c, d, e], books: [bids, asks] }) => {
    const timestamp = START + time * 250_000;
    const common = { ...market, symbol, timestamp, localTimestamp: arrival === undefined ? undefined : START + arrival };
    const settled = id % 5 === 0 || undefined;
    if (type === 'trade')
      return { type, ...common, id: `${id}`, price: e, amount: e, side: id % 7 === 0 ? undefined : 'buy', sequence };
    if (type === 'book_snapshot') return { type, ...common, bids, asks };
    if (type === 'ticker') return { type, ...common, bid: a, bidAmount: b, ask: c, askAmount: d };
    if (type === 'mark_price') return { type, ...common, mark: e, index: a };
    if (type === 'open_interest') return { type, ...common, amount: a, amountBothSides: b };
    return { type, ...common, rate: e, settled };
  }) as unknown as fc.Arbitrary<AnyRecord>;

const inputs = fc.uniqueArray(input, {
  minLength: 2,
  maxLength: 120,
  selector: (record) => ('id' in record ? record.id : `${record.type} ${record.localTimestamp ?? record.timestamp}`),
});

describe('inputs held in memory', () => {
  it('are those that DuckDB sorts, in the same order', async () => {
    await fc.assert(
      fc.asyncProperty(inputs, fc.boolean(), async (records, isInTime) => {
        const given = isInTime ? [...records].sort((a, b) => a.timestamp - b.timestamp) : records;
        expect(await inputsOf(given)).toEqual(await inputsOf(given, { heldBytes: -1 }));
      }),
      { numRuns: samples(12) },
    );
  });

  const trade = (more: object) =>
    ({ type: 'trade', ...market, timestamp: START, id: '1', price: 1, amount: 1, ...more }) as AnyRecord;
  const ticker = (more: object) => ({ type: 'ticker', ...market, timestamp: START, bid: 1, ...more }) as AnyRecord;

  it('lie in order of time, of one time a book first and a trade last', async () => {
    const books = [1, 0].map((time) => ({ type: 'book_snapshot', ...market, timestamp: START + time, bids: [], asks: [] }));
    const records = [trade({ timestamp: START + 1 }), trade({ id: '2' }), ...books, ticker({})] as AnyRecord[];
    expect(await isHeld(records)).toBe(true);
    const types = (await inputsOf(records))?.map((text) => JSON.parse(text)[1].type);
    expect(types).toEqual(['book_snapshot', 'ticker', 'trade', 'book_snapshot', 'trade']);
  });

  it.each<[string, readonly AnyRecord[], boolean]>([
    ['trades in order of their sequence', [trade({ sequence: '1' }), trade({ id: '0', sequence: '2' })], true],
    ['trades against their sequence', [trade({ sequence: '2' }), trade({ id: '0', sequence: '1' })], true],
    ['trades that only their ids put in order', [trade({ id: '2' }), trade({ id: '1' })], false],
    ['a sequence below zero', [trade({ sequence: '-5' })], false],
    ['a sequence that no double puts in order', [trade({ sequence: '9223372036854775806' })], false],
    ['rows of one arrival', [ticker({ localTimestamp: START }), ticker({ timestamp: START + 1, localTimestamp: START })], false],
    ['rows of one time without an arrival', [ticker({}), ticker({ bid: 2 })], false],
    ['rows without an arrival', [ticker({}), ticker({ timestamp: START + 1 })], true],
  ])('hold %s or not', async (_, records, held) => {
    expect(await isHeld(records)).toBe(held);
    expect(await inputsOf(records)).toEqual(await inputsOf(records, { heldBytes: -1 }));
  });

  it('take no trades in doubt, and no more than there is room for', async () => {
    const tied = [trade({ id: '2' }), trade({ id: '3' })];
    expect(await isHeld(tied, { tradesInOrder: true })).toBe(true);
    expect(await isHeld(tied, { tradesInOrder: true, heldBytes: 10 })).toBe(false);
  });

  it.each([
    ['a level without an amount', '[[1.0, 2.0], [3.0]]'],
    ['an amount that is missing', '[[1.0, NULL]]'],
    ['a level that is missing', '[[1.0, 2.0], NULL]'],
    ['levels of three numbers', '[[1.0, 2.0, 3.0]]'],
    ['no levels at all', 'NULL'],
  ])('are left to the table with %s', async (_, bids) => {
    await withDatabase({}, async (database) => {
      await relationsOf(database, [{ type: 'book_snapshot', ...market, timestamp: START, bids: [], asks: [] }]);
      await database.run(`UPDATE book_snapshot SET bids = ${bids}`);
      const given = [{ kind: 0, relation: 'book_snapshot' }];
      expect(await heldInputs(database, { given, symbols: 1, code: '0::INTEGER' }, {})).toBeUndefined();
    });
  });
});
