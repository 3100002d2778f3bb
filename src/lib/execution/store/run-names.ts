import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../../model/errors.js';
import { didYouMean } from '../../model/suggestion.js';
import { runDirectory, runsFolder } from './sqlite-store.js';

/** Returns the names of all runs of a store. */
export function runNames(store: string): string[] {
  const folder = runsFolder(store);
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(folder, entry.name, 'run.db')))
    .map(({ name }) => name)
    .sort();
}

/** Returns the folder of a run. Throws a `UsageError` for a name that no run has. */
export function runFolder(store: string, name: string): string {
  const names = runNames(store);
  if (!names.includes(name)) throw new UsageError(`no run ${name} in ${store}${didYouMean(name, names)}`);
  return runDirectory(store, name);
}
