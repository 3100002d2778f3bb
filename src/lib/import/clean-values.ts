import { RecordError } from '../model/ndjson.js';
import { MARKETS } from '../model/records.js';
import type { Column } from '../model/schema.js';
import { LATEST } from '../model/time.js';
import { sqlText } from '../storage/database/duckdb.js';
import { asText } from './parquet-table.js';
import type { RowReader } from './row-reader.js';
import type { SourceFile } from './source-file.js';
import { EARLIEST_MARKET, isMissing, type TimeUnit } from './values.js';

export type ForeignFile = Extract<SourceFile, { readonly sample: unknown }>;

/** A column of the file in SQL, and its type there. */
export type Cell = { readonly name: string; readonly type: string };

/** A value of a record in SQL, and the condition that it is what the record's reader makes of the cell. */
export type Value = {
  readonly inner: string;
  readonly clean: string;
  /** Turns the inner value into that of the record. */
  readonly outer?: (value: string) => string;
  /** A further condition, on the inner value. */
  readonly check?: (value: string) => string;
};

const INTEGER = /^U?(BIG|SMALL|TINY)?INT(EGER)?$/;
/** Texts of a side column that a sample may lack. */
const SIDES = ['buy', 'sell', 'Buy', 'Sell', 'BUY', 'SELL', 'bid', 'ask', 'true', 'false', 'True', 'False', '1', '0'];
/**
 * Ids that no tool writes for a missing one (`nan`, `-`) and no spreadsheet rounded (`1.76E+12`): digits, or texts that begin
 * with a letter or have a hyphen.
 */
const ID = '[0-9]{1,40}|[A-Za-z][A-Za-z0-9.:]{4,99}|[A-Za-z0-9.:]+-[A-Za-z0-9.:-]*[A-Za-z0-9]';

export const IDENTITY: ReadonlySet<string> = new Set(['exchange', 'market', 'symbol']);

/** Returns the value of a field, undefined for one that SQL does not read as the record's reader does. */
export function fieldValue(field: string, { kind }: Column, { mapping, table }: ForeignFile, cell: Cell): Value | undefined {
  if (kind === 'time') {
    const column = mapping.fields[field] as string;
    return table.utcColumns.has(column) ? utcTime(cell.name) : timeOf(cell, mapping.units.get(column));
  }
  if (kind === 'number') return numberOf(cell);
  if (kind === 'count') return countOf(cell);
  const text = `(${asText(cell.name, cell.type)})`;
  if (kind === 'long') {
    const integer = `TRY_CAST(${text} AS BIGINT)`;
    return { inner: integer, clean: `(${integer} >= 0 AND ${integer}::VARCHAR = ${text})` };
  }
  const pattern = idPattern(mapping);
  if (field !== 'id' || !pattern) return undefined;
  return {
    inner: text,
    clean: cleanId(text, cell.type),
    outer: (value) => `${sqlText(pattern.before)} || ${value} || ${sqlText(pattern.after)}`,
  };
}

/** Returns what a preset puts around the id of a row; undefined when it does more than that. */
function idPattern({ preset, facts }: ForeignFile['mapping']): { readonly before: string; readonly after: string } | undefined {
  if (!preset?.id) return { before: '', after: '' };
  const [before = '', after, more] = preset.id('7c1', facts).split('7c1');
  if (after === undefined || more !== undefined || preset.id('12345', facts) !== `${before}12345${after}`) return undefined;
  return { before, after };
}

function utcTime(name: string): Value {
  return { inner: `epoch_us(${name})`, outer: (value) => `make_timestamptz(${value})`, clean: inRange(`epoch_us(${name})`) };
}

function timeOf({ name, type }: Cell, unit: TimeUnit | undefined): Value | undefined {
  if (unit === undefined || unit === 'iso') return undefined;
  const outer = (value: string) => `make_timestamptz(${value})`;
  if (INTEGER.test(type)) {
    const factor = { s: 1_000_000, ms: 1_000, us: 1, ns: 0 }[unit];
    const most = 4_102_444_800 * { s: 1, ms: 1e3, us: 1e6, ns: 1e9 }[unit];
    const micros = factor === 0 ? `(${name}::BIGINT // 1000)` : `(${name}::BIGINT * ${factor})`;
    return {
      inner: micros,
      outer,
      clean: `CASE WHEN ${name} BETWEEN 1 AND ${most} THEN ${inRange(micros)} ELSE false END`,
    };
  }
  // The double next to a decimal of up to 16 digits names it: a whole number of microseconds that gives it back is its text.
  if (type === 'DOUBLE' && (unit === 's' || unit === 'ms')) {
    const factor = unit === 's' ? '1e6' : '1e3';
    return {
      inner: `round(${name} * ${factor})::BIGINT`,
      outer,
      clean: `(round(${name} * ${factor}) / ${factor} = ${name} AND ${inRange(`round(${name} * ${factor})::BIGINT`)})`,
    };
  }
  const text = `(${asText(name, type)})`;
  // As text: digits behind the microsecond are cut off by the record's reader, and arithmetic would round them.
  const digits = { s: 6, ms: 3, us: 0, ns: 0 }[unit];
  const fraction = `rpad(split_part(${text}, '.', 2), ${digits}, '0')`;
  const whole = unit === 'ns' ? `left(${text}, -3)` : `split_part(${text}, '.', 1)`;
  const byDigits = `TRY_CAST(${whole}${digits > 0 ? ` || ${fraction}` : ''} AS BIGINT)`;
  const pattern = unit === 'ns' ? '[0-9]{10,19}' : `[0-9]{9,${18 - digits}}([.][0-9]+)?`;
  // Up to the microsecond a text has at most 17 characters, and its double names it: a third of the time.
  const isShort = `length(${text}) <= 17 AND ${text} BETWEEN '0' AND '9z' AND NOT contains(${text}, 'e') AND NOT contains(${text}, 'E')`;
  const either = (short: string, other: string) =>
    digits === 0 ? other : `CASE WHEN ${isShort} THEN ${short} ELSE ${other} END`;
  return {
    inner: either(`round(TRY_CAST(${text} AS DOUBLE) * 1e${digits})::BIGINT`, byDigits),
    outer,
    clean: either('true', `regexp_full_match(${text}, '${pattern}')`),
    check: inRange,
  };
}

/** Of ids in the form of a UUID the pattern would cost four times as much. */
function cleanId(text: string, type: string): string {
  if (type === 'UUID') return 'true';
  return `CASE WHEN length(${text}) = 36 AND TRY_CAST(${text} AS UUID) IS NOT NULL THEN true ELSE regexp_full_match(${text}, '${ID}') END`;
}

function inRange(micros: string): string {
  return `coalesce(${micros} >= ${EARLIEST_MARKET} AND ${micros} < ${LATEST}, false)`;
}

/** Floats and decimals pass as text: their shortest text and their value are two different doubles. */
function numberOf({ name, type }: Cell): Value {
  const isDirect = type === 'DOUBLE' || INTEGER.test(type);
  const value = isDirect ? `${name}::DOUBLE` : `TRY_CAST(${name}::VARCHAR AS DOUBLE)`;
  const clean = `isfinite(${value})`;
  return { inner: value, clean: type === 'VARCHAR' ? `(regexp_full_match(${name}, '[0-9]+([.][0-9]+)?') AND ${clean})` : clean };
}

/** A whole number; as BIGINT, DuckDB reads 1.5 as 2. */
function countOf({ name, type }: Cell): Value {
  if (INTEGER.test(type)) return { inner: `${name}::BIGINT`, clean: `${name} >= 0` };
  const value = type === 'DOUBLE' ? name : `TRY_CAST(${name}::VARCHAR AS DOUBLE)`;
  return {
    inner: value,
    outer: (whole) => `${whole}::BIGINT`,
    clean: `(isfinite(${value}) AND ${value} = trunc(${value}) AND ${value} BETWEEN 0 AND ${Number.MAX_SAFE_INTEGER})`,
  };
}

export function sideValue(
  { mapping, sample }: ForeignFile,
  { name, type }: Cell,
  reader: RowReader,
  at: number,
): Value | undefined {
  const column = mapping.fields.side as string;
  const cells = new Set([
    ...sample.map(({ cells: row }) => row[at]?.trim() ?? ''),
    ...SIDES,
    ...Object.keys(mapping.sides ?? {}),
  ]);
  const cases = [...cells].flatMap((cell) => {
    try {
      return isMissing(cell) ? [] : [`WHEN ${sqlText(cell)} THEN ${sqlText(reader.side(cell, column))}`];
    } catch (error) {
      if (error instanceof RecordError) return [];
      throw error;
    }
  });
  const value = `CASE ${asText(name, type)} ${cases.join(' ')} END`;
  return cases.length === 0 ? undefined : { inner: value, clean: `${value} IS NOT NULL` };
}

/** Returns exchange, market and symbol as the reader makes them of the sample; a row with others is in doubt. */
export function identityOf({ mapping, sample }: ForeignFile, cellAt: (at: number) => Cell, reader: RowReader) {
  const places = [...IDENTITY].map((field) => [field, mapping.columns.indexOf(mapping.fields[field] ?? '')] as const);
  const known = places.filter(([field, at]) => mapping.fields[field] !== undefined && at >= 0);
  const keys = known.map(([, at]) => `coalesce(${asText(cellAt(at).name, cellAt(at).type)}, '')`);
  const key = keys.length === 0 ? "''" : keys.join(" || ' ' || ");
  const found = new Map<string, Record<string, unknown>>();
  for (const { cells } of sample) {
    const texts = known.map(([, at]) => cells[at]?.trim() ?? '');
    const name = texts.join(' ');
    if (found.has(name)) continue;
    const fields = Object.fromEntries(known.flatMap(([field], index) => (texts[index] === '' ? [] : [[field, texts[index]]])));
    try {
      reader.addIdentity(mapping.type, fields);
    } catch (error) {
      if (error instanceof RecordError) return undefined;
      throw error;
    }
    found.set(name, fields);
  }
  if (found.size > 100 || [...found.values()].some(({ market }) => !(MARKETS as readonly string[]).includes(String(market))))
    return undefined;
  const caseOf = (field: string) => {
    const texts = new Set([...found.values()].map((fields) => fields[field]));
    if (texts.size === 1) return sqlText(String([...texts][0]));
    return `CASE v_key ${[...found].map(([name, fields]) => `WHEN ${sqlText(name)} THEN ${sqlText(String(fields[field]))}`).join(' ')} END`;
  };
  const values = new Map([...IDENTITY].map((field) => [field, caseOf(field)]));
  return { key, values, clean: keys.length === 0 ? 'true' : `v_key IN (${[...found.keys()].map(sqlText).join(', ')})` };
}
