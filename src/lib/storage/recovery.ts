import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { HOUR } from '../model/time.js';
import { isMissing, storageFailure } from './durable-file.js';
import { adoptJournal, type JournalEntry, listJournals } from './journal.js';
import { absolutePath, type StoreContext, wallClock } from './store-context.js';
import type { StoreState } from './store-state.js';
import { goneWriters } from './writer-registry.js';

/** Replaced files stay this long (microseconds) for readers that began before they were replaced. */
const REPLACED_KEPT = HOUR;
/** A file that no change of the log names is no longer being written after this long (milliseconds). */
const UNFINISHED_KEPT_MS = HOUR / 1000;

/**
 * Takes over the journals whose writers are gone, for `holder`, and deletes those that are sealed already. Returns the
 * ones that are to be sealed.
 */
export async function adoptOrphans(context: StoreContext, holder: string, silenceLimit?: number): Promise<JournalEntry[]> {
  const gone = await goneWriters(context, silenceLimit);
  const journals = await listJournals(context.paths.journal);
  // Read after the list: a segment that is sealed now may have been open then.
  const state = await context.log.read();
  const adopted: JournalEntry[] = [];
  for (const journal of journals) {
    if (journal.holder === holder || isHeld(state, journal.holder, gone)) continue;
    if (state.sealed.has(journal.segment)) await deleteJournals([journal]);
    else adopted.push((await adoptJournal(journal, holder)) ?? journal);
  }
  return adopted.filter((journal) => journal.holder === holder);
}

function isHeld(state: StoreState, holder: string, gone: ReadonlySet<string>): boolean {
  return state.writers.has(holder) && !gone.has(holder);
}

/** Deletes journals. Returns the segments of those that were there under the name given. */
export async function deleteJournals(journals: readonly JournalEntry[]): Promise<string[]> {
  const deleted: string[] = [];
  for (const { path, segment } of journals) {
    try {
      await rm(path);
      deleted.push(segment);
    } catch (error) {
      if (!isMissing(error)) throw storageFailure(error, 'delete', path);
    }
  }
  return deleted;
}

/**
 * Tidies up: deletes replaced files after their hour, files of seals and merges that never came to an end, and the
 * memory of journals that are gone.
 */
export async function sweepStore(context: StoreContext): Promise<void> {
  const now = wallClock();
  const state = await context.log.read();
  // The list comes after the state: what is sealed in it and has no journal now will never have one again.
  const journals = new Set((await listJournals(context.paths.journal)).map(({ segment }) => segment));
  const forget = [...state.replaced].filter(([, at]) => now - at >= REPLACED_KEPT).map(([path]) => path);
  const discard = [...state.sealed].filter((segment) => !journals.has(segment));
  for (const path of forget) await rm(absolutePath(context, path), { force: true });
  if (forget.length > 0 || discard.length > 0) await context.log.commit(() => ({ at: now, forget, discard }));
  for (const directory of directoriesOf(state)) await removeUnfinished(context, directory);
}

function directoriesOf(state: StoreState): Set<string> {
  return new Set([...state.files.keys()].map((path) => path.slice(0, path.lastIndexOf('/'))));
}

async function removeUnfinished(context: StoreContext, directory: string): Promise<void> {
  const names = await readdir(absolutePath(context, directory)).catch(() => []);
  const state = await context.log.read();
  for (const name of names) {
    const path = `${directory}/${name}`;
    if (state.files.has(path) || state.replaced.has(path)) continue;
    if (name.endsWith('.tmp') || name.endsWith('.parquet')) await removeOld(join(context.paths.root, path));
  }
}

async function removeOld(path: string): Promise<void> {
  try {
    if (Date.now() - (await stat(path)).mtimeMs >= UNFINISHED_KEPT_MS) await rm(path, { force: true });
  } catch (error) {
    if (!isMissing(error)) throw storageFailure(error, 'delete', path);
  }
}
