import { randomBytes } from 'node:crypto';
import type { RecordType } from '../model/records.js';
import { type Database, sqlName } from './database/duckdb.js';
import { segmentsMetadata } from './database/file-facts.js';
import { writeParquet } from './database/parquet-file.js';
import { type PartitionRows, partitionRows, recount } from './database/partition-rows.js';
import { dropKnown, hasAllRecords } from './database/record-load.js';
import { SWEEP_STEP } from './database/record-table.js';
import { storageFailure } from './files/durable-file.js';
import { partitionPath } from './files/partition.js';
import { absolutePath, removeFile, type StoreContext, wallClock } from './log/store-context.js';
import { mayOverlap, type StoredFile } from './log/store-state.js';

type AddedTable = {
  readonly table: string;
  readonly asTable: () => Promise<void>;
  /** Throws when what was written must not be stored. */
  readonly verify: () => Promise<void>;
  /** What is known of the rows; `isOrdered`: those of each partition stand in the order of a stored file. */
  readonly known?: { readonly partitions: readonly PartitionRows[]; readonly isOrdered: boolean } | undefined;
};

/** Records that a table added to a store, and those that the store had already. */
type AddedRecords = { readonly added: number; readonly known: number };

/**
 * Adds the rows of a table of one type to a store, each partition in one change of the log, without rows that stored files
 * have. The rows must be unique by their key. A run that ends early leaves whole partitions; the next one adds the rest.
 * `table` may be a view: `asTable` turns it into a table before rows are removed, and `verify` is called before a file gets its
 * name. Throws a `FailureError`.
 */
export async function addTable(
  context: StoreContext,
  database: Database,
  type: RecordType,
  source: AddedTable,
): Promise<AddedRecords> {
  let [added, known] = [0, 0];
  const writer = `${new Date().toISOString().replace(/[-:]|\..*/g, '')}${randomBytes(4).toString('hex')}`;
  try {
    const partitions = source.known?.partitions ?? (await partitionRows(database, type, sqlName(source.table)));
    for (const [number, rows] of partitions.entries()) {
      const file = await writePartition(context, database, { ...source, rows, segment: `${writer}-${number}` });
      known += rows.rows - (file?.rows ?? 0);
      added += file?.rows ?? 0;
    }
  } catch (error) {
    throw storageFailure(error, 'write to the store', context.paths.location);
  }
  return { added, known };
}

type PartitionJob = AddedTable & { readonly rows: PartitionRows; readonly segment: string };

async function writePartition(
  context: StoreContext,
  database: Database,
  { table, asTable, verify, known, rows, segment }: PartitionJob,
): Promise<StoredFile | undefined> {
  const { partition, where } = rows;
  const { type } = partition;
  const stored = (await context.log.read()).partition(partition).filter((file) => mayOverlap(file, asFile(rows)));
  const files = stored.map((file) => absolutePath(context, file));
  const comparison = { table, type, where, files, span: rows };
  const mayHaveAll = stored.reduce((sum, file) => sum + file.rows, 0) >= rows.rows && files.length > 0;
  if (mayHaveAll && (await hasAllRecords(database, comparison))) return undefined;
  if (files.length > 0) await asTable();
  const { dropped, superseding } = files.length > 0 ? await dropKnown(database, comparison) : { dropped: 0, superseding: 0 };
  const kept = dropped > 0 ? await recount(database, table, rows) : rows;
  if (!kept) return undefined;
  const path = `${partitionPath(partition)}/${segment}.${randomBytes(3).toString('hex')}.parquet`;
  const relation = `(SELECT * FROM ${sqlName(table)} WHERE ${where})`;
  const written = await writeParquet(database, absolutePath(context, path), {
    type,
    relation,
    metadata: segmentsMetadata([segment]),
    fast: true,
    inspect: verify,
    sorted: !(known?.isOrdered || (await isSorted(database, type, relation))),
  });
  const file = { ...asFile(kept), path, ...written, segments: [segment], ...(superseding > 0 ? { overlay: true } : {}) };
  const compared = new Set(stored.map(({ path: of }) => of));
  const isDone = await context.log.commit((state) => {
    // Files that were added since the comparison may share rows: readers then keep one per key.
    const isNew = state.partition(partition).some((other) => !compared.has(other.path) && mayOverlap(other, file));
    return { at: wallClock(), add: [isNew ? { ...file, overlay: true } : file] };
  });
  if (!isDone) await removeFile(context, { path });
  return isDone ? file : undefined;
}

/**
 * Archives are in order as a rule, and captures of one symbol: to find that out costs a tenth of sorting them. Each row is
 * compared with the one before, column by column; of others the first that stands wrong ends the search.
 */
async function isSorted(database: Database, type: RecordType, relation: string): Promise<boolean> {
  if (type !== 'trade') return false;
  const order = ['"symbol"', '"timestamp"', '"sequence"', '"local_timestamp"', SWEEP_STEP, '"id"'];
  const columns = order.flatMap((value, at) => [`${value} AS c${at}`, `lag(${value}) OVER () AS l${at}`]);
  const isAfter = order.reduceRight(
    (next, _, at) => `CASE WHEN c${at} IS DISTINCT FROM l${at} THEN coalesce(c${at} > l${at}, l${at} IS NULL) ELSE ${next} END`,
    'false',
  );
  const wrong = await database.rows(`SELECT 1 FROM (SELECT ${columns.join(', ')} FROM ${relation}) WHERE NOT ${isAfter} LIMIT 1`);
  return wrong.length === 0;
}

function asFile({ rows, min, max, symbols }: PartitionRows): StoredFile {
  return { path: '', bytes: 0, segments: [], rows, min, max, symbols };
}
