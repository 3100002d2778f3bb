import { existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isMissing, storageFailure } from '../files/durable-file.js';
import { absolutePath, type StoreContext } from './store-context.js';

/**
 * Returns where a replaced file waits to be deleted: hidden and without its extension, so that whoever reads the directory
 * as plain Parquet (DuckDB's glob takes hidden names, Spark takes any extension) sees what counts and nothing else.
 */
export function retiredPath(path: string): string {
  return join(dirname(path), `.${basename(path)}.replaced`);
}

/**
 * Puts files (relative paths) aside that were replaced. What is aside or gone already stays so; what cannot be renamed
 * stays for the next sweep: the change of the store is made by then, and must not look failed.
 */
export async function retireFiles(context: StoreContext, replaced: Iterable<string>): Promise<void> {
  for (const file of replaced) {
    const path = absolutePath(context, file);
    await rename(path, retiredPath(path)).catch(() => {});
  }
}

/**
 * Puts a damaged file aside for good, under a name that readers of the directory skip and nothing deletes. Returns where
 * it is now, undefined when there was nothing.
 */
export async function quarantineFile(context: StoreContext, file: string): Promise<string | undefined> {
  const path = absolutePath(context, file);
  for (const name of [path, retiredPath(path)]) {
    const kept = unusedName(join(dirname(path), `.${basename(path)}.damaged`));
    try {
      await rename(name, kept);
      return kept;
    } catch (error) {
      if (!isMissing(error)) throw storageFailure(error, 'rename', name);
    }
  }
  return undefined;
}

function unusedName(name: string): string {
  for (let number = 2, candidate = name; ; candidate = `${name}-${number++}`) if (!existsSync(candidate)) return candidate;
}

/** Gives a file its name back that was put aside although it counts. */
export async function restoreRetired(context: StoreContext, file: string): Promise<void> {
  const path = absolutePath(context, file);
  await rename(retiredPath(path), path).catch((error) => {
    if (!isMissing(error)) throw storageFailure(error, 'rename', retiredPath(path));
  });
}

/**
 * Returns whether reading failed because a file was sealed away or replaced after it was listed; then a new snapshot
 * helps. A file that is not there is looked for as a directory, which a session that may read nothing else is refused.
 */
export function isVanished(error: unknown): boolean {
  const message = String((error as Error)?.message ?? error);
  return /No files found that match|No such file or directory|ENOENT|Cannot access file ".*\.parquet\/\*\*/.test(message);
}

/** Returns a statement with the files that were put aside since it was written named by where they are now. */
export function followRetired(sql: string): string {
  return sql.replace(/'((?:[^']|'')*\.parquet)'/g, (literal, text: string) => {
    const path = text.replaceAll("''", "'").replace(/\[([*?[])\]/g, '$1');
    return !existsSync(path) && existsSync(retiredPath(path)) ? `'${retiredPath(text)}'` : literal;
  });
}
