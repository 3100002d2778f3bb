import { randomBytes } from 'node:crypto';
import { link, mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { systemCode, systemReason } from '../../disk/system-reason.js';
import { FailureError, MdtoolError } from '../../model/errors.js';

/** What a reader of these reasons wants to know besides. */
const STORED_STAYS: ReadonlySet<string | undefined> = new Set(['ENOSPC', 'EDQUOT']);

/** Returns an error as one line that names the path. An `MdtoolError` is returned unchanged. */
export function storageFailure(error: unknown, action: string, path: string): MdtoolError {
  if (error instanceof MdtoolError) return error;
  const reason = systemReason(error, path).split('\n')[0];
  const rest = STORED_STAYS.has(systemCode(error)) ? '; records stored earlier stay readable' : '';
  return new FailureError(`cannot ${action} ${path}: ${reason}${rest}`, { cause: error });
}

/** Returns whether a file operation failed because the file does not exist. */
export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
}

/** Returns an unused name beside `path`. It begins with a dot, so that directory listings skip it. */
export function temporaryName(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(4).toString('hex')}.tmp`);
}

/** Makes the names in a directory survive a power loss. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Creates a directory with its parents, and makes the new names survive a power loss. */
export async function createDirectory(directory: string): Promise<void> {
  const first = await mkdir(directory, { recursive: true });
  if (first === undefined) return;
  for (let created = directory; ; created = dirname(created)) {
    await syncDirectory(dirname(created));
    if (created === first) return;
  }
}

/** Syncs a finished temporary file and renames it: it appears whole or not at all. */
export async function publishFile(temporary: string, path: string): Promise<void> {
  const handle = await open(temporary, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, path);
  await syncDirectory(dirname(path));
}

/** Writes a small file that appears whole and replaces an existing one. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = await writeTemporary(path, text);
  try {
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
}

/**
 * Writes a small file that appears whole, unless a file of that name exists. Returns whether this call created it.
 *
 * Two processes may write the same name at the same time. A check before the write, or a rename, lets both believe that
 * they won. So the text goes to a temporary file first, and a hard link gives it its name: `link` fails with EEXIST for
 * every process but one, over network file systems as well.
 */
export async function createFile(path: string, text: string): Promise<boolean> {
  const temporary = await writeTemporary(path, text);
  try {
    await link(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
  await syncDirectory(dirname(path));
  return true;
}

async function writeTemporary(path: string, text: string): Promise<string> {
  const temporary = temporaryName(path);
  try {
    const handle = await open(temporary, 'wx');
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
  return temporary;
}
