import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { RECORD_TYPES } from '../../model/records.js';
import { isMissing } from './durable-file.js';

/** Returns the path of some Parquet file of the store in `root`, undefined when there is none. */
export async function findStoredFile(root: string): Promise<string | undefined> {
  for (const type of RECORD_TYPES) {
    const names = await readdir(join(root, type), { recursive: true }).catch((error) => {
      if (isMissing(error)) return [];
      throw error;
    });
    const name = names.find((candidate) => candidate.endsWith('.parquet'));
    if (name !== undefined) return join(root, type, name);
  }
  return undefined;
}
