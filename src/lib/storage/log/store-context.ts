import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { StorePaths } from '../files/store-directory.js';
import { CommitLog } from './commit-log.js';
import type { StoredFile } from './store-state.js';

/** An open store: its paths and its log. */
export type StoreContext = { readonly paths: StorePaths; readonly log: CommitLog };

/** Returns the open store of these paths. */
export function openStoreContext(paths: StorePaths): StoreContext {
  return { paths, log: new CommitLog(paths.log, paths.root, paths.files) };
}

/** Returns the absolute path of a stored file. */
export function absolutePath(context: { readonly paths: StorePaths }, file: Pick<StoredFile, 'path'> | string): string {
  return join(context.paths.root, typeof file === 'string' ? file : file.path);
}

/** Removes a file that the log does not name: another process was faster. A failure leaves it to the next sweep. */
export async function removeFile(context: StoreContext, file: Pick<StoredFile, 'path'>): Promise<void> {
  await context.paths.files.remove(absolutePath(context, file)).catch(() => {});
}

/**
 * Removes a file from the disk of this machine after its change failed. In a bucket a change may be made although its answer
 * got lost: the log would name an object that is gone. So the object stays; a sweep removes one that the log does not name.
 */
export async function dropCopy(context: StoreContext, file: Pick<StoredFile, 'path'>): Promise<void> {
  await rm(absolutePath(context, file), { force: true }).catch(() => {});
}

/** Limits for sealing and merging: they run beside a capture and must not slow it down. */
export const MAINTENANCE = { threads: 1, memoryLimit: '400MB' } as const;

/** Returns microseconds since the epoch; the log is written in wall-clock time. */
export function wallClock(): number {
  return Date.now() * 1000;
}
