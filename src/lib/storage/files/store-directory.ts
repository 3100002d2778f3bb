import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { FailureError, UsageError } from '../../model/errors.js';
import { createDirectory, createFile, isMissing, storageFailure } from './durable-file.js';

/** The file that makes a directory a store. */
const MARKER = 'mdtool-store.json';
/** The format that this mdtool writes, and the newest that it reads. */
export const STORE_FORMAT = 1;

/** Entries that a fresh file system puts into an otherwise empty directory. */
const NOT_CONTENT = new Set(['lost+found']);

/** The directories of a store, as absolute paths. */
export type StorePaths = { readonly root: string; readonly journal: string; readonly state: string; readonly log: string };

/** Returns where the parts of the store in `directory` lie. */
export function storePaths(directory: string): StorePaths {
  const root = resolve(directory);
  const state = join(root, 'state');
  return { root, journal: join(root, 'journal'), state, log: join(state, 'log') };
}

/**
 * Returns the paths of the store in `directory`, undefined when the directory is empty or does not exist. Throws a
 * `UsageError` for a directory with other content, a `FailureError` for a newer format or an unreadable directory.
 */
export async function findStore(directory: string): Promise<StorePaths | undefined> {
  const paths = storePaths(directory);
  try {
    return (await readMarker(paths.root)) ? paths : undefined;
  } catch (error) {
    throw storageFailure(error, 'read the store', paths.root);
  }
}

/** Throws a `UsageError` for a directory that does not exist; an empty one is an empty store. */
export function requireStoreDirectory(directory: string): void {
  if (existsSync(resolve(directory))) return;
  throw new UsageError(`no store in ${resolve(directory)}: there is no such directory; choose one with --store`);
}

/** Returns the paths of the store in `directory`; an empty or new directory becomes a store. Throws as `findStore`. */
export async function openStoreDirectory(directory: string): Promise<StorePaths> {
  const found = await findStore(directory);
  const paths = storePaths(directory);
  try {
    await createDirectory(paths.root);
    // The marker is written first: a directory with content but no marker belongs to someone else.
    if (!found) await createFile(join(paths.root, MARKER), `${JSON.stringify({ store: 'mdtool', format: STORE_FORMAT })}\n`);
    for (const part of [paths.journal, paths.log]) await createDirectory(part);
  } catch (error) {
    throw storageFailure(error, 'write to the store', paths.root);
  }
  return paths;
}

async function readMarker(root: string): Promise<boolean> {
  const text = await readFile(join(root, MARKER), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (isMissing(error)) return undefined;
    if (error.code === 'ENOTDIR') throw new UsageError(`${root} is a file; a store needs a directory`);
    throw error;
  });
  if (text === undefined) return await refuseForeign(root);
  const format = formatOf(text);
  if (format === undefined) throw new FailureError(`${join(root, MARKER)}: expected {"store":"mdtool","format":${STORE_FORMAT}}`);
  if (format > STORE_FORMAT)
    throw new FailureError(
      `${root} has store format ${format}, but this mdtool reads formats up to ${STORE_FORMAT}; use a newer mdtool`,
    );
  return true;
}

async function refuseForeign(root: string): Promise<boolean> {
  const entries = await readdir(root).catch((error: NodeJS.ErrnoException) => {
    if (isMissing(error)) return [];
    throw error;
  });
  const content = entries.filter((entry) => !entry.startsWith('.') && !NOT_CONTENT.has(entry));
  if (content.length === 0) return false;
  // Another process made it a store after the marker was read.
  if (content.includes(MARKER)) return await readMarker(root);
  throw new UsageError(
    `${root} is not an mdtool store (it contains ${content.slice(0, 3).join(', ')} but no ${MARKER}); choose an empty directory or an existing store`,
  );
}

function formatOf(text: string): number | undefined {
  try {
    const { store, format } = JSON.parse(text);
    return store === 'mdtool' && Number.isInteger(format) ? format : undefined;
  } catch {
    return undefined;
  }
}
