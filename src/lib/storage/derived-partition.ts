import { randomBytes } from 'node:crypto';
import type { Span } from '../model/span.js';
import { HOUR } from '../model/time.js';
import { withinSpan } from './database/conditions.js';
import { type Database, sqlName } from './database/duckdb.js';
import { rulesMetadata, segmentsMetadata } from './database/file-facts.js';
import { writeParquet } from './database/parquet-file.js';
import { pathList, storedFiles } from './database/record-load.js';
import { tableColumns } from './database/record-table.js';
import { type Partition, partitionPath } from './files/partition.js';
import { uniteSegments } from './files/segments.js';
import { retireFiles } from './log/retired-files.js';
import { absolutePath, dropCopy, removeFile, type StoreContext, wallClock } from './log/store-context.js';
import { LISTED_SYMBOLS, mayOverlap, type StoredFile, type StoreState } from './log/store-state.js';
import { oneOfEachKey } from './reading/type-relation.js';

/** Rows of a derived partition and the facts that are recorded with them. */
type DerivedRows = {
  readonly partition: Partition;
  /** The segments from which all rows of the partition are computed. */
  readonly consumed: readonly string[];
  readonly metadata?: Readonly<Record<string, string>> | undefined;
};

/** Rows that replace all rows of a derived partition within some spans. */
type Rewrite = DerivedRows & {
  /** In order, not overlapping. */
  readonly spans: readonly Span[];
  /** A table with the new rows of these spans, to be used after FROM. */
  readonly table: string;
  /** One file per hour, for a partition that will be rewritten again soon; otherwise one file. */
  readonly hourly: boolean;
};

/** All rows of a partition that has none yet. */
type Creation = DerivedRows & {
  /** A SELECT of the rows, in the order of stored files. */
  readonly select: string;
};

/** Attempts of a rewrite: each fails when another process changed the partition meanwhile. */
const ATTEMPTS = 20;

/**
 * Replaces the rows of a partition within some spans in one change of the log, and records the segments they were
 * computed from. Readers see either all old rows or all new rows. Returns whether anything changed: equal rows from the
 * same segments stay.
 */
export async function rewritePartition(context: StoreContext, database: Database, rewrite: Rewrite): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    const files = (await context.log.read()).partition(rewrite.partition);
    const touched = files.filter((file) => rewrite.spans.some((span) => file.min < span.until && file.max >= span.from));
    const consumed = uniteSegments([...touched.map(({ segments }) => segments), rewrite.consumed]);
    if (await isSame(context, database, rewrite, touched, consumed)) return await keepMetadata(context, rewrite);
    const written = await writeFiles(context, database, rewrite, touched, consumed);
    if (await commit(context, rewrite, touched, written)) return true;
    for (const file of written) await removeFile(context, file);
    if (attempt >= ATTEMPTS) throw new Error(`${partitionPath(rewrite.partition)}: too many other changes at the same time`);
  }
}

/**
 * Writes the first rows of a partition directly from the query that computes them. Returns the relation that reads them,
 * undefined when there are no rows or another process was faster; then nothing is changed.
 */
export async function createPartition(
  context: StoreContext,
  database: Database,
  creation: Creation,
): Promise<string | undefined> {
  const { partition, select, consumed, metadata } = creation;
  const file = await writeFile(context, database, { partition, consumed, metadata, relation: `(${select})`, sorted: false });
  if (file.rows > 0 && (await commit(context, creation, [], [file]))) return stored(context, partition, [file]);
  await removeFile(context, file);
  return undefined;
}

async function keepMetadata(context: StoreContext, { metadata = {} }: DerivedRows): Promise<boolean> {
  return await context.log.commit((state) => {
    const isKnown = Object.entries(metadata).every(([name, value]) => state.metadata.get(name) === value);
    return isKnown ? undefined : { at: wallClock(), metadata };
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
  if (touched.length === 0) return (await database.number(`SELECT count(*) FROM ${table}`)) === 0;
  const old = `SELECT * FROM ${stored(context, partition, touched)} WHERE ${within(spans)}`;
  const fresh = `SELECT ${columnList(partition)} FROM ${table}`;
  if ((await database.number(`SELECT count(*) FROM (${old})`)) !== (await database.number(`SELECT count(*) FROM ${table}`)))
    return false;
  // The counts are equal and no old row is missing, so no new row is extra.
  return (await database.number(`SELECT count(*) FROM (SELECT 1 FROM (${old} EXCEPT ALL ${fresh}) LIMIT 1)`)) === 0;
}

async function writeFiles(
  context: StoreContext,
  database: Database,
  rewrite: Rewrite,
  touched: readonly StoredFile[],
  consumed: readonly string[],
): Promise<StoredFile[]> {
  const { partition, metadata, hourly } = rewrite;
  const rows = await rowsToWrite(context, database, rewrite, touched);
  const written: StoredFile[] = [];
  try {
    for (const relation of await hoursOf(database, rows, hourly))
      written.push(await writeFile(context, database, { partition, consumed, metadata, relation, sorted: true }));
    return written;
  } catch (error) {
    for (const file of written) await dropCopy(context, file);
    throw error;
  }
}

type FileRows = Pick<DerivedRows, 'partition' | 'consumed' | 'metadata'> & {
  readonly relation: string;
  readonly sorted: boolean;
};

/** Writes one file. It is marked as merged: writers leave it alone, and only the step that computed it replaces it. */
async function writeFile(
  context: StoreContext,
  database: Database,
  { partition, consumed, metadata, relation, sorted }: FileRows,
): Promise<StoredFile> {
  const path = `${partitionPath(partition)}/derived-${randomBytes(6).toString('hex')}.parquet`;
  const fileMetadata = { ...segmentsMetadata(consumed), ...rulesMetadata(metadata) };
  const source = { type: partition.type, relation, metadata: fileMetadata, sorted, dense: true };
  const file = await writeParquet(database, absolutePath(context, path), source);
  const extent = await extentOf(database, `read_parquet(${pathList([absolutePath(context, path)])}, hive_partitioning = false)`);
  return { path, ...file, ...extent, segments: consumed, merged: true };
}

/** Returns the name of a table with the new rows and the rows of touched files outside of the spans. */
async function rowsToWrite(
  context: StoreContext,
  database: Database,
  { partition, spans, table }: Rewrite,
  touched: readonly StoredFile[],
): Promise<string> {
  if (touched.length === 0) return table;
  const old = `SELECT * FROM ${stored(context, partition, touched)} WHERE NOT (${within(spans)})`;
  await database.run(`CREATE OR REPLACE TEMP TABLE rewritten AS SELECT ${columnList(partition)} FROM ${table} UNION ALL ${old}`);
  return 'rewritten';
}

async function extentOf(database: Database, relation: string): Promise<Pick<StoredFile, 'min' | 'max' | 'symbols'>> {
  const [row] = await database.rows(
    `SELECT epoch_us(min("timestamp")) AS min, epoch_us(max("timestamp")) AS max, to_json(list(DISTINCT "symbol"))::VARCHAR AS symbols FROM ${relation}`,
  );
  const symbols = (JSON.parse(String(row?.symbols ?? '[]')) as string[]).sort();
  return { min: Number(row?.min), max: Number(row?.max), ...(symbols.length <= LISTED_SYMBOLS ? { symbols } : {}) };
}

/** Returns the relations of the rows that become one file each. */
async function hoursOf(database: Database, rows: string, hourly: boolean): Promise<string[]> {
  if (!hourly) return (await database.number(`SELECT count(*) FROM ${rows}`)) > 0 ? [`(SELECT * FROM ${rows})`] : [];
  const hours = await database.rows(`SELECT DISTINCT epoch_us("timestamp") // ${HOUR} AS hour FROM ${rows} ORDER BY hour`);
  return hours.map(({ hour }) => `(SELECT * FROM ${rows} WHERE epoch_us("timestamp") // ${HOUR} = ${hour})`);
}

async function commit(
  context: StoreContext,
  { partition, metadata }: DerivedRows,
  touched: readonly StoredFile[],
  written: readonly StoredFile[],
): Promise<boolean> {
  const replaced = new Set(touched.map(({ path }) => path));
  const isDone = await context.log.commit((state: StoreState) => {
    if (touched.some(({ path }) => !state.files.has(path))) return undefined;
    // Files that were added meanwhile, or overlapped before, may share rows: readers keep one per key.
    const others = state.partition(partition).filter(({ path }) => !replaced.has(path));
    const add = written.map((file) => (others.some((other) => mayOverlap(file, other)) ? { ...file, overlay: true } : file));
    return { at: wallClock(), add, remove: [...replaced], ...(metadata ? { metadata } : {}) };
  });
  if (isDone) await retireFiles(context, replaced);
  return isDone;
}

/** Returns the rows of stored files as SQL; with overlays among them, one row per key. */
function stored(context: StoreContext, partition: Partition, files: readonly StoredFile[]): string {
  const paths = files.map((file) => absolutePath(context, file));
  const choice = files.some(({ overlay }) => overlay) ? oneOfEachKey(partition.type) : '';
  return `(SELECT ${columnList(partition)} FROM ${storedFiles(partition.type, paths)} ${choice})`;
}

function columnList({ type }: Partition): string {
  return tableColumns(type)
    .map(({ name }) => sqlName(name))
    .join(', ');
}

function within(spans: readonly Span[]): string {
  return spans.map((span) => `(${withinSpan(span)})`).join(' OR ');
}
