import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { FailureError, UsageError } from '../../model/errors.js';
import { createDirectory, createFile, isMissing, storageFailure } from './durable-file.js';

/** The file that makes a directory a store. */
export const MARKER = 'mdtool-store.json';
const FORMAT = 1;

/** What a fresh file system or a desktop puts into an otherwise empty directory. */
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
 * Returns the paths of the store in `directory`, undefined when there is nothing yet. Throws a `UsageError` for a
 * directory of something else, a `FailureError` for a newer format or what cannot be read.
 */
export async function findStore(directory: string): Promise<StorePaths | undefined> {
  const paths = storePaths(directory);
  try {
    return (await readMarker(paths.root)) ? paths : undefined;
  } catch (error) {
    throw storageFailure(error, 'read the store', paths.root);
  }
}

/** Returns the paths of the store in `directory`, which an empty or a new directory becomes. Throws as `findStore`. */
export async function openStoreDirectory(directory: string): Promise<StorePaths> {
  const found = await findStore(directory);
  const paths = storePaths(directory);
  try {
    await createDirectory(paths.root);
    // The marker comes first: a directory with content but no marker is somebody else's.
    if (!found) await createFile(join(paths.root, MARKER), `${JSON.stringify({ store: 'mdtool', format: FORMAT })}\n`);
    for (const part of [paths.journal, paths.log]) await createDirectory(part);
  } catch (error) {
    throw storageFailure(error, 'write to the store', paths.root);
  }
  return paths;
}

async function readMarker(root: string): Promise<boolean> {
  const text = await readFile(join(root, MARKER), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (isMissing(error)) return undefined;
    if (error.code === 'ENOTDIR') throw new UsageError(`${root} cannot hold a store: expected a directory, was a file`);
    throw error;
  });
  if (text === undefined) return await refuseForeign(root);
  const format = formatOf(text);
  if (format === undefined) throw new FailureError(`${join(root, MARKER)}: expected {"store":"mdtool","format":${FORMAT}}`);
  if (format > FORMAT)
    throw new FailureError(`${root} has store format ${format}, this mdtool reads up to ${FORMAT}: use a newer mdtool`);
  return true;
}

async function refuseForeign(root: string): Promise<boolean> {
  const entries = await readdir(root).catch((error: NodeJS.ErrnoException) => {
    if (isMissing(error)) return [];
    throw error;
  });
  const content = entries.filter((entry) => !entry.startsWith('.') && !NOT_CONTENT.has(entry));
  if (content.length === 0) return false;
  // Another process has made it a store since the marker was looked for.
  if (content.includes(MARKER)) return await readMarker(root);
  throw new UsageError(
    `${root} is no mdtool store: it has content (${content.slice(0, 3).join(', ')}) but no ${MARKER}; name an empty directory or a store`,
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
