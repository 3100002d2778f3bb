import { readdir, rm, rmdir, stat } from 'node:fs/promises';
import { HOUR } from '../../model/time.js';
import { withDatabase } from '../database/duckdb.js';
import { factsOf } from '../database/file-facts.js';
import { isMissing, storageFailure } from '../files/durable-file.js';
import { expandSegments } from '../files/segments.js';
import { listJournals } from '../journal/journal.js';
import { restoreRetired, retiredPath, retireFiles } from '../log/retired-files.js';
import { absolutePath, type StoreContext, wallClock } from '../log/store-context.js';
import type { StoreState } from '../log/store-state.js';

/** Replaced files stay this long (microseconds) for readers that began before they were replaced. */
const REPLACED_KEPT = HOUR;
/** A file that no change of the log names is no longer being written after this long (milliseconds). */
const UNFINISHED_KEPT_MS = HOUR / 1000;

/**
 * Tidies up: deletes replaced files after their hour, files of seals and merges that never came to an end, and the
 * memory of journals that are gone. With `atOnce` what is left of such work is put aside however young it is, so that
 * directories show what counts and nothing else. Returns the Parquet files (relative paths) of which the log knows
 * nothing and which hold what no other file does, so far as one can tell: these are left alone.
 */
export async function sweepStore(context: StoreContext, atOnce = false): Promise<string[]> {
  const now = wallClock();
  const state = await context.log.read();
  // The list comes after the state: what is sealed in it and has no journal now will never have one again.
  const journals = new Set((await listJournals(context.paths.journal)).map(({ segment }) => segment));
  const forget = [...state.replaced].filter(([, at]) => now - at >= REPLACED_KEPT).map(([path]) => path);
  const discard = [...state.sealed].filter((segment) => !journals.has(segment));
  const directories = new Set([...state.files.keys(), ...state.replaced.keys()].map(directoryOf));
  for (const path of forget.map((file) => absolutePath(context, file)))
    for (const name of [path, retiredPath(path)]) await rm(name, { force: true });
  if (forget.length > 0 || discard.length > 0) await context.log.commit(() => ({ at: now, forget, discard }));
  for (const directory of new Set(forget.map(directoryOf))) await rmdir(absolutePath(context, directory)).catch(() => {});
  const unknown: string[] = [];
  for (const directory of directories) unknown.push(...(await tidy(context, directory, atOnce)));
  return unknown;
}

function directoryOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

/** A name that the directory shows, and what the log says of it. */
type Shown = { readonly context: StoreContext; readonly state: StoreState; readonly directory: string; readonly name: string };

async function tidy(context: StoreContext, directory: string, atOnce: boolean): Promise<string[]> {
  const names = await readdir(absolutePath(context, directory)).catch(() => []);
  // Read after the list: what was finished by then is known by now.
  const state = await context.log.read();
  const unknown: string[] = [];
  for (const name of names) {
    const shown = { context, state, directory, name };
    if (name.endsWith('.tmp')) await removeOld(absolutePath(context, `${directory}/${name}`));
    else if (name.endsWith('.replaced')) await tidyAside(shown);
    else if (name.endsWith('.parquet') && !(await tidyParquet(shown, atOnce))) unknown.push(`${directory}/${name}`);
  }
  return unknown;
}

async function tidyAside({ context, state, directory, name }: Shown): Promise<void> {
  const path = `${directory}/${name.slice('.'.length, -'.replaced'.length)}`;
  if (state.files.has(path)) await restoreRetired(context, path);
  else if (!state.replaced.has(path)) await removeOld(absolutePath(context, `${directory}/${name}`));
}

/** Returns false for a file that must stay although the log does not know it. */
async function tidyParquet({ context, state, directory, name }: Shown, atOnce: boolean): Promise<boolean> {
  const path = `${directory}/${name}`;
  if (state.files.has(path)) return true;
  if (!state.replaced.has(path)) {
    if (!atOnce && !(await isOld(absolutePath(context, path)))) return true;
    if (!(await isSuperfluous(context, state, path))) return false;
  }
  await retireFiles(context, [path]);
  return true;
}

/** Whether the segments of a file are all in files that count, or still in their journals. */
async function isSuperfluous(context: StoreContext, state: StoreState, path: string): Promise<boolean> {
  const segments = await withDatabase({ threads: 1 }, (database) => factsOf(database, absolutePath(context, path))).then(
    (facts) => facts.segments && expandSegments(facts.segments),
    () => undefined,
  );
  const journals = (await listJournals(context.paths.journal)).map(({ segment }) => segment);
  const stored = [...state.files.values()].flatMap((file) => expandSegments(file.segments));
  const known = new Set([...journals, ...state.sealed, ...stored]);
  return segments?.every((segment) => known.has(segment)) ?? false;
}

async function removeOld(path: string): Promise<void> {
  if (await isOld(path)) await rm(path, { force: true });
}

async function isOld(path: string): Promise<boolean> {
  try {
    return Date.now() - (await stat(path)).mtimeMs >= UNFINISHED_KEPT_MS;
  } catch (error) {
    if (isMissing(error)) return false;
    throw storageFailure(error, 'read', path);
  }
}
