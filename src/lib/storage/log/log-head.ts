import { dirname, join } from 'node:path';
import type { StoreFiles } from '../files/store-files.js';

/** Returns the path of the note. It lies outside the log directory, so that restoring an old log does not restore it. */
function headPath(log: string): string {
  return join(dirname(log), 'head');
}

/** Returns the number of the newest change that was noted, 0 without a note. It may be too low, never too high. */
export async function readHead(log: string, files: StoreFiles): Promise<number> {
  const text = (await files.read(headPath(log))) ?? '';
  return /^\d+\n$/.test(text) ? Number(text) : 0;
}

/** Notes the number of a change after it was made. A note that cannot be written is not a failure. */
export async function noteHead(log: string, number: number, files: StoreFiles): Promise<void> {
  await files.note(headPath(log), `${number}\n`).catch(() => {});
}
