import { HOUR } from '../../model/time.js';
import type { Partition } from '../files/partition.js';
import type { StoredFile, StoreState } from '../log/store-state.js';

/** Minimum number of finished files for a merge. */
const MIN_FILES = 2;
/** Maximum number of rows of a merge beside a capture: merging a whole busy day would take too long. */
const MAX_ROWS = 5_000_000;

/** Files of one partition that are merged into one. */
export type MergeJob = { readonly partition: Partition; readonly files: readonly StoredFile[] };

/** Returns whether this writer may start a merge for these segments: two writers must not do the same work. */
type IsOwn = (segments: StoredFile['segments']) => boolean;

/** Returns a writer's due merges of hours that are over at `now` (microseconds). */
export function finishedHours(state: StoreState, now: number, isOwn: IsOwn): MergeJob[] {
  return [...state.partitions()].flatMap(({ partition, files }) => hourlyMerges(partition, files, now, isOwn));
}

/** Returns the due merges of a partition: unmerged files whose records are of an hour that is over at `now`. */
export function hourlyMerges(
  partition: Partition,
  files: readonly StoredFile[],
  now: number,
  isOwn: IsOwn = () => true,
): MergeJob[] {
  const jobs: MergeJob[] = [];
  const hours = new Map<number, StoredFile[]>();
  for (const file of files) {
    const end = (Math.floor(file.max / HOUR) + 1) * HOUR;
    if (end <= now) hours.set(end, [...(hours.get(end) ?? []), file]);
  }
  for (const hour of hours.values()) {
    const group = worthMerging(hour);
    if (group.length >= MIN_FILES && group.some(({ merged, segments }) => !merged && isOwn(segments)))
      jobs.push(...bounded(partition, group));
  }
  return jobs;
}

/** Returns the merge of a whole partition into one file without duplicates; none when it is already one. */
export function wholeMerge(partition: Partition, files: readonly StoredFile[]): MergeJob[] {
  return files.length >= MIN_FILES || files.some(({ overlay }) => overlay) ? [{ partition, files }] : [];
}

/**
 * Returns the files to merge: new files, and merged files that are not larger than these together.
 *
 * Merging every new file into the large one would rewrite each row hundreds of times a day. With this rule a row moves at
 * least into a file of twice the size, so it is rewritten at most log n times.
 */
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
    if (rows + file.rows > MAX_ROWS) {
      jobs.push([]);
      rows = 0;
    }
    jobs.at(-1)?.push(file);
    rows += file.rows;
  }
  return jobs.filter((job) => job.length >= MIN_FILES).map((job) => ({ partition, files: job }));
}
