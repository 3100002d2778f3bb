import { rmdir } from 'node:fs/promises';
import { HOUR } from '../../model/time.js';
import { withDatabase } from '../database/duckdb.js';
import { factsOf } from '../database/file-facts.js';
import { expandSegments } from '../files/segments.js';
import type { StoreFiles } from '../files/store-files.js';
import { retiredPath } from '../files/stored-file.js';
import { listJournals } from '../journal/journal.js';
import { restoreRetired, retireFiles } from '../log/retired-files.js';
import { absolutePath, type StoreContext } from '../log/store-context.js';
import type { StoreState } from '../log/store-state.js';

/** Replaced files stay this long (microseconds) for readers that began earlier. */
const REPLACED_KEPT = HOUR;
/** A file that is not in the log and this old (milliseconds) is abandoned: nobody is still writing it. */
const UNFINISHED_KEPT_MS = HOUR / 1000;

/**
 * Deletes replaced files after an hour, leftovers of interrupted seals and merges, and log entries of deleted journals.
 * With `atOnce` leftovers are retired at any age, so that directories show only files that count. Returns the Parquet
 * files (relative paths) that are not in the log and may hold records that no other file has: these stay.
 */
export async function sweepStore(context: StoreContext, atOnce = false): Promise<string[]> {
  const { files } = context.paths;
  const now = files.now() * 1000;
  const state = await context.log.read();
  // List the journals after reading the state: a segment that is sealed there and has no journal now never gets one again.
  const journals = new Set((await listJournals(context.paths.journal)).map(({ segment }) => segment));
  const forget = [...state.replaced].filter(([, at]) => now - at >= REPLACED_KEPT).map(([path]) => path);
  // A journal that another machine has is not among them; its own machine records that it is deleted.
  const discard = files.isShared ? [] : [...state.sealed].filter((segment) => !journals.has(segment));
  const directories = new Set([...state.files.keys(), ...state.replaced.keys()].map(directoryOf));
  for (const path of forget.map((file) => absolutePath(context, file)))
    for (const name of [path, retiredPath(path)]) await files.remove(name);
  if (forget.length > 0 || discard.length > 0) await context.log.commit(() => ({ at: now, forget, discard }));
  for (const directory of new Set(forget.map(directoryOf))) await rmdir(absolutePath(context, directory)).catch(() => {});
  const unknown: string[] = [];
  for (const directory of directories) unknown.push(...(await sweepDirectory(context, directory, atOnce)));
  return unknown;
}

function directoryOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

/** One directory entry with the state of the log. */
type Entry = { readonly context: StoreContext; readonly state: StoreState; readonly directory: string; readonly name: string };

async function sweepDirectory(context: StoreContext, directory: string, atOnce: boolean): Promise<string[]> {
  const { files } = context.paths;
  const names = await files.names(absolutePath(context, directory)).catch(() => []);
  // Read the log after the list: a file in the list may have been committed since.
  const state = await context.log.read();
  const unknown: string[] = [];
  for (const name of names) {
    const entry = { context, state, directory, name };
    if (name.endsWith('.tmp')) await removeOld(files, absolutePath(context, `${directory}/${name}`));
    else if (name.endsWith('.replaced')) await sweepRetired(entry);
    else if (name.endsWith('.parquet') && !(await sweepParquet(entry, atOnce))) unknown.push(`${directory}/${name}`);
  }
  return unknown;
}

async function sweepRetired({ context, state, directory, name }: Entry): Promise<void> {
  const path = `${directory}/${name.slice('.'.length, -'.replaced'.length)}`;
  if (state.files.has(path)) await restoreRetired(context, path);
  else if (!state.replaced.has(path)) await removeOld(context.paths.files, absolutePath(context, `${directory}/${name}`));
}

/** Returns false for a file that must stay although it is not in the log. */
async function sweepParquet({ context, state, directory, name }: Entry, atOnce: boolean): Promise<boolean> {
  const path = `${directory}/${name}`;
  if (state.files.has(path)) return true;
  if (!state.replaced.has(path)) {
    if (!atOnce && !(await isOld(context.paths.files, absolutePath(context, path)))) return true;
    if (!(await isRedundant(context, state, path))) return false;
  }
  await retireFiles(context, [path]);
  return true;
}

/** Returns whether all segments of a file are in files of the log or still in their journals. */
async function isRedundant(context: StoreContext, state: StoreState, path: string): Promise<boolean> {
  const segments = await withDatabase({ threads: 1 }, (database) => factsOf(database, absolutePath(context, path))).then(
    (facts) => facts.segments && expandSegments(facts.segments),
    () => undefined,
  );
  const journals = (await listJournals(context.paths.journal)).map(({ segment }) => segment);
  const stored = [...state.files.values()].flatMap((file) => expandSegments(file.segments));
  const known = new Set([...journals, ...state.sealed, ...stored]);
  return segments?.every((segment) => known.has(segment)) ?? false;
}

async function removeOld(files: StoreFiles, path: string): Promise<void> {
  if (await isOld(files, path)) await files.remove(path);
}

async function isOld(files: StoreFiles, path: string): Promise<boolean> {
  return ((await files.age(path)) ?? 0) >= UNFINISHED_KEPT_MS;
}
