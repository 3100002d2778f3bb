import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NdjsonLines } from '../../../src/lib/model/ndjson-lines.js';
import { type AnyRecord, type BookSnapshot, columnsOf, RECORD_TYPES, type Trade } from '../../../src/lib/model/records.js';
import { camelCase, type Level } from '../../../src/lib/model/schema.js';
import { anyRecord } from '../../support/any-record.js';

const TRADE: Trade = {
  type: 'trade',
  exchange: 'bybit',
  market: 'linear',
  symbol: 'BTCUSDT',
  timestamp: 1_764_000_000_101_000,
  id: '20f43950-d8dd-5b31-9112-a178eb000000',
  price: 90_000.1,
  amount: 0.004,
  side: 'sell',
};

const lines = (...records: AnyRecord[]) => {
  const written = new NdjsonLines();
  for (const record of records) written.add(record);
  return Buffer.from(written.take()).toString('utf8');
};

/** The same by the means of the language. */
function plainLine(record: AnyRecord): string {
  const properties = record as Readonly<Record<string, unknown>>;
  const fields = columnsOf(record.type).map(([name]) => [name, properties[camelCase(name)] ?? undefined]);
  return `${JSON.stringify({ type: record.type, ...Object.fromEntries(fields) })}\n`;
}

const priceText = (price: number) => /"price":([^,]*),/.exec(lines({ ...TRADE, price }))?.[1];

describe('lines of NDJSON', () => {
  it('are those that JSON.stringify gives, for every record of every type (property)', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...RECORD_TYPES).chain(anyRecord), { maxLength: 5 }), (records) => {
        expect(lines(...records)).toBe(records.map(plainLine).join(''));
      }),
      { numRuns: 1_000 },
    );
  });

  it('write every text as JSON.stringify does (property)', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), fc.string({ minLength: 1 }), (symbol, id) => {
        expect(lines({ ...TRADE, symbol, id })).toBe(plainLine({ ...TRADE, symbol, id }));
      }),
      { numRuns: 2_000 },
    );
  });

  it('write every number as String does (property)', () => {
    const decimal = fc
      .tuple(fc.maxSafeNat(), fc.integer({ min: -30, max: 12 }))
      .map(([digits, power]) => Number(`${digits}e${power}`));
    const short = fc
      .tuple(fc.nat({ max: 1e6 }), fc.integer({ min: -12, max: 3 }))
      .map(([digits, power]) => Number(`${digits}e${power}`));
    const next = short.map((value) => value * (1 + Number.EPSILON));
    const double = fc.double({ noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(fc.oneof(double, decimal, short, next, fc.maxSafeInteger()), (value) => {
        expect(priceText(value)).toBe(String(value));
        expect(priceText(-value)).toBe(String(-value));
      }),
      { numRuns: 20_000 },
    );
  });

  it.each([
    0,
    -0,
    1e-7,
    1e-6,
    0.000001234,
    1.5e-6,
    0.1 + 0.2,
    99_999_999,
    100_000_000,
    1e15,
    1e15 - 0.125,
    999_999_999_999_999.9,
    1e16,
    2 ** 53 - 1,
    2 ** 53,
    1e21,
    123_456_789.123_456_7,
    4.35,
    1.005,
    5e-324,
    Number.MAX_VALUE,
  ])('write %d as String does', (value) => {
    expect(priceText(value)).toBe(String(value));
  });

  it('keep what was added before a record that cannot be written', () => {
    const written = new NdjsonLines();
    written.add(TRADE);
    const book: BookSnapshot = {
      type: 'book_snapshot',
      exchange: 'x',
      market: 'spot',
      symbol: 'A',
      timestamp: 1,
      bids: [],
      asks: [],
    };
    const asks: Level[] = [
      [1, 2],
      [Number.NaN, 1],
    ];
    expect(() => written.add({ ...book, asks })).toThrow('asks must be a finite number, was NaN');
    expect(() => written.add({ ...TRADE, amount: Number.POSITIVE_INFINITY })).toThrow('amount must be a finite number');
    written.add({ ...TRADE, id: 'a "quoted" \u{1f600} id\n' });
    expect(Buffer.from(written.take()).toString('utf8')).toBe(
      plainLine(TRADE) + plainLine({ ...TRADE, id: 'a "quoted" \u{1f600} id\n' }),
    );
    expect(written.length).toBe(0);
  });
});
