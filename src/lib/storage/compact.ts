import { MdtoolError } from '../model/errors.js';
import { orphans } from './journal/recovery.js';
import type { StoreContext } from './log/store-context.js';
import { openStoreWriter } from './store-writer.js';
import { type Compaction, type CompactOptions, type CompactTask, dueTasks, perform } from './upkeep/compaction.js';
import { sweepStore } from './upkeep/sweep.js';

/** Receives the steps of a run as they happen. */
type CompactListener = {
  /** Called with all tasks before the first one starts. */
  onPlan(tasks: readonly CompactTask[]): void;
  onDone(compaction: Compaction): void;
  /** Called when a task failed; its partition is unchanged. */
  onFailure(task: CompactTask, error: MdtoolError): void;
  onWarning(message: string): void;
};

/** Results of a run apart from its partitions. */
type CompactReport = {
  /** Journals of interrupted runs. */
  readonly orphans: number;
  /** Records recovered from them. */
  readonly recovered: number;
  /** Parquet files that are not in the log and may hold records that no other file has. */
  readonly unknown: readonly string[];
  /** Tasks that were not started because the run was stopped. */
  readonly left: number;
};

/**
 * Compacts a store: seals the journals of interrupted runs, merges finished days and hours, applies retention, and sweeps.
 * Open journals are not touched; readers and writers continue meanwhile. Each partition changes in one commit: a run may
 * be killed at any time, and a second run changes nothing. An abort takes effect between two partitions.
 */
export async function compactStore(
  context: StoreContext,
  options: CompactOptions & { readonly signal?: AbortSignal },
  listener: CompactListener,
): Promise<CompactReport> {
  const { dryRun = false, signal } = options;
  const { unknown, ...repaired } = dryRun ? await found(context) : await repairStore(context, listener.onWarning);
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
  // The first sweep may have retired a file that a writer was about to commit. It is committed by now: restore its name.
  if (!dryRun) await sweepStore(context, true);
  return { ...repaired, unknown, left: tasks.length - done };
}

/** Seals the journals of interrupted runs, and clears what interrupted seals and merges left. Open journals are not touched. */
export async function repairStore(
  context: StoreContext,
  onWarning: (message: string) => void,
): Promise<Omit<CompactReport, 'left'>> {
  const { unsealed } = await orphans(context);
  const recovered = unsealed.length === 0 ? 0 : await sealOrphans(context.paths.location, onWarning);
  return { orphans: unsealed.length, recovered, unknown: await sweepStore(context, true) };
}

async function found(context: StoreContext): Promise<Omit<CompactReport, 'left'>> {
  return { orphans: (await orphans(context)).unsealed.length, recovered: 0, unknown: [] };
}

/** Seals orphaned journals: opening a writer takes them over, closing it seals them. */
async function sealOrphans(directory: string, onWarning: (message: string) => void): Promise<number> {
  const writer = await openStoreWriter(directory, { step: 'compact', onWarning });
  const { recovered } = await writer.close();
  return recovered;
}
