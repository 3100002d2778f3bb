import fc from 'fast-check';
import { type AnyRecord, columnsOf, RECORD_TYPES, type RecordType } from '../../src/lib/model/records.js';
import { type Column, camelCase } from '../../src/lib/model/schema.js';

const time = fc.integer({ min: 1_700_000_000_000_000, max: 1_800_000_000_000_000 });
const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value || 0);
const text = fc.string({ unit: 'grapheme-composite', minLength: 1, maxLength: 12 }).filter((value) => !/[\p{Cc}]/u.test(value));
const long = fc.bigInt({ min: 0n, max: 9_223_372_036_854_775_807n }).map(String);
const level = fc.tuple(number, number);
const json = fc.oneof(
  fc.constant({}),
  fc.record({ a: fc.integer(), b: fc.array(fc.string()), 'c d': fc.boolean() }),
  fc.array(fc.integer()),
);

function valueFor({ kind, values }: Column): fc.Arbitrary<unknown> {
  if (values) return fc.constantFrom(...values);
  const kinds = {
    time,
    number,
    count: fc.nat(),
    long,
    text,
    flag: fc.boolean(),
    levels: fc.array(level, { maxLength: 4 }),
    json,
  };
  return kinds[kind];
}

const positive = fc.double({ min: Number.MIN_VALUE, noNaN: true, noDefaultInfinity: true });

/** Any record of a type, as the schema allows it: every optional field may be missing. A trade is of something, for something. */
export function anyRecord(type: RecordType): fc.Arbitrary<AnyRecord> {
  const fields = columnsOf(type).map(([name, column]) => {
    const value = type === 'trade' && column.kind === 'number' ? positive : valueFor(column);
    return [camelCase(name), column.required ? value : fc.option(value, { nil: undefined })] as const;
  });
  return fc.record(Object.fromEntries(fields)).map((record) => {
    const present = Object.entries(record).filter(([, value]) => value !== undefined);
    return { type, ...Object.fromEntries(present) } as unknown as AnyRecord;
  });
}

/** Some records of every type, always the same. */
export function sampleRecords(perType: number, types: readonly RecordType[] = RECORD_TYPES): AnyRecord[] {
  return types.flatMap((type) => fc.sample(anyRecord(type), { numRuns: perType, seed: 11 }));
}
