import { FailureError } from '../model/errors.js';
import { isRedis } from '../redis/url.js';
import { isZip, memberOf, membersOf } from './zip-archive.js';

/** Characters that make a path a pattern. */
const PATTERN = /[*?[{]/;

/**
 * Returns the files of paths and glob patterns, each once, the matches of a pattern sorted, a zip archive as its members;
 * `-` stays. Throws a `FailureError` for a pattern without a match.
 */
export async function expandPaths(paths: readonly string[]): Promise<string[]> {
  const expanded: string[] = [];
  for (const path of paths) {
    const files = PATTERN.test(path) && !memberOf(path) && !isRedis(path) ? await filesMatching(path) : [path];
    for (const file of files) expanded.push(...(isZip(file) ? await membersOf(file) : [file]));
  }
  return [...new Set(expanded)];
}

/** Whether an input arrives as it happens, can be read once and has no end of its own: stdin and Redis. */
export function isPiped(paths: readonly string[]): boolean {
  return paths.some((path) => path === '-' || isRedis(path));
}

async function filesMatching(pattern: string): Promise<string[]> {
  const { glob } = await import('tinyglobby');
  const files = await glob([pattern], { absolute: false, expandDirectories: false });
  if (files.length === 0) throw new FailureError(`${pattern}: no file matches`);
  return files.sort();
}
