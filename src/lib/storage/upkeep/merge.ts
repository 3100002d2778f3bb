import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FailureError } from '../../model/errors.js';
import { type Database, withDatabase } from '../database/duckdb.js';
import { rulesMetadata, segmentsMetadata } from '../database/file-facts.js';
import { fileDigest, writeParquet } from '../database/parquet-file.js';
import { partitionRows } from '../database/partition-rows.js';
import { parquetFiles } from '../database/record-load.js';
import { storageFailure } from '../files/durable-file.js';
import { type Partition, partitionPath } from '../files/partition.js';
import { uniteSegments } from '../files/segments.js';
import type { Metadata } from '../log/metadata.js';
import { retireFiles } from '../log/retired-files.js';
import { absolutePath, MAINTENANCE, type StoreContext, wallClock } from '../log/store-context.js';
import { mayOverlap, type StoredFile } from '../log/store-state.js';
import { readFailure } from '../reading/store-snapshot.js';
import { chooseByKey } from './merge-choice.js';
import type { MergeJob } from './merge-plan.js';
import { contentOf, requireSameContent } from './merge-proof.js';

/** The file that some became, and how many records of these were others' duplicates. */
export type Merged = { readonly file: StoredFile; readonly duplicates: number };

/**
 * Merges files of one partition into one, of records with the same key the one that counts. The new file carries the
 * segments of those it replaces, and is proven to hold what they held before it replaces them. Returns it, undefined
 * when one of them was replaced by somebody else meanwhile; then nothing is changed. The replaced files stay on disk,
 * aside, for readers that began before.
 */
export async function mergeFiles(context: StoreContext, job: MergeJob): Promise<Merged | undefined> {
  const path = `${partitionPath(job.partition)}/merged-${randomBytes(6).toString('hex')}.parquet`;
  const target = absolutePath(context, path);
  try {
    const { duplicates, ...merged } = await withDatabase(MAINTENANCE, (database) => writeMerged(database, context, target, job));
    const file = { path, ...merged };
    if (await commitMerge(context, file, job)) return { file, duplicates };
    await rm(target, { force: true });
    return undefined;
  } catch (error) {
    await rm(target, { force: true }).catch(() => {});
    throw mergeFailure(error, context, 'merge into', target);
  }
}

/** Returns what merging files would give, without touching the store: the merge is made in the temporary directory. */
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

/** What DuckDB says of a Parquet file names the one that could not be read; writing has its own words. */
function mergeFailure(error: unknown, context: StoreContext, action: string, target: string): Error {
  return String(error).includes('.parquet') ? readFailure(error, context.paths.root) : storageFailure(error, action, target);
}

async function writeMerged(database: Database, context: StoreContext, target: string, { partition, files }: MergeJob) {
  const { type } = partition;
  const segments = uniteSegments(files.map((file) => file.segments));
  const stored = parquetFiles(files.map((file) => absolutePath(context, file)));
  for (const file of files) await requireUnchanged(context, file);
  const before = await contentOf(database, type, stored);
  const expected = files.reduce((sum, file) => sum + file.rows, 0);
  if (before.rows !== expected)
    throw new FailureError(`expected ${expected} records in ${files.length} files, found ${before.rows}; nothing was replaced`);
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

/** What the store remembers of how candles are built, for the file to say of itself. */
async function metadataOf(context: StoreContext, { type, source, interval }: Partition): Promise<Metadata | undefined> {
  if (type !== 'candle' || source !== 'trades') return undefined;
  const { metadata } = await context.log.read();
  return Object.fromEntries([...metadata].filter(([name]) => name.startsWith(`candles.${interval}.`)));
}

/** Damage must not be merged into what looks whole: that it was done could not be seen any more. */
async function requireUnchanged(context: StoreContext, file: StoredFile): Promise<void> {
  if (file.sha256 === undefined) return;
  const path = absolutePath(context, file);
  const digest = await fileDigest(path);
  if (digest !== file.sha256)
    throw new FailureError(`${path} was changed after it was written (SHA-256 ${digest}, expected ${file.sha256}): restore it`);
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
    // What an overlay overlaps outside of the merge still has to be chosen by key.
    const overlays = files.filter(({ overlay }) => overlay);
    const others = state.partition(partition).filter(({ path }) => !replaced.has(path));
    const overlay = overlays.some((file) => others.some((other) => mayOverlap(file, other)));
    return { at: wallClock(), add: [overlay ? { ...merged, overlay } : merged], remove: [...replaced] };
  });
  if (isDone) await retireFiles(context, replaced);
  return isDone;
}
