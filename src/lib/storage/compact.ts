import { MdtoolError } from '../model/errors.js';
import { orphans } from './journal/recovery.js';
import type { StoreContext } from './log/store-context.js';
import { openStoreWriter } from './store-writer.js';
import { type Compaction, type CompactOptions, type CompactTask, dueTasks, perform } from './upkeep/compaction.js';
import { sweepStore } from './upkeep/sweep.js';

/** Told of what a run does, as it does it. */
export type CompactListener = {
  /** What is due, before anything of it is done. */
  onPlan(tasks: readonly CompactTask[]): void;
  onDone(compaction: Compaction): void;
  /** A partition that stays as it is, for the reason given. */
  onFailure(task: CompactTask, error: MdtoolError): void;
  onWarning(message: string): void;
};

/** What a run did beside its partitions. */
export type CompactReport = {
  /** Journals whose writers had ended. */
  readonly orphans: number;
  /** Records of these that were sealed. */
  readonly recovered: number;
  /** Parquet files that the log does not know and that may hold what no other file does. */
  readonly unknown: readonly string[];
  /** Partitions that were not looked at any more after the run was stopped. */
  readonly left: number;
};

/**
 * Compacts a store: seals what ended writers left behind, merges days and hours that are over, removes what is older than
 * is kept, and tidies up. Open segments are not touched; readers and writers go on meanwhile. What one change replaces is
 * replaced whole: it may be killed at any time, and a second run changes nothing. Stops between two partitions.
 */
export async function compactStore(
  context: StoreContext,
  options: CompactOptions & { readonly signal?: AbortSignal },
  listener: CompactListener,
): Promise<CompactReport> {
  const { dryRun = false, signal } = options;
  const { unsealed } = await orphans(context);
  const recovered = dryRun || unsealed.length === 0 ? 0 : await sealOrphans(context.paths.root, listener);
  const unknown = dryRun ? [] : await sweepStore(context, true);
  const tasks = await dueTasks(context, options);
  listener.onPlan(tasks);
  let done = 0;
  for (const task of tasks) {
    if (signal?.aborted) break;
    try {
      listener.onDone(await perform(context, task, options));
    } catch (error) {
      if (!(error instanceof MdtoolError)) throw error;
      listener.onFailure(task, error);
    }
    done++;
  }
  // What the first sweep met between its writing and its change has been made known by now, and gets its name back.
  if (!dryRun) await sweepStore(context, true);
  return { orphans: unsealed.length, recovered, unknown, left: tasks.length - done };
}

/** Whoever opens the store to write takes over what is left behind, and seals it. */
async function sealOrphans(directory: string, { onWarning }: CompactListener): Promise<number> {
  const writer = await openStoreWriter(directory, { step: 'compact', onWarning });
  const { recovered } = await writer.close();
  return recovered;
}
