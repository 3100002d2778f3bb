import { rm } from 'node:fs/promises';
import { isMissing, storageFailure } from '../files/durable-file.js';
import type { StoreContext } from '../log/store-context.js';
import type { StoreState } from '../log/store-state.js';
import { adoptJournal, type JournalEntry, listJournals } from './journal.js';
import { goneWriters } from './writer-registry.js';

/**
 * Takes over the journals whose writers are gone, for `holder`, and deletes those that are sealed already. Returns the
 * ones that are to be sealed.
 */
export async function adoptOrphans(context: StoreContext, holder: string, silenceLimit?: number): Promise<JournalEntry[]> {
  const { unsealed, sealed } = await orphans(context, silenceLimit);
  await deleteJournals(sealed);
  const adopted: (JournalEntry | undefined)[] = [];
  for (const journal of unsealed) if (journal.holder !== holder) adopted.push(await adoptJournal(journal, holder));
  return adopted.filter((journal) => journal !== undefined);
}

/** Returns the journals whose writers are gone, those that are sealed already apart. */
export async function orphans(
  context: StoreContext,
  silenceLimit?: number,
): Promise<{ unsealed: JournalEntry[]; sealed: JournalEntry[] }> {
  const gone = await goneWriters(context, silenceLimit);
  const journals = await listJournals(context.paths.journal);
  // Read after the list: a segment that is sealed now may have been open then.
  const state = await context.log.read();
  const left = journals.filter(({ holder }) => !isHeld(state, holder, gone));
  const isSealed = ({ segment }: JournalEntry) => state.sealed.has(segment);
  return { unsealed: left.filter((journal) => !isSealed(journal)), sealed: left.filter(isSealed) };
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
