import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { storageFailure } from '../files/durable-file.js';
import { retiredPath } from '../files/stored-file.js';
import { absolutePath, type StoreContext } from './store-context.js';

/**
 * Renames replaced files (relative paths) to their retired names. A file that is missing or cannot be renamed is left to
 * the next sweep: the change of the store is already committed and must not look failed.
 */
export async function retireFiles(context: StoreContext, replaced: Iterable<string>): Promise<void> {
  for (const file of replaced) {
    const path = absolutePath(context, file);
    await context.paths.files.rename(path, retiredPath(path)).catch(() => {});
  }
}

/**
 * Renames a damaged file to a quarantine name, which directory readers skip and no sweep deletes. Returns the new path,
 * undefined when the file does not exist.
 */
export async function quarantineFile(context: StoreContext, file: string): Promise<string | undefined> {
  const path = absolutePath(context, file);
  for (const name of [path, retiredPath(path)]) {
    const kept = await unusedName(context, join(dirname(path), `.${basename(path)}.damaged`));
    if (await rename(context, name, kept)) return kept;
  }
  return undefined;
}

async function unusedName({ paths }: StoreContext, name: string): Promise<string> {
  for (let number = 2, candidate = name; ; candidate = `${name}-${number++}`)
    if ((await paths.files.age(candidate)) === undefined) return candidate;
}

/** Renames a retired file back: the log still counts it. */
export async function restoreRetired(context: StoreContext, file: string): Promise<void> {
  const path = absolutePath(context, file);
  await rename(context, retiredPath(path), path);
}

async function rename({ paths }: StoreContext, from: string, to: string): Promise<boolean> {
  try {
    return await paths.files.rename(from, to);
  } catch (error) {
    throw storageFailure(error, 'rename', from);
  }
}

/**
 * Returns whether reading failed because a journal was sealed or a file was replaced after it was listed; then a new
 * snapshot helps. For a missing file DuckDB tries a directory of that name, which a sandboxed session refuses: the third
 * message.
 */
export function isVanished(error: unknown): boolean {
  const message = String((error as Error)?.message ?? error);
  return /No files found that match|No such file or directory|ENOENT|Cannot access file ".*\.parquet\/\*\*/.test(message);
}

/** Returns a SQL statement in which files that were retired meanwhile have their retired names. */
export function followRetired(sql: string): string {
  return sql.replace(/'((?:[^']|'')*\.parquet)'/g, (literal, text: string) => {
    const path = text.replaceAll("''", "'").replace(/\[([*?[])\]/g, '$1');
    return !existsSync(path) && existsSync(retiredPath(path)) ? `'${retiredPath(text)}'` : literal;
  });
}
