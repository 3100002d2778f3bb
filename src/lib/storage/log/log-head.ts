import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isMissing } from '../files/durable-file.js';

/** Beside the log, so that a log which was put back from an older copy does not bring it along. */
function headPath(log: string): string {
  return join(dirname(log), 'head');
}

/** Returns the greatest number of a change that was noted, 0 when none was. It may lag behind, never run ahead. */
export async function readHead(log: string): Promise<number> {
  const text = await readFile(headPath(log), 'utf8').catch((error) => {
    if (isMissing(error)) return '';
    throw error;
  });
  return /^\d+\n$/.test(text) ? Number(text) : 0;
}

/** Notes the number of a change that has been made. It is a note only: one that cannot be written is no failure. */
export async function noteHead(log: string, number: number): Promise<void> {
  await writeFile(headPath(log), `${number}\n`).catch(() => {});
}
