import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { RunConfig, RunState } from '../../../lib/execution/state.js';
import type { Heartbeat } from '../../../lib/execution/store/run-store.js';
import { lockFile, openRunStore, runDirectory } from '../../../lib/execution/store/sqlite-store.js';
import { UsageError } from '../../../lib/model/errors.js';
import { didYouMean } from '../../../lib/model/suggestion.js';

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

/** Returns the names of all runs of a store. */
export function runNames(store: string): string[] {
  const folder = join(store, 'state', 'runs');
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(folder, entry.name, 'run.db')))
    .map(({ name }) => name)
    .sort();
}

/** Throws a `UsageError` for a name that no run has. */
function requireRun(store: string, name: string): void {
  const names = runNames(store);
  if (!names.includes(name)) throw new UsageError(`no run ${name} in ${store}${didYouMean(name, names)}`);
}

/** Reads a run without changing it. */
export async function readRun(store: string, name: string): Promise<KnownRun> {
  requireRun(store, name);
  const directory = runDirectory(store, name);
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
