import { join } from 'node:path';
import type { StorePaths } from '../files/store-directory.js';
import { CommitLog } from './commit-log.js';
import type { StoredFile } from './store-state.js';

/** An open store: its paths and its log. */
export type StoreContext = { readonly paths: StorePaths; readonly log: CommitLog };

/** Returns the open store of these paths. */
export function openStoreContext(paths: StorePaths): StoreContext {
  return { paths, log: new CommitLog(paths.log, paths.root) };
}

/** Returns the absolute path of a stored file. */
export function absolutePath(context: { readonly paths: StorePaths }, file: Pick<StoredFile, 'path'> | string): string {
  return join(context.paths.root, typeof file === 'string' ? file : file.path);
}

/** Limits for sealing and merging: they run beside a capture and must not slow it down. */
export const MAINTENANCE = { threads: 1, memoryLimit: '400MB' } as const;

/** Returns microseconds since the epoch; the log is written in wall-clock time. */
export function wallClock(): number {
  return Date.now() * 1000;
}
