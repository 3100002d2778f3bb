import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { packageFile } from '../disk/package-files.js';
import { FailureError, type MdtoolError, UsageError } from '../model/errors.js';

/** Loads a module of the user's, TypeScript included. Throws a `FailureError` that names the place if it cannot be loaded. */
export async function importFile(path: string): Promise<unknown> {
  const url = pathToFileURL(resolve(path)).href;
  try {
    const isPlain = !/\.[cm]?ts$/.test(path) || (process.features as { typescript?: unknown }).typescript;
    return isPlain ? await import(url) : (await loadTsx(path)).require(resolve(path), import.meta.url);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    if (!existsSync(path)) throw new FailureError(`cannot read ${path}: no such file`, { cause: error });
    throw new FailureError(`cannot load ${loadFailure(error as Error, path)}`, { cause: error });
  }
}

/** Returns place and reason of a failed load. */
function loadFailure(error: Error, path: string): string {
  const [, file = '', place, reason = ''] = /^(.+?)(:\d+:\d+): ERROR: (.+)$/m.exec(error.message) ?? [];
  if (reason.startsWith('Top-level await')) return `${path}${place}: await outside a function needs Node 22.18 or later`;
  if (place !== undefined) return `${file === resolve(path) ? path : relative('', file)}${place}: ${reason}`;
  const line = error instanceof SyntaxError && !path.endsWith('ts') ? syntaxLine(path) : undefined;
  return `${line === undefined ? placeIn(error, path) : `${path}:${line}`}: ${firstLine(error.message)}`;
}

/** Returns the line of a syntax error, which the error of a failed import does not have. */
function syntaxLine(path: string): string | undefined {
  const check = ['--input-type=module', '--check'];
  const { stderr } = spawnSync(process.execPath, check, { input: readFileSync(path), encoding: 'utf8', timeout: 5_000 });
  return /^\S*?:(\d+)\r?\n/.exec(stderr)?.[1];
}

/**
 * Returns what reads TypeScript on Node 20, by `require`: with tsx's `import` mdtool ended with 13 now and then, before its last
 * line. The hooks of `import` run in a thread of their own, whose answer to a later import may be lost.
 */
async function loadTsx(path: string): Promise<typeof import('tsx/cjs/api')> {
  try {
    return await import('tsx/cjs/api');
  } catch (error) {
    throw new UsageError(`${path}: TypeScript needs the package tsx (npm install tsx) or Node 22.18 or later`, {
      cause: error,
    });
  }
}

/**
 * Returns the functions of an object as they are, but with errors that name the user's file, line and function. Without it
 * a typing error in a strategy reads as a failure of mdtool. Absent functions stay absent.
 */
export function withPlaces<Target extends object>(
  target: Target,
  names: readonly (keyof Target & string)[],
  path: string,
): Target {
  const located: Partial<Target> = {};
  for (const name of names) {
    const hook = target[name];
    if (hook === undefined || hook === null) continue;
    if (typeof hook !== 'function') throw new UsageError(`${path}: expected ${name} to be a function, was ${typeof hook}`);
    located[name] = ((...args: unknown[]) => {
      try {
        const result = hook.apply(target, args);
        if (typeof result === 'object' && result !== null && 'then' in result) refusePromise(result);
        return result;
      } catch (error) {
        throw locatedError(error, path, name);
      }
    }) as Target[typeof name];
  }
  return located as Target;
}

/** Nobody waits for a promise: its result would be lost, and its failure end the process. */
function refusePromise(promise: object): never {
  (promise as Promise<unknown>).catch?.(() => {});
  throw new TypeError('it returns a promise, and nothing waits for it; remove async');
}

/** Returns an error of a user's function with its place, `breakout.js:12:5: foo is not defined (in bar)`. */
function locatedError(error: unknown, path: string, name: string): MdtoolError {
  if (error instanceof LocatedError) return error;
  const message = firstLine(error instanceof Error ? error.message : `threw ${String(error)}`);
  return new LocatedError(`${placeIn(error, path)}: ${message} (in ${name})`, { cause: error });
}

/** An error of a user's module that already names its place. */
class LocatedError extends FailureError {
  override readonly name = 'FailureError';
}

/** Returns the innermost place in the files of the user, the path alone where the stack names none. */
function placeIn(error: unknown, path: string): string {
  const { stack = '' } = error instanceof Error ? error : {};
  for (const [, file = '', line, column] of stack.matchAll(
    /(?:\(|at (?:async )?)((?:file:\/\/)?\/[^\s()]+?)(?:\?[^\s():]*)?:(\d+):(\d+)\)?$/gm,
  )) {
    const name = file.startsWith('file:') ? fileURLToPath(file) : file;
    if (name === resolve(path)) return `${path}:${line}:${column}`;
    // A module of the user's that this one imports; mdtool's own files and packages are not theirs.
    if (!name.includes('/node_modules/') && !OWN.some((own) => name.startsWith(own)))
      return `${relative('', name)}:${line}:${column}`;
  }
  return path;
}

const OWN = ['dist/', 'src/'].map(packageFile);

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}
