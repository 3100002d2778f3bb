import type { DuckDBDataChunk, DuckDBListVector } from '@duckdb/node-api';
import { FailureError } from '../../model/errors.js';
import { fetchNamedFiles } from '../files/bucket-files.js';
import { type Database, sqlName, sqlText } from './duckdb.js';

/** Some rows of a result, one column at a time; nothing is decoded before it is asked for. */
export type TypedChunk = {
  readonly rows: number;
  /** Returns a column of DOUBLE without NULL. */
  numbers(column: number): Float64Array;
  /** Returns a column of INTEGER without NULL. */
  integers(column: number): Int32Array;
  /** Returns a column of UBIGINT or BIGINT without NULL, as its bits. */
  bits(column: number): BigUint64Array;
  /** Returns a column of DOUBLE[] without NULL in the lists; a list that is NULL has no numbers. */
  lists(column: number): NumberLists;
  /** Returns a column of DOUBLE[2][]; undefined where a list, a pair or a number of it is NULL. */
  pairs(column: number): NumberPairs | undefined;
  text(column: number, row: number): string;
  /** Returns what a column of texts holds of each row itself, in 4 numbers: the bytes of the text, its first 4 bytes, and more. */
  heads(column: number): Uint32Array;
  hasNulls(column: number): boolean;
};

/** What the vectors of the package keep private: reading their values one by one is five times slower. */
type RawVector = {
  readonly items: unknown;
  readonly dataView: DataView;
  readonly validity: { readonly data: BigUint64Array | null };
};

type RawPairs = Omit<RawVector, 'items'> & { readonly itemCount: number; readonly childData: RawVector };

/** Lists of numbers, one behind the other. */
export type NumberLists = {
  readonly numbers: Float64Array;
  /** Returns where the list of a row starts. */
  readonly start: (row: number) => number;
};

/** Lists of pairs of numbers, one behind the other: the first number of a list is that at twice its start. */
export type NumberPairs = NumberLists & {
  /** Returns how many pairs a row has. */
  readonly length: (row: number) => number;
};

/**
 * Yields the rows of a large result in chunks of typed columns. A streamed result that fails in the middle looks like its
 * end: throws a `FailureError` unless there are `expected` rows.
 */
export async function* typedChunks(database: Database, sql: string, expected: number): AsyncGenerator<TypedChunk> {
  yield* database.singleThreaded(streamed(database, sql, expected));
}

async function* streamed(database: Database, sql: string, expected: number): AsyncGenerator<TypedChunk> {
  await fetchNamedFiles(sql);
  const result = await database.connection.stream(sql);
  let rows = 0;
  for (;;) {
    const chunk = await result.fetchChunk();
    if (!chunk || chunk.rowCount === 0) break;
    rows += chunk.rowCount;
    yield typedChunk(chunk);
  }
  if (rows !== expected)
    throw new FailureError(`expected ${expected} rows, read ${rows}: the input changed while it was read; try again`);
}

function typedChunk(chunk: DuckDBDataChunk): TypedChunk {
  const raw = (column: number) => chunk.getColumnVector(column) as unknown as RawVector;
  const items = (column: number) => raw(column).items;
  return {
    rows: chunk.rowCount,
    numbers: (column) => items(column) as Float64Array,
    integers: (column) => items(column) as Int32Array,
    bits: (column) => items(column) as BigUint64Array,
    lists(column) {
      const list = chunk.getColumnVector(column) as DuckDBListVector;
      const { items } = list.childVector as unknown as { readonly items: Float64Array };
      return { numbers: items, start: (row) => list.getEntryOffset(row) };
    },
    pairs(column) {
      const pairs = (chunk.getColumnVector(column) as DuckDBListVector).childVector as unknown as RawPairs;
      const { childData: numbers, itemCount } = pairs;
      const parts: [Pick<RawVector, 'validity'>, number][] = [
        [raw(column), chunk.rowCount],
        [pairs, itemCount],
        [numbers, 2 * itemCount],
      ];
      if (parts.some(([{ validity }, rows]) => hasMissing(validity.data, rows))) return undefined;
      // Start and length in 64 bits each: a bigint for each of them would cost more than its row.
      const { entryData } = chunk.getColumnVector(column) as unknown as { readonly entryData: BigUint64Array };
      const entries = new Uint32Array(entryData.buffer, entryData.byteOffset, chunk.rowCount * 4);
      const start = (row: number) => entries[4 * row] as number;
      return { numbers: numbers.items as Float64Array, start, length: (row) => entries[4 * row + 2] as number };
    },
    text: (column, row) => chunk.getColumnVector(column).getItem(row) as string,
    heads(column) {
      const { buffer, byteOffset } = raw(column).dataView;
      return new Uint32Array(buffer, byteOffset, chunk.rowCount * 4);
    },
    hasNulls: (column) => hasMissing(raw(column).validity.data, chunk.rowCount),
  };
}

/** `present` has a bit for each row; without it all have a value. By bytes: a BigInt for each row is slow. */
function hasMissing(present: BigUint64Array | null, rows: number): boolean {
  if (!present) return false;
  const bytes = new Uint8Array(present.buffer, present.byteOffset, present.byteLength);
  const whole = rows >> 3;
  for (let at = 0; at < whole; at++) if (bytes[at] !== 255) return true;
  const rest = (1 << (rows & 7)) - 1;
  return ((bytes[whole] ?? rest) & rest) !== rest;
}

/** The rows of a relation by the values of some text columns. */
export type RowGroups = {
  readonly names: readonly (readonly string[])[];
  /** The rows of each group, and of all. */
  readonly counts: readonly number[];
  readonly rows: number;
  /** An INTEGER expression: the index of a row's group in `names`. */
  readonly code: string;
};

/** Returns the groups of a relation by text columns without NULL. `type` names the enumeration that codes them. */
export async function rowGroups(
  database: Database,
  relation: string,
  columns: readonly string[],
  type: string,
): Promise<RowGroups> {
  const found = await database.rows(
    `SELECT ${columns.map(sqlName).join(', ')}, count(*) AS "rows in group" FROM ${relation} GROUP BY ALL ORDER BY ALL`,
  );
  const names = found.map((row) => columns.map((column) => String(row[column])));
  const counts = found.map((row) => Number(row['rows in group']));
  const rows = counts.reduce((sum, count) => sum + count, 0);
  return { names, counts, rows, code: await groupCode(database, names, columns, type) };
}

/** Returns an INTEGER expression: the index of a row's values in `names`. `type` names the enumeration that it creates. */
export async function groupCode(
  database: Database,
  names: readonly (readonly string[])[],
  columns: readonly string[],
  type: string,
): Promise<string> {
  if (names.length < 2) return '0::INTEGER';
  // A name joined from all columns of each row costs more than the rest of the scan.
  const varying = columns.map((_, index) => index).filter((index) => new Set(names.map((name) => name[index])).size > 1);
  const joined = varying.map((index) => sqlName(columns[index] as string)).join(` || chr(31) || `);
  const labels = names.map((name) => sqlText(varying.map((index) => name[index]).join('\u001f')));
  await database.run(`CREATE TYPE ${sqlName(type)} AS ENUM (${labels.join(', ')})`);
  return `enum_code((${joined})::${sqlName(type)})::INTEGER`;
}
