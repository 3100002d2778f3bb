import type { RecordType } from '../../model/records.js';
import type { StoredFile } from '../log/store-state.js';
import type { Database } from './duckdb.js';
import { sqlList, sqlName } from './duckdb.js';
import { keyExpressions, lineColumns, lineProjection, precedence, tableDefinition, validCondition } from './record-table.js';

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

/** Returns a path as the pattern that matches it alone: DuckDB takes `data[1]` for `data1`. */
export function asPattern(path: string): string {
  return path.replace(/[*?[]/g, '[$&]');
}

/** Returns the number of records that were removed from a table because a better one with the same key is in it. */
export async function dropRepeated(database: Database, table: string, type: RecordType): Promise<number> {
  return await remove(
    database,
    table,
    `SELECT row FROM (
       SELECT rowid AS row, row_number() OVER (PARTITION BY ${keyExpressions(type).join(', ')} ORDER BY ${precedence(type)}, rowid) AS rank
       FROM ${sqlName(table)})
     WHERE rank > 1`,
  );
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
 * Removes records from a table that stored files already have. Returns the number of removed records, and the number of
 * records that stay although a file has their key: these supersede it (captured instead of fetched; later; closed).
 */
export async function dropKnown(database: Database, comparison: KnownComparison) {
  const { table, type, where, files, span } = comparison;
  const columns = comparedColumns(type);
  await database.run(
    `CREATE OR REPLACE TEMP TABLE ranked AS
     WITH fresh AS (SELECT rowid AS row, ${columns.select} FROM ${sqlName(table)} WHERE ${where}),
       known AS (SELECT ${columns.select} FROM ${parquetFiles(files)}
                 WHERE "timestamp" BETWEEN make_timestamptz(${span.min}) AND make_timestamptz(${span.max})),
       same AS (SELECT known.* FROM known SEMI JOIN fresh ON ${columns.same})
     SELECT row, row_number() OVER (PARTITION BY ${columns.keys} ORDER BY ${precedence(type)}, row NULLS FIRST) AS rank,
       count(*) OVER (PARTITION BY ${columns.keys}) AS copies
     FROM (SELECT NULL AS row, * FROM same UNION ALL SELECT * FROM fresh)`,
  );
  const superseding = await database.number('SELECT count(*) FROM ranked WHERE row IS NOT NULL AND rank = 1 AND copies > 1');
  const dropped = await remove(database, table, 'SELECT row FROM ranked WHERE row IS NOT NULL AND rank > 1');
  return { dropped, superseding };
}

/** Returns the key columns under unique names, and the columns that precedence needs. */
function comparedColumns(type: RecordType) {
  const keys = keyExpressions(type).map((expression, index) => ({ expression, name: `key_${index}` }));
  const ordering = precedence(type).match(/"\w+"/g) ?? [];
  return {
    select: [...keys.map(({ expression, name }) => `${expression} AS ${name}`), ...ordering].join(', '),
    keys: keys.map(({ name }) => name).join(', '),
    same: keys.map(({ name }) => `known.${name} IS NOT DISTINCT FROM fresh.${name}`).join(' AND '),
  };
}

async function remove(database: Database, table: string, rows: string): Promise<number> {
  return await database.number(`DELETE FROM ${sqlName(table)} WHERE rowid IN (${rows})`);
}
