import { formatDate } from '../../model/time.js';
import { type Partition, partitionPath } from '../files/partition.js';
import { retireFiles } from '../log/retired-files.js';
import { type StoreContext, wallClock } from '../log/store-context.js';
import type { StoredFile, StoreState } from '../log/store-state.js';
import { type StoreSelection, wantsPartition } from '../reading/store-selection.js';
import { type Merged, mergeFiles, rehearseMerge } from './merge.js';
import { hourlyMerges, type MergeJob, wholeMerge } from './merge-plan.js';
import { isExpired, type Retention } from './retention.js';

/** How much lies in a partition. */
export type Amount = { readonly files: number; readonly records: number; readonly bytes: number };

/** What was done, or is to be done, to one partition. */
export type Compaction = {
  readonly action: 'merge' | 'remove';
  readonly partition: Partition;
  readonly before: Amount;
  readonly after: Amount;
  /** Records of `before` that were others' duplicates. */
  readonly duplicates: number;
};

export type CompactOptions = {
  /** Which partitions, by type, exchange, market and day; always whole ones. */
  readonly selection?: Omit<StoreSelection, 'symbols'>;
  readonly retention?: Retention | undefined;
  /** Nothing is changed; merges are made in the temporary directory. */
  readonly dryRun?: boolean;
  /** Microseconds; decides which days and hours are over. */
  readonly now?: number;
};

/** Work on one partition that is due. */
export type CompactTask = Pick<Compaction, 'action' | 'partition' | 'before'>;

/** So many times a partition is looked at again because a writer merged some of its files first. */
const ATTEMPTS = 3;

const NOTHING: Amount = { files: 0, records: 0, bytes: 0 };

/** Returns what is due in a store, removals first, then by type and day. */
export async function dueTasks(context: StoreContext, options: CompactOptions): Promise<CompactTask[]> {
  const { selection = {}, retention, now = wallClock() } = options;
  const state = await context.log.read();
  const tasks: CompactTask[] = [];
  for (const { partition, files } of state.partitions()) {
    if (!wantsPartition(selection, partition)) continue;
    const task = { partition, before: amountOf(files) };
    if (retention && isExpired(state, partition, retention, now)) tasks.push({ action: 'remove', ...task });
    else if (mergesOf(partition, files, now).length > 0) tasks.push({ action: 'merge', ...task });
  }
  const path = ({ action, partition }: CompactTask) => `${action === 'remove' ? 0 : 1} ${partitionPath(partition)}`;
  return tasks.sort((a, b) => (path(a) < path(b) ? -1 : 1));
}

/** Does what is due in one partition, or with `dryRun` finds out what it would give. Throws a `FailureError`; nothing is changed then. */
export async function perform(context: StoreContext, task: CompactTask, options: CompactOptions): Promise<Compaction> {
  return task.action === 'remove' ? await remove(context, task, options) : await merge(context, task, options);
}

/** A day that is over becomes one file; of the others, and of today, the hours that are over. */
function mergesOf(partition: Partition, files: readonly StoredFile[], now: number): MergeJob[] {
  return partition.date < formatDate(now) ? wholeMerge(partition, files) : hourlyMerges(partition, files, now);
}

async function merge(context: StoreContext, task: CompactTask, { dryRun, now = wallClock() }: CompactOptions) {
  const { partition } = task;
  let { before, after } = { before: task.before, after: task.before };
  let duplicates = 0;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const files = (await context.log.read()).partition(partition);
    if (duplicates === 0 && after === before) before = after = amountOf(files);
    const jobs = mergesOf(partition, files, now);
    const merged = await inTurn(jobs, (job) => (dryRun ? rehearseMerge(context, job) : mergeFiles(context, job)));
    for (const { job, result } of merged) {
      after = replaced(after, job.files, [result.file]);
      duplicates += result.duplicates;
    }
    if (merged.length === jobs.length) break;
  }
  return { action: 'merge', partition, before, after, duplicates } as const;
}

async function inTurn(jobs: readonly MergeJob[], work: (job: MergeJob) => Promise<Merged | undefined>) {
  const done: { readonly job: MergeJob; readonly result: Merged }[] = [];
  for (const job of jobs) {
    const result = await work(job);
    if (result) done.push({ job, result });
  }
  return done;
}

/** What came since the task was found has the same day, and goes as well. */
async function remove(
  context: StoreContext,
  { partition, before }: CompactTask,
  { dryRun }: CompactOptions,
): Promise<Compaction> {
  let files: StoredFile[] = [];
  const change = (state: StoreState) => {
    files = state.partition(partition);
    return files.length > 0 ? { at: wallClock(), remove: files.map(({ path }) => path) } : undefined;
  };
  const isDone = !dryRun && (await context.log.commit(change));
  if (isDone)
    await retireFiles(
      context,
      files.map(({ path }) => path),
    );
  return { action: 'remove', partition, before: isDone ? amountOf(files) : before, after: NOTHING, duplicates: 0 };
}

function amountOf(files: readonly StoredFile[]): Amount {
  return replaced(NOTHING, [], files);
}

function replaced(amount: Amount, before: readonly StoredFile[], after: readonly StoredFile[]): Amount {
  const sum = (files: readonly StoredFile[], of: 'rows' | 'bytes') => files.reduce((total, file) => total + file[of], 0);
  return {
    files: amount.files - before.length + after.length,
    records: amount.records - sum(before, 'rows') + sum(after, 'rows'),
    bytes: amount.bytes - sum(before, 'bytes') + sum(after, 'bytes'),
  };
}
