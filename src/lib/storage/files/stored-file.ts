import { basename, dirname, join } from 'node:path';
import { RECORD_TYPES } from '../../model/records.js';
import type { StoreFiles } from './store-files.js';

/** Returns the path of some Parquet file of the store in `root`, undefined when there is none. */
export async function findStoredFile(root: string, files: StoreFiles): Promise<string | undefined> {
  const present = new Set(await files.names(root));
  for (const type of RECORD_TYPES.filter((one) => present.has(one))) {
    const directory = join(root, type);
    for await (const name of files.tree(directory)) if (name.endsWith('.parquet')) return join(directory, name);
  }
  return undefined;
}

/**
 * Returns the name of a replaced file until it is deleted.
 *
 * A tool that reads a partition directory as plain Parquet would count every record of a replaced file twice. So the
 * retired name is hidden and has another extension: DuckDB's glob matches hidden names, Spark reads any extension.
 */
export function retiredPath(path: string): string {
  return join(dirname(path), `.${basename(path)}.replaced`);
}
