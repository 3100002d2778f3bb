import { describe, expect, it } from 'vitest';
import { encodeRecord } from '../../../../src/lib/model/ndjson.js';
import {
  type AnyRecord,
  type BookSnapshot,
  RECORD_TYPES,
  type RecordType,
  type Trade,
} from '../../../../src/lib/model/records.js';
import { withDatabase } from '../../../../src/lib/storage/database/duckdb.js';
import { tableRecords } from '../../../../src/lib/storage/database/record-rows.js';
import { TableAppender } from '../../../../src/lib/storage/database/table-appender.js';
import { sampleRecords } from '../../../support/any-record.js';
import { seeded } from '../../../support/random.js';
import { bookRecord, gapRecord, tradeRecord } from '../../../support/records.js';

/** Returns what a table holds after records were appended in pieces of `size`. */
function appended(type: RecordType, records: readonly AnyRecord[], size = 777): Promise<string[]> {
  return withDatabase({}, async (database) => {
    const appender = await TableAppender.create(database, type);
    for (let from = 0; from < records.length; from += size) await appender.append(records.slice(from, from + size));
    await appender.flush();
    const lines: string[] = [];
    for await (const batch of tableRecords(database, type, type)) lines.push(...batch.map(encodeRecord));
    return lines;
  });
}

const lines = (records: readonly AnyRecord[]) => records.map(encodeRecord);
const LARGEST = '9223372036854775807';
const SMALLEST = '-9223372036854775808';

describe('records that are appended to a table', () => {
  it('keep missing values in their rows, wherever a batch is cut', async () => {
    const random = seeded(5);
    const maybe = <T>(value: T) => (random() < 0.3 ? undefined : value);
    const trades = Array.from({ length: 5000 }, (_, n) =>
      tradeRecord({
        timestamp: 1_786_310_817_000_000 + n,
        localTimestamp: maybe(1_786_310_817_000_000 + n * 1000),
        id: `${n}`,
        price: random() < 0.1 ? 1e-8 : random() * 1e9,
        amount: 5e-324 + random(),
        side: maybe(random() < 0.5 ? 'buy' : ('sell' as const)),
        sequence: maybe(String(Math.floor(random() * 2 ** 53))),
      }),
    );
    expect(await appended('trade', trades, 1)).toEqual(lines(trades));
    expect(await appended('trade', trades, 5000)).toEqual(lines(trades));
  });

  it.each(['0', '7', '-7', '999999999999999', '1000000000000000', '9007199254740993', LARGEST, SMALLEST])(
    'keep the integer %s',
    async (sequence) => {
      const [line] = await appended('trade', [tradeRecord({ sequence })]);
      expect(JSON.parse(line as string).sequence).toBe(sequence);
    },
  );

  it.each(['9223372036854775808', '-9223372036854775809', '1.5', ' 1', '', '-', '0x10'])(
    'refuse %j as an integer instead of changing it',
    async (sequence) => {
      await expect(appended('trade', [tradeRecord({ sequence })])).rejects.toThrow(
        `sequence must be an integer of 64 bits, was ${sequence}`,
      );
    },
  );

  it('keep any text, repeated or not', async () => {
    const odd = [
      '',
      ' ',
      'NULL',
      '\u0000',
      'a\u0001b',
      'a\u001eb',
      'é',
      '比特幣',
      '🙂',
      "it's",
      '"',
      'x'.repeat(5000),
      'twelve bytes',
      'thirteen byte',
    ];
    const few = Array.from({ length: 4100 }, (_, n) => tradeRecord({ id: odd[n % odd.length] as string }));
    expect(await ids(few)).toEqual(few.map(({ id }) => id));
    // Half of a pair is no character: it becomes one that says so, as in every file.
    const halves = ['\ud83d', '\ude42', '\ufffd'].map((id) => tradeRecord({ id }));
    expect(await ids(halves)).toEqual(['\ufffd', '\ufffd', '\ufffd']);
    // Beyond a thousand different texts the column is written in another way, also in the middle of a batch.
    const many = [...few.slice(0, 2500), ...few.map((trade, n) => ({ ...trade, id: `${n % 1500}${trade.id}` }))];
    expect(await ids(many)).toEqual(many.map(({ id }) => id));
  });

  it.each([255, 256, 257, 1024, 1025])('keep %i different texts, each of them twice', async (different) => {
    const sides = Array.from({ length: 2 * different }, (_, n) => tradeRecord({ id: `${n}`, symbol: `S${n % different}` }));
    expect(await appended('trade', [...sides, ...sides], 1000)).toEqual(lines([...sides, ...sides]));
  });

  it('keep texts beside missing ones, in batches of ASCII and of others', async () => {
    const texts = ['x'.repeat(12), 'y'.repeat(13), 'é', 'z'.repeat(40)];
    const rows = Array.from({ length: 9000 }, (_, n) => {
      // The third batch has others than ASCII.
      const text = texts[n % 4 === 2 && Math.floor(n / 2048) !== 2 ? 0 : n % 4];
      return { ...gapRecord, channel: `${n}${text}`, symbol: `${n % 1500}`, timestamp: gapRecord.timestamp + n };
    });
    expect(await appended('gap', rows, 999)).toEqual(lines(rows));
    const orders = Array.from({ length: 5000 }, (_, n) => ({
      ...sampleRecords(1, ['order'])[0],
      clientId: n % 3 === 0 ? undefined : `client-${n}-${'c'.repeat(n % 30)}`,
    })) as AnyRecord[];
    expect(await appended('order', orders, 700)).toEqual(lines(orders));
  });

  it('keep every type as the schema allows it', async () => {
    for (const type of RECORD_TYPES) {
      const records = sampleRecords(40, [type]);
      expect(await appended(type, records, 7)).toEqual(lines(records));
    }
  });

  it('have the levels of books as a line has them', async () => {
    const levels = [
      [-0, -0],
      [1e-8, 9_007_199_254_740_992],
      [0.1 + 0.2, 5e-324],
    ] as const;
    const [line] = await appended('book_snapshot', [{ ...bookRecord, bids: levels, asks: levels }]);
    expect(line).toBe(encodeRecord({ ...bookRecord, bids: levels, asks: levels }));
    const deep = Array.from({ length: 20 }, (_, n) => ({
      ...bookRecord,
      bids: Array.from({ length: 1 + 997 * (n % 3) }, (_, level) => [level + n / 8, 1e9 / (level + 1)] as const),
    }));
    expect(await appended('book_snapshot', deep, 6)).toEqual(lines(deep));
    const bad = { ...bookRecord, bids: [[1, Number.NaN]] as const };
    await expect(appended('book_snapshot', [bad])).rejects.toThrow('bids must have finite numbers, had 1 and NaN');
  });

  it('are whole after a book was refused', async () => {
    const good = Array.from({ length: 5 }, (_, n) => ({ ...bookRecord, depth: n, bids: [[n, n]] as const }));
    const bad = { ...bookRecord, bids: [[1, Number.NaN]] as const };
    const found = await withDatabase({}, async (database) => {
      const appender = await TableAppender.create(database, 'book_snapshot');
      await appender.append(good.slice(0, 2));
      await expect(appender.append([good[2] as BookSnapshot, bad])).rejects.toThrow('finite');
      await appender.append(good.slice(2));
      await appender.flush();
      const kept: string[] = [];
      for await (const batch of tableRecords(database, 'book_snapshot', 'book_snapshot')) kept.push(...lines(batch));
      return kept;
    });
    expect(found).toEqual(lines(good));
  });

  it('keep books with sides of different lengths', async () => {
    const books = Array.from({ length: 3000 }, (_, n) => ({
      ...bookRecord,
      bids: Array.from({ length: n % 4 }, (_, level) => [65_114.2 - level / 10, 1e-8 * (n + 1)] as const),
      depth: n % 3 === 0 ? undefined : n,
    }));
    expect(await appended('book_snapshot', books)).toEqual(lines(books));
  });

  it('go on after a flush', async () => {
    const trades = Array.from({ length: 130_000 }, (_, n) => tradeRecord({ id: `${n}` }));
    const found = await ids(trades);
    expect(found.length).toBe(trades.length);
    expect(found.every((id, n) => id === `${n}`)).toBe(true);
  });

  it('are whole after others were refused', async () => {
    const bad = [tradeRecord({ id: 'lost' }), tradeRecord({ localTimestamp: undefined, price: Number.NaN })];
    const good = [1, 2, 3].map((n) => tradeRecord({ id: `${n}`, localTimestamp: 1_786_310_817_000_000 + n, sequence: `${n}` }));
    const found = await withDatabase({}, async (database) => {
      const appender = await TableAppender.create(database, 'trade');
      await expect(appender.append(bad)).rejects.toThrow('price must be a finite number');
      await appender.append(good);
      await appender.flush();
      const kept: string[] = [];
      for await (const batch of tableRecords(database, 'trade', 'trade')) kept.push(...lines(batch));
      return kept;
    });
    expect(found).toEqual(lines(good));
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('refuse the number %d', async (price) => {
    await expect(appended('trade', [tradeRecord({ price })])).rejects.toThrow(/price must be a finite number/);
  });
});

async function ids(trades: readonly Trade[]): Promise<string[]> {
  return (await appended('trade', trades)).map((line) => JSON.parse(line).id);
}
