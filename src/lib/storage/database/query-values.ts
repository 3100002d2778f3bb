import type { DuckDBType, DuckDBValue } from '@duckdb/node-api';
import { loadDuckDB } from './duckdb.js';

/** How a column of a result is shown. `time` is microseconds. */
export type ResultKind = 'time' | 'number' | 'text' | 'flag' | 'json';

/** A value of a result as in NDJSON; undefined is missing. */
export type ResultValue =
  | string
  | number
  | boolean
  | readonly (ResultValue | null)[]
  | { readonly [name: string]: ResultValue }
  | undefined;

type DuckDB = typeof import('@duckdb/node-api');

/** Columns that exceed 2^53 on some exchanges only: always text, so that a column has one kind, as in records. */
const TEXTS: ReadonlySet<string> = new Set(['sequence', 'previous_sequence']);

/** Returns a function that turns rows of DuckDB with these columns into values of NDJSON. */
export async function createRowConverter(names: readonly string[]): Promise<(row: readonly DuckDBValue[]) => ResultValue[]> {
  const convert = await createValueConverter();
  const isText = names.map((name) => TEXTS.has(name));
  return (row) => row.map((value, index) => (isText[index] && typeof value === 'bigint' ? String(value) : convert(value)));
}

/** Returns a function that turns values of DuckDB into values of NDJSON: exact, integers beyond 2^53 and decimals as text. */
async function createValueConverter(): Promise<(value: DuckDBValue) => ResultValue> {
  const duckdb = await loadDuckDB();
  const convert = (value: DuckDBValue): ResultValue => {
    if (value === null || value === undefined) return undefined;
    if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
    if (typeof value === 'bigint') return exactInteger(value);
    if (typeof value !== 'object') return value;
    const micros = microsecondsOf(duckdb, value);
    if (micros !== undefined) return exactInteger(micros);
    return convertNested(duckdb, value, convert) ?? String(value);
  };
  return convert;
}

function microsecondsOf(duckdb: DuckDB, value: DuckDBValue): bigint | undefined {
  if (value instanceof duckdb.DuckDBTimestampTZValue || value instanceof duckdb.DuckDBTimestampValue) return value.micros;
  if (value instanceof duckdb.DuckDBTimestampMillisecondsValue) return value.millis * 1000n;
  if (value instanceof duckdb.DuckDBTimestampSecondsValue) return value.seconds * 1_000_000n;
  if (value instanceof duckdb.DuckDBTimestampNanosecondsValue) return value.nanos / 1000n;
  return undefined;
}

function convertNested(duckdb: DuckDB, value: DuckDBValue, convert: (value: DuckDBValue) => ResultValue): ResultValue {
  const named = (entries: [string, DuckDBValue][]) => Object.fromEntries(entries.map(([name, of]) => [name, convert(of)]));
  if (value instanceof duckdb.DuckDBListValue || value instanceof duckdb.DuckDBArrayValue)
    return value.items.map((item) => convert(item) ?? null);
  if (value instanceof duckdb.DuckDBStructValue) return named(Object.entries(value.entries));
  if (value instanceof duckdb.DuckDBMapValue) return named(value.entries.map(({ key, value: of }) => [String(convert(key)), of]));
  return undefined;
}

function exactInteger(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}

const KINDS: readonly [pattern: RegExp, kind: ResultKind][] = [
  [/^TIMESTAMP/, 'time'],
  [/\[|^(STRUCT|MAP|LIST|ARRAY|UNION|JSON)/, 'json'],
  [/^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DOUBLE|FLOAT|DECIMAL)/, 'number'],
  [/^BOOLEAN/, 'flag'],
];

/** Returns how values of a DuckDB type are shown. */
export function kindOf(type: DuckDBType): ResultKind {
  const name = String(type);
  return KINDS.find(([pattern]) => pattern.test(name))?.[1] ?? 'text';
}
