import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isBucketUrl, parseBucketUrl } from '../../bucket/bucket-url.js';
import { FailureError, UsageError } from '../../model/errors.js';
import { bucketFiles } from './bucket-files.js';
import { storageFailure } from './durable-file.js';
import { DISK_FILES, type StoreFiles } from './store-files.js';

/** The file that makes a directory a store. */
export const MARKER = 'mdtool-store.json';
/**
 * The format that this mdtool writes, and the newest that it reads. A store has the format of the newest mdtool that has
 * written to it, so that an older one, which would read it wrongly, refuses it.
 *
 * 1: mdtool 0.1.0. 2: liquidations that are equal otherwise differ by their `sequence`; `compact` of a reader of format 1 would
 * keep one of them.
 */
export const STORE_FORMAT = 2;

/** Entries that a fresh file system puts into an otherwise empty directory. */
const NOT_CONTENT = new Set(['lost+found']);

/** The directories of a store on this machine, as absolute paths. */
export type StorePaths = {
  /** What opens the store again: its directory, or `s3://bucket/prefix`. Messages name it. */
  readonly location: string;
  readonly root: string;
  readonly journal: string;
  readonly state: string;
  readonly log: string;
  readonly files: StoreFiles;
};

/** Returns where the parts of the store lie that `--store` names. Throws a `UsageError` for a wrong address of a bucket. */
export function storePaths(directory: string): StorePaths {
  const url = isBucketUrl(directory) ? parseBucketUrl(directory) : undefined;
  const bucket = url && bucketFiles(url);
  const root = bucket?.root ?? resolve(directory);
  const location = url ? `s3://${url.bucket}${url.key === '' ? '' : `/${url.key}`}` : root;
  const state = join(root, 'state');
  return { location, root, journal: join(root, 'journal'), state, log: join(state, 'log'), files: bucket ?? DISK_FILES };
}

/**
 * Returns the paths of the store in `directory`, undefined when the directory is empty or does not exist. Throws a
 * `UsageError` for a directory with other content, a `FailureError` for a newer format or an unreadable directory.
 */
export async function findStore(directory: string): Promise<StorePaths | undefined> {
  const paths = storePaths(directory);
  return (await storeFormat(paths)) === undefined ? undefined : paths;
}

/** Returns the format of a store, undefined where there is none. Throws as `findStore`. */
export async function storeFormat(paths: StorePaths): Promise<number | undefined> {
  try {
    return await readMarker(paths);
  } catch (error) {
    throw storageFailure(error, 'read the store', paths.location);
  }
}

/** Throws a `UsageError` for a directory that does not exist, as `requireStore`, at once; a bucket has to be asked. */
export function requireStoreDirectory(directory: string): void {
  const { location, root, files } = storePaths(directory);
  if (!files.isShared && !existsSync(root))
    throw new UsageError(`no store in ${location}: there is no such directory; choose one with --store`);
}

/** Throws a `UsageError` for a directory that does not exist, and for a prefix of a bucket without a store. */
export async function requireStore(directory: string): Promise<void> {
  requireStoreDirectory(directory);
  const { location, files } = storePaths(directory);
  if (files.isShared && !(await findStore(directory)))
    throw new UsageError(`no store in ${location}: there is nothing below that prefix; choose one with --store`);
}

/**
 * Returns the paths of the store in `directory`, to write to it: an empty or new directory becomes a store, and an older store
 * gets the format of this mdtool. Throws as `findStore`.
 */
export async function openStoreDirectory(directory: string): Promise<StorePaths> {
  const paths = storePaths(directory);
  const { location, root, journal, log, files } = paths;
  const format = await storeFormat(paths);
  try {
    await files.prepare([root]);
    // The marker is written first: a directory with content but no marker belongs to someone else.
    if (format === undefined) await files.create(join(root, MARKER), markerText(STORE_FORMAT));
    else if (format < STORE_FORMAT) await files.replace(join(root, MARKER), markerText(STORE_FORMAT));
    await files.prepare([journal, log]);
  } catch (error) {
    throw storageFailure(error, 'write to the store', location);
  }
  return paths;
}

/** Returns the content of the marker of a store. */
export function markerText(format: number): string {
  return `${JSON.stringify({ store: 'mdtool', format })}\n`;
}

async function readMarker(paths: StorePaths): Promise<number | undefined> {
  const { location, root, files } = paths;
  const text = await files.read(join(root, MARKER)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOTDIR') throw new UsageError(`${root} is a file; a store needs a directory`);
    throw error;
  });
  if (text === undefined) return await refuseForeign(paths);
  const format = formatOf(text);
  if (format === undefined) throw new FailureError(`${location}/${MARKER}: expected ${markerText(STORE_FORMAT).trim()}`);
  if (format > STORE_FORMAT)
    throw new FailureError(
      `${location} has store format ${format}, but this mdtool reads formats up to ${STORE_FORMAT}; use a newer mdtool`,
    );
  return format;
}

async function refuseForeign(paths: StorePaths): Promise<number | undefined> {
  const { location, root, files } = paths;
  const content = await contentOf(files, root);
  if (content.length === 0) return undefined;
  // Another process made it a store after the marker was read.
  if (content.includes(MARKER)) return await readMarker(paths);
  throw new UsageError(
    `${location} is not an mdtool store (it contains ${content.slice(0, 3).join(', ')} but no ${MARKER}); choose an empty directory or an existing store`,
  );
}

/** Returns what somebody put into a directory: neither hidden files nor those of a fresh file system. */
export async function contentOf(files: StoreFiles, directory: string): Promise<string[]> {
  return (await files.names(directory)).filter((entry) => !entry.startsWith('.') && !NOT_CONTENT.has(entry));
}

function formatOf(text: string): number | undefined {
  try {
    const { store, format } = JSON.parse(text);
    return store === 'mdtool' && Number.isInteger(format) ? format : undefined;
  } catch {
    return undefined;
  }
}
