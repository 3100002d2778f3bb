import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { RunConfig, RunState } from '../../../lib/execution/state.js';
import { runFolder, runNames } from '../../../lib/execution/store/run-names.js';
import type { Heartbeat } from '../../../lib/execution/store/run-store.js';
import { lockFile, openRunStore } from '../../../lib/execution/store/sqlite-store.js';
import { LimitError } from '../../../lib/model/errors.js';

/** A run as its journal has it. */
export type KnownRun = {
  readonly config: RunConfig;
  readonly state: RunState | undefined;
  readonly heartbeat: Heartbeat | undefined;
  /** Milliseconds; undefined before its first start. */
  readonly firstStart: number | undefined;
  /** Whether a process of this machine holds it. */
  readonly isRunning: boolean;
};

/** A run, or why its journal cannot be read. */
export type FoundRun = KnownRun | { readonly name: string; readonly damage: string };

export function isKnown(run: FoundRun): run is KnownRun {
  return 'config' in run;
}

/** Reads all runs of a store; one whose journal is damaged does not hide the others. */
export function readRuns(store: string): Promise<FoundRun[]> {
  return Promise.all(
    runNames(store).map((name) =>
      readRun(store, name).catch((error): FoundRun => {
        if (error instanceof LimitError) return { name, damage: error.message };
        throw error;
      }),
    ),
  );
}

/** Reads a run without changing it. Throws a `LimitError` where its journal is damaged. */
export async function readRun(store: string, name: string): Promise<KnownRun> {
  const directory = runFolder(store, name);
  const journal = await openRunStore(directory, { readOnly: true });
  try {
    return {
      config: journal.config,
      state: journal.state,
      heartbeat: journal.lastHeartbeat,
      firstStart: journal.firstStart,
      isRunning: await isLocked(directory),
    };
  } finally {
    journal.close();
  }
}

async function isLocked(directory: string): Promise<boolean> {
  const path = join(directory, 'run.lock');
  if (!existsSync(path)) return false;
  const release = await lockFile(path);
  release?.();
  return release === undefined;
}
