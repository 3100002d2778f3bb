import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeRecord, encodeRecord, excerpt, fieldsOf, lineObjectOf, RecordError } from '../../../src/lib/model/ndjson.js';
import { type AnyRecord, columnsOf, RECORD_TYPES, type RecordType, type Trade } from '../../../src/lib/model/records.js';
import { type Column, camelCase } from '../../../src/lib/model/schema.js';

const TRADE: Trade = {
  type: 'trade',
  exchange: 'bitget',
  market: 'linear',
  symbol: 'BTCUSDT',
  timestamp: 1_764_000_000_101_000,
  localTimestamp: 1_764_000_000_110_417,
  id: '1371234567890123456',
  price: 90_000.1,
  amount: 1e-7,
  side: 'buy',
  sequence: '1371234567890123456',
};

const finite = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (Object.is(value, -0) ? 0 : value));
const integer = fc.maxSafeInteger();

function anyValue(column: Column): fc.Arbitrary<unknown> {
  if (column.values) return fc.constantFrom(...column.values);
  const arbitraries: Record<Column['kind'], fc.Arbitrary<unknown>> = {
    time: integer,
    count: integer,
    number: finite,
    flag: fc.boolean(),
    long: fc.bigInt({ min: -(2n ** 63n) + 1n, max: 2n ** 63n - 1n }).map(String),
    levels: fc.array(fc.tuple(finite, finite)),
    json: fc.oneof(fc.constant({ a: [1, 'x'] }), fc.string()),
    text: fc.string({ minLength: 1, unit: 'grapheme' }),
  };
  return arbitraries[column.kind];
}

const record = fc.constantFrom(...RECORD_TYPES).chain((type: RecordType) => {
  const fields = Object.fromEntries(
    columnsOf(type).map(([name, column]) => [
      camelCase(name),
      column.required ? anyValue(column) : fc.option(anyValue(column), { nil: undefined }),
    ]),
  );
  return fc.record({ type: fc.constant(type), ...fields }) as fc.Arbitrary<unknown> as fc.Arbitrary<AnyRecord>;
});

describe('NDJSON records', () => {
  it('writes the columns by their names, in order, numbers as numbers and long integers as text', () => {
    expect(encodeRecord(TRADE)).toBe(
      '{"type":"trade","exchange":"bitget","market":"linear","symbol":"BTCUSDT","timestamp":1764000000101000,' +
        '"local_timestamp":1764000000110417,"id":"1371234567890123456","price":90000.1,"amount":1e-7,"side":"buy","sequence":"1371234567890123456"}',
    );
  });

  it('gives back every record of every type', () => {
    fc.assert(
      fc.property(record, (original) => {
        const copy = decodeRecord(encodeRecord(original));
        for (const { property } of fieldsOf(original.type)) {
          expect((copy as Record<string, unknown>)[property]).toEqual((original as Record<string, unknown>)[property]);
        }
      }),
      { seed: 20261121, numRuns: 2_000 },
    );
  });

  it('reads back as the object that is made without the line', () => {
    const isSame = fc.property(record, (original) => {
      expect(lineObjectOf(original)).toEqual(JSON.parse(encodeRecord(original)));
    });
    fc.assert(isSame, { seed: 20261129, numRuns: 1_000 });
    const zero = { ...TRADE, price: -0 };
    expect(JSON.stringify(lineObjectOf(zero))).toBe(encodeRecord(zero));
    expect(() => lineObjectOf({ ...TRADE, price: Number.NaN })).toThrow('price must be a finite number, was NaN');
  });

  it('leaves out what is missing, and takes null for missing', () => {
    const { localTimestamp: _, ...fetched } = TRADE;
    expect(encodeRecord(fetched)).not.toContain('local_timestamp');
    expect(decodeRecord(encodeRecord(TRADE).replace('"sequence":"1371234567890123456"', '"sequence":null'))).not.toHaveProperty(
      'sequence',
    );
  });

  it('never writes a number that is none', () => {
    expect(() => encodeRecord({ ...TRADE, price: Number.NaN })).toThrow('price must be a finite number, was NaN');
    expect(() => encodeRecord({ ...TRADE, localTimestamp: Number.POSITIVE_INFINITY })).toThrow('localTimestamp');
  });

  const line = encodeRecord(TRADE);
  it.each([
    ['no JSON', '{"type":"tra', 'expected a JSON object'],
    ['a list', '[1]', 'expected a JSON object'],
    ['an unknown type', '{"type":"candel"}', 'expected a record type, was candel'],
    ['an inherited name', '{"type":"toString"}', 'expected a record type, was toString'],
    ['a missing field', line.replace('"price":90000.1,', ''), 'trade.price is missing'],
    ['text for a number', line.replace('90000.1', '"90000.1"'), 'trade.price: expected a finite number, was 90000.1'],
    ['a number JSON cannot hold', line.replace('90000.1', '1e999'), 'trade.price: expected a finite number'],
    [
      'half a microsecond',
      line.replace('1764000000101000', '1764000000101000.5'),
      'trade.timestamp: expected integer microseconds',
    ],
    ['another side', line.replace('"buy"', '"Buy"'), 'trade.side: expected one of buy, sell, was Buy'],
    [
      'a long integer that lost digits',
      line.replace('"sequence":"1371234567890123456"', '"sequence":1371234567890123456'),
      'trade.sequence: expected a 64-bit integer',
    ],
    ['an empty id', line.replace('"id":"1371234567890123456"', '"id":""'), 'trade.id: expected text'],
  ])('refuses %s', (_, bad, message) => {
    expect(() => decodeRecord(bad)).toThrow(RecordError);
    expect(() => decodeRecord(bad)).toThrow(message);
  });

  it('refuses levels that are no levels', () => {
    const book = (bids: string) =>
      `{"type":"book_snapshot","exchange":"b","market":"spot","symbol":"X","timestamp":1,"bids":${bids},"asks":[]}`;
    expect(decodeRecord(book('[[1,2],[0.5,1e-9]]'))).toMatchObject({
      bids: [
        [1, 2],
        [0.5, 1e-9],
      ],
    });
    for (const bad of ['[[1]]', '[["1",2]]', '[[1,2,3]]', '[1,2]', '{}', '"[]"'])
      expect(() => decodeRecord(book(bad))).toThrow('bids');
  });
});

describe('schema', () => {
  it('uses one kind for one column name', () => {
    const kinds = new Map<string, Set<string>>();
    for (const type of RECORD_TYPES) {
      for (const [name, { kind }] of columnsOf(type)) kinds.set(name, (kinds.get(name) ?? new Set()).add(kind));
    }
    const mixed = [...kinds].filter(([, set]) => set.size > 1).map(([name]) => name);
    expect(mixed).toEqual([]);
  });

  it('has a note for every column', () => {
    for (const type of RECORD_TYPES)
      for (const [name, { note }] of columnsOf(type)) expect(`${type}.${name}: ${note}`).toMatch(/: .{3}/);
  });
});

describe('excerpt', () => {
  it('is one line that steers no terminal, whatever it is of', () => {
    expect(excerpt('a\u001b[31m\nb\u2028c\u202ed')).toBe('a\\u001b[31m\\u000ab\\u2028c\\u202ed');
    expect(excerpt('币安USDT €')).toBe('币安USDT €');
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(excerpt(text))));
  });
});
