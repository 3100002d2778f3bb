import { statfs } from 'node:fs/promises';

/** Returns the free bytes of the file system of a directory; undefined where it cannot be asked. */
export async function freeBytes(directory: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(directory);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}
