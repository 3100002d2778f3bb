import type { RecordType } from '../../model/records.js';
import { partitionColumns } from '../files/partition.js';
import type { StoredFile } from '../log/store-state.js';
import type { Database } from './duckdb.js';
import { sqlList, sqlName } from './duckdb.js';
import {
  emptyRelation,
  keyExpressions,
  lineColumns,
  lineProjection,
  precedence,
  tableColumns,
  tableDefinition,
  validCondition,
} from './record-table.js';

/** Maximum length of a line: whole books of 1,000 levels take 60 kB. The default of 16 MB costs 32 MB per thread. */
const LINE_BYTES = 8 << 20;

/** The lines to load from NDJSON files, and their table. */
type LineSource = {
  readonly type: RecordType;
  readonly table: string;
  readonly paths: readonly string[];
  readonly where?: string;
};

/** Creates a temporary table with the records of one type in NDJSON files; broken lines are skipped. */
export async function loadLines(database: Database, { type, table, paths, where }: LineSource): Promise<void> {
  const target = sqlName(table);
  await database.run(`CREATE TEMP TABLE ${target} (${tableDefinition(type)})`);
  if (paths.length === 0) return;
  const conditions = [`type = '${type}'`, validCondition(type)];
  await database.run(
    `INSERT INTO ${target} SELECT * FROM (SELECT ${lineProjection(type)} FROM ${linesRelation(paths, lineColumns(type))}
     WHERE ${conditions.join(' AND ')}) ${where ? `WHERE ${where}` : ''}`,
  );
}

/** Returns the number of lines by type; '' stands for lines without a type, such as half lines. */
export async function countLines(database: Database, paths: readonly string[]): Promise<Map<string, number>> {
  const rows = await database.rows(
    `SELECT coalesce(type, '') AS type, count(*) AS lines FROM ${linesRelation(paths, "{type: 'VARCHAR'}")} GROUP BY ALL`,
  );
  return new Map(rows.map(({ type, lines }) => [String(type), Number(lines)]));
}

function linesRelation(paths: readonly string[], columns: string): string {
  // `records = true`: by its own detection DuckDB may read a line as text instead of a record.
  const options = `records = true, ignore_errors = true, maximum_object_size = ${LINE_BYTES}`;
  return `read_ndjson(${pathList(paths)}, columns = ${columns}, ${options})`;
}

/** Returns paths as SQL list of patterns that match nothing else. */
export function pathList(paths: readonly string[]): string {
  return sqlList(paths.map(asPattern));
}

/**
 * Returns Parquet files as a relation. The files have the partition values as typed columns; DuckDB would guess the types
 * of values in the path.
 */
export function parquetFiles(paths: readonly string[]): string {
  return `read_parquet(${pathList(paths)}, hive_partitioning = false)`;
}

/** Returns a Parquet file as a relation with the column `file_row_number`. */
export function numberedParquetFile(path: string): string {
  return `read_parquet(${pathList([path])}, file_row_number = true, hive_partitioning = false)`;
}

/** Types that gained columns since their first release: files of older stores lack these. */
const EXTENDED_TYPES: ReadonlySet<RecordType> = new Set(['fill', 'features', 'signal', 'liquidation']);

/**
 * Returns the records of files of a store, with every column of the type; a column that a file lacks is NULL. `numbered` adds
 * `filename` and `file_row_number`.
 */
export function storedFiles(type: RecordType, paths: readonly string[], { numbered = false } = {}): string {
  const read = (more: string) => `read_parquet(${pathList(paths)}, hive_partitioning = false${more})`;
  const options = numbered ? ', filename = true, file_row_number = true' : '';
  if (!EXTENDED_TYPES.has(type)) return read(options);
  const files = read(`, union_by_name = true${options}`);
  return `(SELECT * FROM ${emptyRelation(type)} UNION ALL BY NAME SELECT * FROM ${files})`;
}

/** Returns a path as the pattern that matches it alone: DuckDB takes `data[1]` for `data1`. */
export function asPattern(path: string): string {
  return path.replace(/[*?[]/g, '[$&]');
}

/** Records that were removed from a table. */
type Removed = {
  /** Copies of a better record with the same key. */
  readonly dropped: number;
  /** Trades with the id of a different, earlier one. */
  readonly contradicting: number;
};

/** What copies of a trade share: two trades with one id that differ in it are not copies. */
const TRADE_CONTENT = 'ROW("price", "amount", "side")';

/** Removes all but one of the records of a table that have one key. */
export async function dropRepeated(database: Database, table: string, type: RecordType): Promise<Removed> {
  const keys = keyExpressions(type).join(', ');
  const hasRepeated = `SELECT count(*) - count(DISTINCT hash(${keys})) FROM ${sqlName(table)}`;
  if ((await database.number(hasRepeated)) === 0) return { dropped: 0, contradicting: 0 };
  const first = `first_value(${TRADE_CONTENT}) OVER (PARTITION BY ${keys} ORDER BY rowid)`;
  const others = `SELECT rowid FROM ${sqlName(table)} QUALIFY ${TRADE_CONTENT} IS DISTINCT FROM ${first}`;
  const contradicting = type === 'trade' ? await remove(database, table, others) : 0;
  const dropped = await remove(
    database,
    table,
    `SELECT row FROM (
       SELECT rowid AS row, row_number() OVER (PARTITION BY ${keys} ORDER BY ${precedence(type)}, ${inputOrder(type)}) AS rank
       FROM ${sqlName(table)})
     WHERE rank > 1`,
  );
  return { dropped, contradicting };
}

/** Of records with one key and no better reason the later in the input counts; copies of a trade are alike. */
function inputOrder(type: RecordType): string {
  return type === 'trade' ? 'rowid' : 'rowid DESC';
}

type KnownComparison = {
  readonly table: string;
  readonly type: RecordType;
  /** The rows of the table that belong to the partition. */
  readonly where: string;
  /** Absolute paths of stored files that may hold the same records, and the time span to compare. */
  readonly files: readonly string[];
  readonly span: Pick<StoredFile, 'min' | 'max'>;
};

/**
 * Returns whether stored files have every record of a partition as it is, column by column: such a record loses to the stored
 * one whatever its type. The same file once more is the usual second import, and this a tenth of ranking all its records. Rows
 * in the order of one stored file with as many (`isAlike`) are compared with it one by one first, for a third of a join.
 */
export async function hasAllRecords(
  database: Database,
  { table, type, where, files, span, isAlike }: KnownComparison & { readonly isAlike: boolean },
): Promise<boolean> {
  const ofFile = new Set<string>(['type', ...partitionColumns(type)]);
  const columns = tableColumns(type).flatMap(({ name }) => (ofFile.has(name) ? [] : [sqlName(name)]));
  const fresh = `(SELECT ${columns.join(', ')} FROM ${sqlName(table)} WHERE ${where}) AS f`;
  const stored = `(SELECT ${columns.join(', ')} FROM ${storedFiles(type, files)} WHERE ${inSpan(span)}) AS s`;
  const other = columns.map((column) => `f.${column} IS DISTINCT FROM s.${column}`).join(' OR ');
  const differs = `SELECT 1 FROM ${fresh} POSITIONAL JOIN ${stored} WHERE ${other} LIMIT 1`;
  if (isAlike && (await database.inOneThread(() => database.rows(differs))).length === 0) return true;
  const same = columns.map((column) => `f.${column} IS NOT DISTINCT FROM s.${column}`).join(' AND ');
  const missing = await database.rows(`SELECT 1 FROM ${fresh} ANTI JOIN ${stored} ON ${same} LIMIT 1`);
  return missing.length === 0;
}

function inSpan({ min, max }: KnownComparison['span']): string {
  return `"timestamp" BETWEEN make_timestamptz(${min}) AND make_timestamptz(${max})`;
}

/**
 * Removes records from a table that stored files already have, or contradict. Returns their numbers, and the number of
 * records that stay although a file has their key: these supersede it (captured instead of fetched; later; closed). The keys
 * in the table are unique, so that only a record whose key a file has can be one of several.
 */
export async function dropKnown(database: Database, comparison: KnownComparison): Promise<Removed & { superseding: number }> {
  const { table, type, where, files, span } = comparison;
  const columns = comparedColumns(type);
  await database.run(
    `CREATE OR REPLACE TEMP TABLE ranked AS
     WITH fresh AS (SELECT rowid AS row, ${columns.select} FROM ${sqlName(table)} WHERE ${where}),
       known AS (SELECT ${columns.select} FROM ${storedFiles(type, files)}
                 WHERE ${inSpan(span)}),
       same AS (SELECT known.* FROM known SEMI JOIN fresh ON ${columns.same}),
       met AS (SELECT fresh.* FROM fresh SEMI JOIN same AS known ON ${columns.same}),
       compared AS (SELECT *, content IS DISTINCT FROM first_value(content) OVER (PARTITION BY ${columns.keys} ORDER BY row NULLS FIRST) AS is_other
         FROM (SELECT NULL AS row, * FROM same UNION ALL SELECT * FROM met))
     SELECT row, is_other, row_number() OVER (PARTITION BY ${columns.keys}, is_other ORDER BY ${precedence(type)}, row NULLS FIRST) AS rank,
       count(*) OVER (PARTITION BY ${columns.keys}) AS copies
     FROM compared`,
  );
  const superseding = await database.number(
    'SELECT count(*) FROM ranked WHERE row IS NOT NULL AND NOT is_other AND rank = 1 AND copies > 1',
  );
  const contradicting = await remove(database, table, 'SELECT row FROM ranked WHERE row IS NOT NULL AND is_other');
  const dropped = await remove(database, table, 'SELECT row FROM ranked WHERE row IS NOT NULL AND NOT is_other AND rank > 1');
  return { dropped, contradicting, superseding };
}

/** Returns the key columns under unique names, the columns that precedence needs, and what copies share as `content`. */
function comparedColumns(type: RecordType) {
  const keys = keyExpressions(type).map((expression, index) => ({ expression, name: `key_${index}` }));
  const ordering = precedence(type).match(/"\w+"/g) ?? [];
  return {
    select: [
      ...keys.map(({ expression, name }) => `${expression} AS ${name}`),
      ...ordering,
      `${type === 'trade' ? TRADE_CONTENT : 'NULL'} AS content`,
    ].join(', '),
    keys: keys.map(({ name }) => name).join(', '),
    same: keys.map(({ name }) => `known.${name} IS NOT DISTINCT FROM fresh.${name}`).join(' AND '),
  };
}

async function remove(database: Database, table: string, rows: string): Promise<number> {
  return await database.number(`DELETE FROM ${sqlName(table)} WHERE rowid IN (${rows})`);
}
