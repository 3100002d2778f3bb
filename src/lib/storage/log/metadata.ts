import { openStoreDirectory } from '../files/store-directory.js';
import { openStoreContext, wallClock } from './store-context.js';

/** Lasting facts about a store by name: the rules of its candles, the spans that were fetched, what steps have read. */
export type Metadata = Readonly<Record<string, string>>;

/** Adds what `decide` returns to the metadata of the store in `directory`, which is created when it does not exist. */
export async function changeMetadata(directory: string, decide: (known: ReadonlyMap<string, string>) => Metadata): Promise<void> {
  const { log } = openStoreContext(await openStoreDirectory(directory));
  await log.commit(({ metadata: known }) => {
    const metadata = decide(known);
    const isNew = Object.entries(metadata).some(([name, value]) => known.get(name) !== value);
    return isNew ? { at: wallClock(), metadata } : undefined;
  });
}
