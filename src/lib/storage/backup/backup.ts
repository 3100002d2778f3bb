import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { UsageError } from '../../model/errors.js';
import { storageFailure } from '../files/durable-file.js';
import { findStore, type StorePaths, storeFormat, storePaths } from '../files/store-directory.js';
import { lockStep } from '../journal/step-lock.js';
import { openStoreContext, wallClock } from '../log/store-context.js';
import { ArchiveCopy, isArchive, unpackArchive } from './archive-copy.js';
import { type CopyReport, copyStore, type Extra } from './copy.js';
import { FolderCopy, readNote } from './folder-copy.js';

type BackupOptions = {
  /** Whether a file that exists is replaced. */
  readonly force: boolean;
  readonly signal: AbortSignal;
  readonly extras: readonly Extra[];
  readonly onProgress: (done: number, all: number) => void;
};

/**
 * Copies a store into a directory, a bucket or a `.tar` file while others write to it. Into the same directory or bucket it
 * copies what is new. Returns undefined while another backup of the store runs. Throws a `UsageError` for a place that has
 * something else.
 */
export async function backUpStore(directory: string, place: string, options: BackupOptions): Promise<CopyReport | undefined> {
  const { force, signal, extras, onProgress } = options;
  const paths = await findStore(directory);
  if (!paths) throw new UsageError(`${directory}: the store is empty; there is nothing to copy`);
  const target = storePaths(place);
  if (target.root === paths.root) throw new UsageError(`${place} is the store itself; choose another place`);
  const step = await lockStep(paths, 'backup', { wait: false, signal });
  if (!step) return undefined;
  const format = (await storeFormat(paths)) as number;
  const at = wallClock();
  try {
    const copy = { format, extras, signal, onProgress };
    if (!isArchive(place))
      return await copyStore(step.context, await FolderCopy.open(target, { of: nameOf(paths), kind: 'backup', at }), copy);
    const archive = await ArchiveCopy.open(place, at, force);
    try {
      return await copyStore(step.context, archive, copy);
    } finally {
      await archive.abort();
    }
  } finally {
    await step.release();
  }
}

/** Makes a store of a backup. Throws a `UsageError` where the directory has content, a `FailureError` for a damaged backup. */
export async function restoreStore(place: string, directory: string, options: Omit<BackupOptions, 'force'>): Promise<CopyReport> {
  const target = storePaths(directory);
  if (isArchive(place)) {
    await requireEmptyDirectory(target);
    return await unpackArchive(place, target);
  }
  const paths = await findStore(place);
  if (!paths) throw new UsageError(`${place}: there is no backup`);
  const format = (await storeFormat(paths)) as number;
  const copy = await FolderCopy.open(target, { of: nameOf(paths), kind: 'restore', at: wallClock() });
  return await copyStore(openStoreContext(paths), copy, { ...options, format });
}

/** Returns when the copy in a place was made (microseconds), undefined for what is no finished copy. */
export async function copiedAt(paths: StorePaths): Promise<number | undefined> {
  return (await readNote(paths))?.at;
}

/** The same directory of two machines is two stores. */
function nameOf({ location, files }: StorePaths): string {
  return files.isShared ? location : `${hostname()}:${location}`;
}

async function requireEmptyDirectory({ root, location, files }: StorePaths): Promise<void> {
  if (files.isShared)
    throw new UsageError(`${location}: an archive is restored to a directory; back that up into the bucket afterwards`);
  if (!existsSync(root)) return;
  const names = await readdir(root).catch((error) => Promise.reject(storageFailure(error, 'read', location)));
  if (names.length > 0) throw new UsageError(`${location} has content (${names[0]}); choose an empty directory`);
}
