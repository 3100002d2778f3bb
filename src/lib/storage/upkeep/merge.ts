import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FailureError } from '../../model/errors.js';
import type { RecordType } from '../../model/records.js';
import { type Database, sqlName, withDatabase } from '../database/duckdb.js';
import { rulesMetadata, segmentsMetadata } from '../database/file-facts.js';
import { fileDigest, writeParquet } from '../database/parquet-file.js';
import { partitionRows } from '../database/partition-rows.js';
import { parquetFiles, storedFiles } from '../database/record-load.js';
import { keyExpressions, tableColumns, tableDefinition } from '../database/record-table.js';
import { storageFailure } from '../files/durable-file.js';
import { type Partition, partitionPath } from '../files/partition.js';
import { uniteSegments } from '../files/segments.js';
import type { Metadata } from '../log/metadata.js';
import { retireFiles } from '../log/retired-files.js';
import { absolutePath, dropCopy, MAINTENANCE, removeFile, type StoreContext, wallClock } from '../log/store-context.js';
import { mayOverlap, type StoredFile } from '../log/store-state.js';
import { readFailure } from '../reading/store-snapshot.js';
import { oneOfEachKey } from '../reading/type-relation.js';
import type { MergeJob } from './merge-plan.js';
import { contentOf, requireSameContent } from './merge-proof.js';

/** The merged file and the number of duplicates that were dropped. */
export type Merged = { readonly file: StoredFile; readonly duplicates: number };

/**
 * Merges files of one partition into one, with one record per key. The new file carries the segments of its inputs, and
 * `requireSameContent` proves its content before the commit. Returns it, undefined when another process replaced one of
 * the inputs meanwhile; then nothing is changed. The inputs stay on disk, retired, for readers that began earlier.
 */
export async function mergeFiles(context: StoreContext, job: MergeJob): Promise<Merged | undefined> {
  const path = `${partitionPath(job.partition)}/merged-${randomBytes(6).toString('hex')}.parquet`;
  const target = absolutePath(context, path);
  try {
    const { duplicates, ...merged } = await withDatabase(MAINTENANCE, (database) => writeMerged(database, context, target, job));
    const file = { path, ...merged };
    if (await commitMerge(context, file, job)) return { file, duplicates };
    await removeFile(context, file);
    return undefined;
  } catch (error) {
    await dropCopy(context, { path });
    throw mergeFailure(error, context, 'merge into', target);
  }
}

/** Returns the result of a merge without touching the store: the file is written to the temporary directory. */
export async function rehearseMerge(context: StoreContext, job: MergeJob): Promise<Merged> {
  const target = join(tmpdir(), `mdtool-merge-${randomBytes(6).toString('hex')}.parquet`);
  try {
    const { duplicates, ...merged } = await withDatabase(MAINTENANCE, (database) => writeMerged(database, context, target, job));
    return { file: { path: '', ...merged }, duplicates };
  } catch (error) {
    throw mergeFailure(error, context, 'rehearse a merge in', target);
  } finally {
    await rm(target, { force: true }).catch(() => {});
  }
}

/** Returns a failed merge as one line. DuckDB's error names a Parquet file that cannot be read; else writing failed. */
function mergeFailure(error: unknown, context: StoreContext, action: string, target: string): Error {
  return String(error).includes('.parquet') ? readFailure(error, context.paths.location) : storageFailure(error, action, target);
}

async function writeMerged(database: Database, context: StoreContext, target: string, { partition, files }: MergeJob) {
  const { type } = partition;
  const segments = uniteSegments(files.map((file) => file.segments));
  const stored = storedFiles(
    type,
    files.map((file) => absolutePath(context, file)),
  );
  for (const file of files) await requireUnchanged(context, file);
  const before = await contentOf(database, type, stored);
  const expected = files.reduce((sum, file) => sum + file.rows, 0);
  if (before.rows !== expected)
    throw new FailureError(
      `expected ${expected} records in ${files.length} files of ${partitionPath(partition)}, found ${before.rows}; nothing was replaced`,
    );
  const duplicates = before.rows - before.keys;
  const relation = duplicates > 0 ? await chooseByKey(database, type, stored) : stored;
  const chosen = duplicates > 0 ? await contentOf(database, type, relation) : before;
  let extent: Extent | undefined;
  const inspect = async (path: string) => {
    requireSameContent(before, chosen, await contentOf(database, type, parquetFiles([path])), target);
    extent = await extentOf(database, partition, parquetFiles([path]));
  };
  const metadata = { ...segmentsMetadata(segments), ...rulesMetadata(await metadataOf(context, partition)) };
  const source = { type, relation, metadata, dense: type === 'candle', inspect };
  const { rows, bytes, sha256 } = await writeParquet(database, target, source);
  return { rows, bytes, sha256, ...(extent as Extent), segments, merged: true, duplicates };
}

/** Returns the metadata by which candles of a partition are built, to be stored in the file as well. */
async function metadataOf(context: StoreContext, { type, source, interval }: Partition): Promise<Metadata | undefined> {
  if (type !== 'candle' || source !== 'trades') return undefined;
  const { metadata } = await context.log.read();
  return Object.fromEntries([...metadata].filter(([name]) => name.startsWith(`candles.${interval}.`)));
}

/** Throws when a file was changed after it was written: merged into a new file, the damage could not be detected any more. */
async function requireUnchanged(context: StoreContext, file: StoredFile): Promise<void> {
  if (file.sha256 === undefined) return;
  const path = absolutePath(context, file);
  const digest = await fileDigest(path);
  if (digest !== file.sha256)
    throw new FailureError(`${path} was changed after it was written (SHA-256 ${digest}, expected ${file.sha256}); restore it`);
}

type Extent = Pick<StoredFile, 'min' | 'max' | 'symbols'>;

async function extentOf(database: Database, partition: Partition, relation: string): Promise<Extent> {
  const [content, ...others] = await partitionRows(database, partition.type, relation);
  if (!content || others.length > 0 || partitionPath(content.partition) !== partitionPath(partition))
    throw new FailureError(`${partitionPath(partition)} holds records of other partitions; nothing was replaced`);
  const { min, max, symbols } = content;
  return { min, max, symbols };
}

async function commitMerge(context: StoreContext, merged: StoredFile, { partition, files }: MergeJob): Promise<boolean> {
  const replaced = new Set(files.map(({ path }) => path));
  const isDone = await context.log.commit((state) => {
    if (files.some(({ path }) => !state.files.has(path))) return undefined;
    // Files outside of the merge that an input overlay overlaps may still share rows with the merged file.
    const overlays = files.filter(({ overlay }) => overlay);
    const others = state.partition(partition).filter(({ path }) => !replaced.has(path));
    const overlay = overlays.some((file) => others.some((other) => mayOverlap(file, other)));
    return { at: wallClock(), add: [overlay ? { ...merged, overlay } : merged], remove: [...replaced] };
  });
  if (isDone) await retireFiles(context, replaced);
  return isDone;
}

/** Rows compared at a time: DuckDB cannot spill the state of a choice by key to disk. */
const ROWS_COMPARED = 200_000;

/**
 * Returns a relation with one row per key of another relation, in bounded memory. A window over all rows of a busy day
 * needs more memory than a capture can spare; so only rows with repeated keys are compared, in parts, and the chosen rows
 * go into a temporary table.
 */
async function chooseByKey(database: Database, type: RecordType, relation: string): Promise<string> {
  const columns = tableColumns(type).map(({ name }) => sqlName(name));
  const key = `hash(${keyExpressions(type).join(', ')})`;
  await database.run(
    `CREATE OR REPLACE TEMP TABLE repeated AS SELECT ${key} AS key, count(*) AS copies FROM ${relation} GROUP BY ALL HAVING count(*) > 1`,
  );
  await database.run(`CREATE OR REPLACE TEMP TABLE chosen (${tableDefinition(type)})`);
  const parts = Math.ceil((await database.number('SELECT sum(copies) FROM repeated')) / ROWS_COMPARED);
  for (let part = 0; part < parts; part++)
    await database.run(
      `INSERT INTO chosen SELECT ${columns.join(', ')} FROM ${relation}
       SEMI JOIN (SELECT key FROM repeated WHERE key % ${parts} = ${part}) AS part ON ${key} = part.key ${oneOfEachKey(type)}`,
    );
  return `(SELECT ${columns.join(', ')} FROM ${relation} ANTI JOIN repeated ON ${key} = repeated.key UNION ALL SELECT * FROM chosen)`;
}
