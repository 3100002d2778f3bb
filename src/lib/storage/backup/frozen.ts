import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createDirectory } from '../files/durable-file.js';
import { createScratch, removeScratch } from '../files/scratch.js';
import { DISK_FILES } from '../files/store-files.js';
import type { JournalEntry } from '../journal/journal.js';
import { beginLog, CommitLog } from '../log/commit-log.js';
import { absolutePath, type StoreContext, wallClock } from '../log/store-context.js';
import { type StoredFile, StoreState } from '../log/store-state.js';
import { listSources } from '../reading/store-snapshot.js';
import { sealSegment } from '../upkeep/seal.js';

/** A store at one moment: nothing of it changes any more. */
export type Frozen = {
  /** Its files, without writers and journals. */
  readonly state: StoreState;
  /** Absolute paths of the files that are not in the store: records that it had not sealed. */
  readonly unsealed: ReadonlyMap<string, string>;
  /** Removes these files. */
  close(): Promise<void>;
};

/**
 * Takes the content of a store at one moment, while others write to it. The unsealed records are sealed aside, from copies of
 * their journals, so that the store is not touched. Throws ENOENT when a journal was sealed meanwhile: take it again.
 *
 * The journals are copied after the log was read. In the other order a candle could be in the copy and the trades that it was
 * built from not.
 */
export async function freezeStore(context: StoreContext): Promise<Frozen> {
  const { state, journals } = await listSources(context);
  const aside = await createScratch('backup');
  const close = () => removeScratch(aside);
  try {
    const files = new StoreState();
    files.apply({ at: wallClock(), add: [...state.files.values()], metadata: Object.fromEntries(state.metadata) });
    const all = journals.length > 0 ? await sealAside(context, { journals, state: files, aside }) : files;
    const frozen = new StoreState();
    frozen.apply({ at: wallClock(), add: [...all.files.values()], metadata: Object.fromEntries(state.metadata) });
    const sealed = [...all.files.keys()].filter((path) => !state.files.has(path));
    return { state: frozen, unsealed: new Map(sealed.map((path) => [path, join(aside, path)])), close };
  } catch (error) {
    await close();
    throw error;
  }
}

type Aside = { readonly journals: readonly JournalEntry[]; readonly state: StoreState; readonly aside: string };

/**
 * Seals copies of journals, compared with the files of the store, and returns the state with both; log and files of that lie
 * aside. A line that is being written is cut off: it is not acknowledged yet.
 */
async function sealAside(context: StoreContext, { journals, state, aside }: Aside): Promise<StoreState> {
  const [log, copied] = [join(aside, 'state', 'log'), join(aside, 'journal')];
  for (const directory of [log, copied]) await createDirectory(directory);
  const copies = journals.map((journal) => ({ ...journal, path: join(copied, `${journal.segment}.ndjson`) }));
  // All of them first: a journal is gone seconds after it is sealed.
  for (const [index, { path }] of journals.entries()) await copyFile(path, copies[index]?.path as string);
  await beginLog(log, state, DISK_FILES);
  const compared = { paths: context.paths, log: new CommitLog(log) };
  for (const journal of copies) await sealSegment(compared, { journal, into: aside });
  return await compared.log.read();
}

/** Returns where a file of a frozen store lies. */
export function placeOf(context: StoreContext, { unsealed }: Frozen, { path }: StoredFile): string {
  return unsealed.get(path) ?? absolutePath(context, path);
}
