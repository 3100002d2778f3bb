import { randomBytes } from 'node:crypto';
import type { RecordType } from '../model/records.js';
import { type Database, sqlName, sqlText } from './database/duckdb.js';
import { segmentsMetadata } from './database/file-facts.js';
import { adoptParquet, parquetStatement, writeParquet } from './database/parquet-file.js';
import { type PartitionRows, partitionRows, recount } from './database/partition-rows.js';
import { dropKnown, hasAllRecords } from './database/record-load.js';
import { type RowOrder, rowOrder } from './database/row-order.js';
import { storageFailure } from './files/durable-file.js';
import { type Partition, partitionColumns, partitionPath } from './files/partition.js';
import { absolutePath, removeFile, type StoreContext, wallClock } from './log/store-context.js';
import { mayOverlap, type StoredFile } from './log/store-state.js';

type AddedTable = {
  readonly table: string;
  readonly asTable: () => Promise<void>;
  /** Throws when what was written must not be stored. */
  readonly verify: () => Promise<void>;
  /**
   * What is known of the rows; `isOrdered`: those of each partition stand in the order of a stored file. `copy` has them all, in
   * the order of the table.
   */
  readonly known?:
    | { readonly partitions: readonly PartitionRows[]; readonly isOrdered: boolean; readonly copy?: SegmentCopy | undefined }
    | undefined;
};

/** Rows in the form of a stored file, not yet in the store. */
export type SegmentCopy = { readonly path: string; readonly segment: string };

/** Returns the statement that writes the rows of a SELECT, which has the columns of a type in their order, as a `SegmentCopy`. */
export function segmentStatement(type: RecordType, select: string, { path, segment }: SegmentCopy): string {
  return parquetStatement(path, { type, relation: `(${select})`, ...segmentFormat(segment), sorted: false });
}

/** Returns a name for new segments of which no other writer has one. */
export function segmentName(): string {
  return `${new Date().toISOString().replace(/[-:]|\..*/g, '')}${randomBytes(4).toString('hex')}`;
}

function segmentFormat(segment: string) {
  return { metadata: segmentsMetadata([segment]), fast: true };
}

/** Records that a table added to a store, and those that the store had already. */
type AddedRecords = { readonly added: number; readonly known: number };

/**
 * Adds the rows of a table of one type to a store, each partition in one change of the log, without rows that stored files
 * have. The rows must be unique by their key. A run that ends early leaves whole partitions; the next one adds the rest.
 * The table also has `place`, an integer for each row. It may be a view: `asTable` turns it into a table before rows are
 * removed, and `verify` is called before a file gets its name. Throws a `FailureError`.
 */
export async function addTable(
  context: StoreContext,
  database: Database,
  type: RecordType,
  source: AddedTable,
): Promise<AddedRecords> {
  let [added, known] = [0, 0];
  const writer = segmentName();
  try {
    const partitions = source.known?.partitions ?? (await partitionRows(database, type, sqlName(source.table)));
    // Most often what is true of all days answers for each of them, in one pass.
    let whole: Promise<RowOrder> | undefined;
    const orderOf = async (relation: string) => {
      if (partitions.length > 1) whole ??= rowOrder(database, type, sqlName(source.table));
      return (await whole) ?? (await rowOrder(database, type, relation));
    };
    for (const [number, rows] of partitions.entries()) {
      const copy = partitions.length === 1 ? source.known?.copy : undefined;
      const job = { ...source, rows, copy, segment: `${writer}-${number}`, orderOf };
      const file = await writePartition(context, database, job);
      known += rows.rows - (file?.rows ?? 0);
      added += file?.rows ?? 0;
    }
  } catch (error) {
    throw storageFailure(error, 'write to the store', context.paths.location);
  }
  return { added, known };
}

type ComparedRows = { readonly table: string; readonly rows: PartitionRows; readonly isOrdered: boolean };

/** Returns the stored files that may have rows of a partition, and whether they may have all. */
async function storedBeside(context: StoreContext, database: Database, { table, rows, isOrdered }: ComparedRows) {
  const { partition, where } = rows;
  const stored = (await context.log.read()).partition(partition).filter((file) => mayOverlap(file, asFile(rows)));
  const files = stored.map((file) => absolutePath(context, file));
  const count = stored.reduce((sum, file) => sum + file.rows, 0);
  const isOneFile = files.length === 1 && count === rows.rows;
  const relation = `(SELECT * FROM ${sqlName(table)} WHERE ${where})`;
  const isAlike = isOneFile && (isOrdered || (await rowOrder(database, partition.type, relation)) === 'file');
  const comparison = { table, type: partition.type, where, files, span: rows, isAlike };
  return { comparison, stored, mayHaveAll: files.length > 0 && count >= rows.rows };
}

/** Returns whether stored files have every row of a table as it is. */
export async function hasTable(
  context: StoreContext,
  database: Database,
  table: string,
  { partitions, isOrdered }: { readonly partitions: readonly PartitionRows[]; readonly isOrdered: boolean },
): Promise<boolean> {
  for (const rows of partitions) {
    const { comparison, mayHaveAll } = await storedBeside(context, database, { table, rows, isOrdered });
    if (!mayHaveAll || !(await hasAllRecords(database, comparison))) return false;
  }
  return true;
}

/** `copy` has all rows of the partition and no others. */
type PartitionJob = AddedTable & {
  readonly rows: PartitionRows;
  readonly segment: string;
  readonly copy: SegmentCopy | undefined;
  readonly orderOf: (relation: string) => Promise<RowOrder>;
};

async function writePartition(
  context: StoreContext,
  database: Database,
  { table, asTable, verify, known, rows, copy: whole, segment: next, orderOf }: PartitionJob,
): Promise<StoredFile | undefined> {
  const { partition, where } = rows;
  const { type } = partition;
  const compare = { table, rows, isOrdered: known?.isOrdered === true };
  const { comparison, stored, mayHaveAll } = await storedBeside(context, database, compare);
  const { files } = comparison;
  if (mayHaveAll && (await hasAllRecords(database, comparison))) return undefined;
  if (files.length > 0) await asTable();
  const { dropped, superseding } = files.length > 0 ? await dropKnown(database, comparison) : { dropped: 0, superseding: 0 };
  const kept = dropped > 0 ? await recount(database, table, rows) : rows;
  if (!kept) return undefined;
  const given = `(SELECT * FROM ${sqlName(table)} WHERE ${where})`;
  const order = known?.isOrdered ? 'file' : await orderOf(given);
  const isOrdered = order === 'file';
  const copy = isOrdered && files.length === 0 ? whole : undefined;
  const segment = copy?.segment ?? next;
  const path = `${partitionPath(partition)}/${segment}.${randomBytes(3).toString('hex')}.parquet`;
  const absolute = absolutePath(context, path);
  const written = copy
    ? await adoptParquet(absolute, { from: copy.path, rows: rows.rows, inspect: verify })
    : await writeParquet(database, absolute, {
        type,
        relation: given,
        sorted: !isOrdered,
        order: order === 'time' ? symbolOrder(rows.symbols) : undefined,
        ...segmentFormat(segment),
        constants: constantsOf(partition),
        inspect: verify,
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

/** Returns a shorter key that sorts trades in order of time as those of a stored file. */
function symbolOrder(symbols: PartitionRows['symbols']): string | undefined {
  const numbers = symbols?.map((symbol, at) => `WHEN ${sqlText(symbol)} THEN ${at}::UTINYINT`);
  return numbers && `CASE "symbol" ${numbers.join(' ')} END, place`;
}

/** Returns what all rows of a partition share. */
function constantsOf(partition: Partition): Record<string, string | null> {
  const values = partitionColumns(partition.type).map((name) => [name, partition[name] ?? null]);
  return { type: partition.type, ...Object.fromEntries(values) };
}

function asFile({ rows, min, max, symbols }: PartitionRows): StoredFile {
  return { path: '', bytes: 0, segments: [], rows, min, max, symbols };
}
