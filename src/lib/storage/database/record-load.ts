import type { RecordType } from '../../model/records.js';
import type { StoredFile } from '../log/store-state.js';
import type { Database } from './duckdb.js';
import { sqlList, sqlName } from './duckdb.js';
import { keyExpressions, lineColumns, lineProjection, precedence, tableDefinition, validCondition } from './record-table.js';

/** The longest line that is read: whole books of 1,000 levels take 60 kB. The default of 16 MB costs 32 MB a thread. */
const LINE_BYTES = 8 << 20;

/** Which lines of which NDJSON files are loaded into which table. */
export type LineSource = {
  readonly type: RecordType;
  readonly table: string;
  readonly paths: readonly string[];
  readonly where?: string;
};

/** Creates a temporary table with the records of one type in NDJSON files; broken lines are left out. */
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

/** Returns how many lines there are of each type; '' stands for lines that have none, such as half ones. */
export async function countLines(database: Database, paths: readonly string[]): Promise<Map<string, number>> {
  const rows = await database.rows(
    `SELECT coalesce(type, '') AS type, count(*) AS lines FROM ${linesRelation(paths, "{type: 'VARCHAR'}")} GROUP BY ALL`,
  );
  return new Map(rows.map(({ type, lines }) => [String(type), Number(lines)]));
}

function linesRelation(paths: readonly string[], columns: string): string {
  // Left to itself DuckDB may take a line for a text instead of a record, depending on the first lines.
  const options = `records = true, ignore_errors = true, maximum_object_size = ${LINE_BYTES}`;
  return `read_ndjson(${pathList(paths)}, columns = ${columns}, ${options})`;
}

/** Returns paths as SQL list of patterns that match nothing else. */
export function pathList(paths: readonly string[]): string {
  return sqlList(paths.map(asPattern));
}

/**
 * Returns Parquet files as a relation. What the directories say stands in the files, too, with its type: from a path
 * DuckDB would guess one.
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

export type KnownComparison = {
  readonly table: string;
  readonly type: RecordType;
  /** The rows of the table that belong to the partition. */
  readonly where: string;
  /** Absolute paths of the stored files that may hold the same records, with the time span to look at. */
  readonly files: readonly string[];
  readonly span: Pick<StoredFile, 'min' | 'max'>;
};

/**
 * Removes from a table what stored files hold already and as well. Returns how many records were removed, and how many
 * remain although a file has their key: these are better (captured, not fetched; later; closed) and supersede it.
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

/** Key columns under names of their own, and what precedence needs. */
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
