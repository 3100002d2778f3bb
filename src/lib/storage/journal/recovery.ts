import { rm } from 'node:fs/promises';
import { isMissing, storageFailure } from '../files/durable-file.js';
import { type StoreContext, wallClock } from '../log/store-context.js';
import type { StoreState } from '../log/store-state.js';
import { adoptJournal, type JournalEntry, listJournals } from './journal.js';
import { goneWriters } from './writer-registry.js';

/**
 * Takes over the journals whose writers are gone, for `holder`, and deletes those that are already sealed. Returns the
 * journals to seal.
 *
 * Several processes may start after a crash and find the same journal. Two that seal it would store its records twice.
 * `adoptJournal` renames the journal, which only one process can do; the others skip it.
 */
export async function adoptOrphans(context: StoreContext, holder: string, silenceLimit?: number): Promise<JournalEntry[]> {
  const { unsealed, sealed } = await orphans(context, silenceLimit);
  const discard = await deleteJournals(sealed);
  if (discard.length > 0) await context.log.commit(() => ({ at: wallClock(), discard }));
  const adopted: (JournalEntry | undefined)[] = [];
  for (const journal of unsealed) if (journal.holder !== holder) adopted.push(await adoptJournal(journal, holder));
  return adopted.filter((journal) => journal !== undefined);
}

/** Returns the journals whose writers are gone, split by whether they are already sealed. */
export async function orphans(
  context: StoreContext,
  silenceLimit?: number,
): Promise<{ unsealed: JournalEntry[]; sealed: JournalEntry[] }> {
  const gone = await goneWriters(context, silenceLimit);
  const journals = await listJournals(context.paths.journal);
  // Read the log after the list: a journal in the list may have been sealed since.
  const state = await context.log.read();
  const left = journals.filter(({ holder }) => !isHeld(state, holder, gone));
  const isSealed = ({ segment }: JournalEntry) => state.sealed.has(segment);
  return { unsealed: left.filter((journal) => !isSealed(journal)), sealed: left.filter(isSealed) };
}

function isHeld(state: StoreState, holder: string, gone: ReadonlySet<string>): boolean {
  return state.writers.has(holder) && !gone.has(holder);
}

/** Deletes journals. Returns the segments of the journals that still had their listed name. */
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
