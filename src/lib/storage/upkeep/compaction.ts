import { formatDate } from '../../model/time.js';
import { type Partition, partitionPath } from '../files/partition.js';
import { retireFiles } from '../log/retired-files.js';
import { type StoreContext, wallClock } from '../log/store-context.js';
import type { StoredFile, StoreState } from '../log/store-state.js';
import { type StoreSelection, wantsPartition } from '../reading/store-selection.js';
import { type Merged, mergeFiles, rehearseMerge } from './merge.js';
import { hourlyMerges, type MergeJob, wholeMerge } from './merge-plan.js';
import { isExpired, type Retention, removalMetadata } from './retention.js';

/** The size of a partition. */
export type Amount = { readonly files: number; readonly records: number; readonly bytes: number };

/** A change of one partition, done or (with `dryRun`) possible. */
export type Compaction = {
  readonly action: 'merge' | 'remove';
  readonly partition: Partition;
  readonly before: Amount;
  readonly after: Amount;
  /** Records of `before` that were duplicates of others. */
  readonly duplicates: number;
};

export type CompactOptions = {
  /** The partitions, by type, exchange, market and day; always whole ones. */
  readonly selection?: Omit<StoreSelection, 'symbols'>;
  readonly retention?: Retention | undefined;
  /** Change nothing; merges are written to the temporary directory. */
  readonly dryRun?: boolean;
  /** Microseconds; decides which days and hours are over. */
  readonly now?: number;
};

/** A change of one partition that is due. */
export type CompactTask = Pick<Compaction, 'action' | 'partition' | 'before'>;

/** Attempts to merge a partition: a writer may merge some of its files first. */
const ATTEMPTS = 3;

const NOTHING: Amount = { files: 0, records: 0, bytes: 0 };

/** Returns the tasks that are due in a store: removals first, then by type and day. */
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

/** Performs one task; with `dryRun` only returns its result. Throws a `FailureError`; nothing is changed then. */
export async function perform(context: StoreContext, task: CompactTask, options: CompactOptions): Promise<Compaction> {
  return task.action === 'remove' ? await remove(context, task, options) : await merge(context, task, options);
}

/** Returns due merges: a finished day becomes one file, a finished hour of today becomes one file. */
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
      after = withReplaced(after, job.files, [result.file]);
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

/** Removes all current files of a partition, also those added since the task was found: they are of the same day. */
async function remove(
  context: StoreContext,
  { partition, before }: CompactTask,
  { dryRun }: CompactOptions,
): Promise<Compaction> {
  let files: StoredFile[] = [];
  const change = (state: StoreState) => {
    files = state.partition(partition);
    if (files.length === 0) return undefined;
    return { at: wallClock(), remove: files.map(({ path }) => path), metadata: removalMetadata(state, partition) };
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
  return withReplaced(NOTHING, [], files);
}

function withReplaced(amount: Amount, before: readonly StoredFile[], after: readonly StoredFile[]): Amount {
  const sum = (files: readonly StoredFile[], of: 'rows' | 'bytes') => files.reduce((total, file) => total + file[of], 0);
  return {
    files: amount.files - before.length + after.length,
    records: amount.records - sum(before, 'rows') + sum(after, 'rows'),
    bytes: amount.bytes - sum(before, 'bytes') + sum(after, 'bytes'),
  };
}
