import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { HOUR } from '../model/time.js';
import { type Database, withDatabase } from './duckdb.js';
import { storageFailure } from './durable-file.js';
import { writeParquet } from './parquet-file.js';
import { type Partition, partitionPath } from './partition.js';
import { partitionRows } from './partition-rows.js';
import { parquetFiles } from './record-load.js';
import { uniteSegments } from './segments.js';
import { absolutePath, MAINTENANCE, type StoreContext, wallClock } from './store-context.js';
import { mayOverlap, type StoredFile, type StoreState } from './store-state.js';
import { oneOfEachKey } from './type-relation.js';

/** Fewer finished files than this are left alone. */
const LEAST_FILES = 2;
/** At most so many rows become one file: a merge must not take the time and memory of a whole day. */
const MOST_ROWS = 5_000_000;

/** Files of one partition that become one. */
export type MergeJob = { readonly partition: Partition; readonly files: readonly StoredFile[] };

/**
 * Returns the merges that are due: unmerged files of an hour (of their records) that is over at `now`, both in
 * microseconds. Only files that hold a segment `isOwn` accepts start one, so that writers do not do the same work.
 */
export function finishedHours(state: StoreState, now: number, isOwn: (segments: StoredFile['segments']) => boolean): MergeJob[] {
  const jobs: MergeJob[] = [];
  for (const { partition, files } of state.partitions()) {
    const hours = new Map<number, StoredFile[]>();
    for (const file of files) {
      const end = (Math.floor(file.max / HOUR) + 1) * HOUR;
      if (end <= now) hours.set(end, [...(hours.get(end) ?? []), file]);
    }
    for (const hour of hours.values()) {
      const group = worthMerging(hour);
      if (group.length >= LEAST_FILES && group.some(({ merged, segments }) => !merged && isOwn(segments)))
        jobs.push(...bounded(partition, group));
    }
  }
  return jobs;
}

/** New files, and what was merged before when it is no bigger than they are: so no row is rewritten more than log n times. */
function worthMerging(files: readonly StoredFile[]): StoredFile[] {
  const group = files.filter(({ merged }) => !merged);
  let rows = group.reduce((sum, file) => sum + file.rows, 0);
  const before = files.filter(({ merged }) => merged).sort((a, b) => a.rows - b.rows);
  for (const file of group.length > 0 ? before : []) {
    if (file.rows > rows) break;
    group.push(file);
    rows += file.rows;
  }
  return group;
}

function bounded(partition: Partition, files: readonly StoredFile[]): MergeJob[] {
  const jobs: StoredFile[][] = [];
  let rows = Number.POSITIVE_INFINITY;
  for (const file of files) {
    if (rows + file.rows > MOST_ROWS) {
      jobs.push([]);
      rows = 0;
    }
    jobs.at(-1)?.push(file);
    rows += file.rows;
  }
  return jobs.filter((job) => job.length >= LEAST_FILES).map((job) => ({ partition, files: job }));
}

/**
 * Merges files of one partition into one, of records with the same key the one that counts. The new file carries the
 * segments of those it replaces. Returns it, undefined when one of them was replaced by somebody else meanwhile; then
 * nothing is changed. The replaced files stay on disk for readers that began before.
 */
export async function mergeFiles(context: StoreContext, job: MergeJob): Promise<StoredFile | undefined> {
  const path = `${partitionPath(job.partition)}/merged-${randomBytes(6).toString('hex')}.parquet`;
  try {
    const merged = await withDatabase(MAINTENANCE, (database) => writeMerged(database, context, path, job));
    if (await commitMerge(context, merged, job)) return merged;
    await rm(absolutePath(context, path), { force: true });
    return undefined;
  } catch (error) {
    await rm(absolutePath(context, path), { force: true }).catch(() => {});
    throw storageFailure(error, 'merge into', absolutePath(context, path));
  }
}

async function writeMerged(
  database: Database,
  context: StoreContext,
  path: string,
  { partition, files }: MergeJob,
): Promise<StoredFile> {
  const { type } = partition;
  const segments = uniteSegments(files.map((file) => file.segments));
  const stored = parquetFiles(files.map((file) => absolutePath(context, file)));
  const overlay = files.some((file) => file.overlay);
  const relation = overlay ? `(SELECT * FROM ${stored} ${oneOfEachKey(type)})` : stored;
  const metadata = { mdtool_segments: segments.join(' ') };
  const { rows, bytes, sha256 } = await writeParquet(database, absolutePath(context, path), { type, relation, metadata });
  const [content] = await partitionRows(database, type, parquetFiles([absolutePath(context, path)]));
  const expected = files.reduce((sum, file) => sum + file.rows, 0);
  if (!content || content.rows !== rows || (overlay ? rows > expected : rows !== expected))
    throw new Error(`expected ${expected} rows of ${files.length} files, found ${content?.rows ?? 0}; nothing was replaced`);
  const { min, max, symbols } = content;
  return { path, rows, bytes, sha256, min, max, symbols, segments, merged: true };
}

async function commitMerge(context: StoreContext, merged: StoredFile, { partition, files }: MergeJob): Promise<boolean> {
  const replaced = new Set(files.map(({ path }) => path));
  return await context.log.commit((state) => {
    if (files.some(({ path }) => !state.files.has(path))) return undefined;
    // What an overlay overlaps outside of the merge still has to be chosen by key.
    const overlays = files.filter(({ overlay }) => overlay);
    const others = state.partition(partition).filter(({ path }) => !replaced.has(path));
    const overlay = overlays.some((file) => others.some((other) => mayOverlap(file, other)));
    return { at: wallClock(), add: [overlay ? { ...merged, overlay } : merged], remove: [...replaced] };
  });
}
