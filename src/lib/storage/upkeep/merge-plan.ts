import { HOUR } from '../../model/time.js';
import type { Partition } from '../files/partition.js';
import type { StoredFile, StoreState } from '../log/store-state.js';

/** Fewer finished files than this are left alone. */
const LEAST_FILES = 2;
/** At most so many rows become one file while a capture goes on: a merge must not take the time of a whole day. */
const MOST_ROWS = 5_000_000;

/** Files of one partition that become one. */
export type MergeJob = { readonly partition: Partition; readonly files: readonly StoredFile[] };

/** Whether a merge may be started by a file of these segments: writers do not do the same work. */
type IsOwn = (segments: StoredFile['segments']) => boolean;

/** Returns the merges of finished hours that are due in a store at `now` (microseconds), for a writer. */
export function finishedHours(state: StoreState, now: number, isOwn: IsOwn): MergeJob[] {
  return [...state.partitions()].flatMap(({ partition, files }) => hourlyMerges(partition, files, now, isOwn));
}

/** Returns the merges that are due in a partition: unmerged files of an hour (of their records) that is over at `now`. */
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
    if (group.length >= LEAST_FILES && group.some(({ merged, segments }) => !merged && isOwn(segments)))
      jobs.push(...bounded(partition, group));
  }
  return jobs;
}

/** Returns the merge that makes a partition one file in which nothing has to be chosen by key, none where it is one. */
export function wholeMerge(partition: Partition, files: readonly StoredFile[]): MergeJob[] {
  return files.length >= LEAST_FILES || files.some(({ overlay }) => overlay) ? [{ partition, files }] : [];
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
