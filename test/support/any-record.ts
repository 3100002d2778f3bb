import fc from 'fast-check';
import { type AnyRecord, type Candle, columnsOf, RECORD_TYPES, type RecordType } from '../../src/lib/model/records.js';
import { type Column, camelCase } from '../../src/lib/model/schema.js';

const time = fc.integer({ min: 1_700_000_000_000_000, max: 1_800_000_000_000_000 });
const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value || 0);
const text = fc
  .string({ unit: 'grapheme-composite', minLength: 1, maxLength: 12 })
  .filter((value) => !/[\p{Cc}\ufffd]/u.test(value));
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
    const found = { type, ...Object.fromEntries(present) } as unknown as AnyRecord;
    return found.type === 'candle' ? possibleCandle(found) : found;
  });
}

/** Returns a candle that somebody can mean: aligned, with its prices in order, or none of them where nothing traded. */
function possibleCandle(candle: Candle): Candle {
  const [low = 1, open = 1, close = 1, high = 1] = [candle.open, candle.high, candle.low, candle.close]
    .map((price) => Math.abs(price ?? 1) || 1)
    .sort((a, b) => a - b);
  const prices =
    candle.open === undefined
      ? { open: undefined, high: undefined, low: undefined, close: undefined }
      : { open, high, low, close };
  const volume = candle.open === undefined ? 0 : Math.abs(candle.volume);
  const { open: _open, high: _high, low: _low, close: _close, buyVolume, turnover, trades, ...rest } = candle;
  return {
    ...rest,
    ...Object.fromEntries(Object.entries(prices).filter(([, price]) => price !== undefined)),
    interval: '1s',
    timestamp: Math.floor(candle.timestamp / 1_000_000) * 1_000_000,
    volume,
    ...(buyVolume === undefined ? {} : { buyVolume: volume / 2 }),
    ...(turnover === undefined ? {} : { turnover: Math.abs(turnover) }),
    ...(trades === undefined ? {} : { trades: trades + 1 }),
  } as Candle;
}

/** Some records of every type, always the same. */
export function sampleRecords(perType: number, types: readonly RecordType[] = RECORD_TYPES): AnyRecord[] {
  return types.flatMap((type) => fc.sample(anyRecord(type), { numRuns: perType, seed: 11 }));
}
