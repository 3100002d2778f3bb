import { join } from 'node:path';
import type { StorePaths } from '../files/store-directory.js';
import { CommitLog } from './commit-log.js';
import type { StoredFile } from './store-state.js';

/** An open store: where it is and what is known of it. */
export type StoreContext = { readonly paths: StorePaths; readonly log: CommitLog };

/** Returns the open store of these paths. */
export function openStoreContext(paths: StorePaths): StoreContext {
  return { paths, log: new CommitLog(paths.log, paths.root) };
}

/** Returns where a stored file lies. */
export function absolutePath(context: { readonly paths: StorePaths }, file: Pick<StoredFile, 'path'> | string): string {
  return join(context.paths.root, typeof file === 'string' ? file : file.path);
}

/** Sealing and merging take turns with a capture that must not be slowed down: one thread, little memory. */
export const MAINTENANCE = { threads: 1, memoryLimit: '400MB' } as const;

/** Returns microseconds since the epoch; the log is written in wall-clock time. */
export function wallClock(): number {
  return Date.now() * 1000;
}
