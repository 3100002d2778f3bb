import { openStoreDirectory } from '../files/store-directory.js';
import { CommitLog } from './commit-log.js';
import { wallClock } from './store-context.js';

export type Settings = Readonly<Record<string, string>>;

/** Adds what `decide` returns to the lasting facts about the store in `directory`, which is created when there is none. */
export async function changeSettings(directory: string, decide: (known: ReadonlyMap<string, string>) => Settings): Promise<void> {
  const { log, root } = await openStoreDirectory(directory);
  await new CommitLog(log, root).commit(({ settings: known }) => {
    const settings = decide(known);
    const isNew = Object.entries(settings).some(([name, value]) => known.get(name) !== value);
    return isNew ? { at: wallClock(), settings } : undefined;
  });
}
