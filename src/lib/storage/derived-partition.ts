import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { HOUR } from '../model/time.js';
import { type Database, sqlName } from './duckdb.js';
import { storageFailure } from './durable-file.js';
import { writeParquet } from './parquet-file.js';
import { type Partition, partitionPath } from './partition.js';
import { partitionRows } from './partition-rows.js';
import { pathList } from './record-load.js';
import { tableColumns } from './record-table.js';
import { uniteSegments } from './segments.js';
import { absolutePath, type StoreContext, wallClock } from './store-context.js';
import { mayOverlap, type StoredFile, type StoreState } from './store-state.js';
import { oneOfEachKey } from './type-relation.js';

/** A stretch of time in microseconds, `until` exclusive. */
export type Span = { readonly from: number; readonly until: number };

/** What replaces all rows of a derived partition within some spans. */
export type Rewrite = {
  readonly partition: Partition;
  /** In order, not overlapping. */
  readonly spans: readonly Span[];
  /** A table with the new rows of these spans. */
  readonly table: string;
  /** The segments that these rows, and all others of the partition, are computed from. */
  readonly consumed: readonly string[];
  /** One file per hour, for a partition that will be rewritten again soon; otherwise one file. */
  readonly hourly: boolean;
  readonly settings?: Readonly<Record<string, string>> | undefined;
};

/** So many times a rewrite is made anew because the partition was changed meanwhile. */
const ATTEMPTS = 20;

/**
 * Replaces the rows of a partition within some spans, in one change of the log, and remembers what they were computed
 * from. Readers see all of the old rows or all of the new ones. Returns whether anything was changed: rows that are the
 * same and were computed from the same are left as they are.
 */
export async function rewritePartition(context: StoreContext, database: Database, rewrite: Rewrite): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    const files = (await context.log.read()).partition(rewrite.partition);
    const touched = files.filter((file) => rewrite.spans.some((span) => file.min < span.until && file.max >= span.from));
    const consumed = uniteSegments([...touched.map(({ segments }) => segments), rewrite.consumed]);
    if (await isSame(context, database, rewrite, touched, consumed)) return await keepSettings(context, rewrite);
    const written = await writeFiles(context, database, rewrite, touched, consumed);
    if (await commit(context, rewrite, touched, written)) return true;
    for (const file of written) await rm(absolutePath(context, file), { force: true });
    if (attempt >= ATTEMPTS) throw new Error(`${partitionPath(rewrite.partition)} is being changed too often to keep up`);
  }
}

async function keepSettings(context: StoreContext, { settings = {} }: Rewrite): Promise<boolean> {
  return await context.log.commit((state) => {
    const isKnown = Object.entries(settings).every(([name, value]) => state.settings.get(name) === value);
    return isKnown ? undefined : { at: wallClock(), settings };
  });
}

async function isSame(
  context: StoreContext,
  database: Database,
  { partition, table, spans }: Rewrite,
  touched: readonly StoredFile[],
  consumed: readonly string[],
): Promise<boolean> {
  const known = uniteSegments(touched.map(({ segments }) => segments));
  if (touched.length > 0 && consumed.join() !== known.join()) return false;
  if (touched.length === 0) return (await database.number(`SELECT count(*) FROM ${sqlName(table)}`)) === 0;
  const old = `SELECT * FROM ${stored(context, partition, touched)} WHERE ${within(spans)}`;
  const fresh = `SELECT ${columnList(partition)} FROM ${sqlName(table)}`;
  const difference = `(${old} EXCEPT ALL ${fresh}) UNION ALL (${fresh} EXCEPT ALL ${old})`;
  return (await database.number(`SELECT count(*) FROM (SELECT 1 FROM (${difference}) LIMIT 1)`)) === 0;
}

async function writeFiles(
  context: StoreContext,
  database: Database,
  { partition, spans, table, hourly }: Rewrite,
  touched: readonly StoredFile[],
  consumed: readonly string[],
): Promise<StoredFile[]> {
  const { type } = partition;
  const old = `UNION ALL SELECT * FROM ${stored(context, partition, touched)} WHERE NOT (${within(spans)})`;
  await database.run(
    `CREATE OR REPLACE TEMP TABLE rewritten AS SELECT ${columnList(partition)} FROM ${sqlName(table)} ${touched.length > 0 ? old : ''}`,
  );
  const written: StoredFile[] = [];
  try {
    for (const rows of await hoursOf(database, hourly)) {
      const path = `${partitionPath(partition)}/derived-${randomBytes(6).toString('hex')}.parquet`;
      const metadata = { mdtool_segments: consumed.join(' ') };
      const file = await writeParquet(database, absolutePath(context, path), { type, relation: rows, metadata });
      const [content] = await partitionRows(database, type, rows);
      const { min = 0, max = 0, symbols } = content ?? {};
      written.push({ path, ...file, min, max, symbols, segments: consumed, merged: true });
    }
    return written;
  } catch (error) {
    for (const file of written) await rm(absolutePath(context, file), { force: true }).catch(() => {});
    throw storageFailure(error, 'write', absolutePath(context, partitionPath(partition)));
  } finally {
    await database.run('DROP TABLE rewritten');
  }
}

/** Relations of the rows that become a file each. */
async function hoursOf(database: Database, hourly: boolean): Promise<string[]> {
  const size = hourly ? HOUR : Number.MAX_SAFE_INTEGER;
  const rows = await database.rows(`SELECT DISTINCT epoch_us("timestamp") // ${size} AS hour FROM rewritten ORDER BY hour`);
  return rows.map(({ hour }) => `(SELECT * FROM rewritten WHERE epoch_us("timestamp") // ${size} = ${hour})`);
}

async function commit(
  context: StoreContext,
  { partition, settings }: Rewrite,
  touched: readonly StoredFile[],
  written: readonly StoredFile[],
): Promise<boolean> {
  const replaced = new Set(touched.map(({ path }) => path));
  return await context.log.commit((state: StoreState) => {
    if (touched.some(({ path }) => !state.files.has(path))) return undefined;
    // What came in meanwhile, or overlapped before, still has to be chosen by key.
    const others = state.partition(partition).filter(({ path }) => !replaced.has(path));
    const add = written.map((file) => (others.some((other) => mayOverlap(file, other)) ? { ...file, overlay: true } : file));
    return { at: wallClock(), add, remove: [...replaced], ...(settings ? { settings } : {}) };
  });
}

/** The rows of stored files; where some supersede others, those that count. */
function stored(context: StoreContext, partition: Partition, files: readonly StoredFile[]): string {
  const paths = files.map((file) => absolutePath(context, file));
  const choice = files.some(({ overlay }) => overlay) ? oneOfEachKey(partition.type) : '';
  return `(SELECT ${columnList(partition)} FROM read_parquet(${pathList(paths)}, hive_partitioning = false) ${choice})`;
}

function columnList({ type }: Partition): string {
  return tableColumns(type)
    .map(({ name }) => sqlName(name))
    .join(', ');
}

function within(spans: readonly Span[]): string {
  return spans
    .map(({ from, until }) => `("timestamp" >= make_timestamptz(${from}) AND "timestamp" < make_timestamptz(${until}))`)
    .join(' OR ');
}
