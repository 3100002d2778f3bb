import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { isMissing } from '../files/durable-file.js';
import { retiredPath } from '../files/stored-file.js';
import { DamagedFileError } from './copy.js';

const CHUNK = 1 << 20;

/** Opens a stored file, also one that was retired meanwhile. */
export async function openSource(path: string): Promise<FileHandle> {
  return await open(path).catch((error) => (isMissing(error) ? open(retiredPath(path)) : Promise.reject(error)));
}

/** Bytes of a file: `size` of them, from the position `at` on. */
type Stretch = { readonly file: FileHandle; readonly at: number; readonly size: number };

/** Passes bytes of a file on, in order, and returns their digest (SHA-256, hexadecimal). Throws where the file is shorter. */
export async function passOn({ file, at, size }: Stretch, write: (bytes: Buffer) => Promise<unknown>): Promise<string> {
  const hash = createHash('sha256');
  const buffer = Buffer.alloc(Math.min(CHUNK, size));
  for (let done = 0; done < size; ) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, size - done), at + done);
    if (bytesRead === 0) throw new Error('the file became shorter while it was copied');
    const bytes = buffer.subarray(0, bytesRead);
    hash.update(bytes);
    await write(bytes);
    done += bytesRead;
  }
  return hash.digest('hex');
}

/** Throws a `DamagedFileError` when a file does not have the digest that the log says. */
export function requireDigest(path: string, found: string, expected: string | undefined): void {
  if (expected !== undefined && found !== expected)
    throw new DamagedFileError(
      `${path} was changed after it was written: run mdtool verify, then try again; the copy is not finished`,
    );
}
