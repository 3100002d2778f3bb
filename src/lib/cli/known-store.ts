import { UsageError } from '../model/errors.js';
import { didYouMean } from '../model/suggestion.js';
import { findStore, requireStore } from '../storage/files/store-directory.js';
import { openStoreContext } from '../storage/log/store-context.js';
import { nativeSymbols, type SelectionFlags } from './record-selection.js';

/**
 * Throws a `UsageError` for a directory that does not exist, and for a named symbol of which a store with records has none.
 * Without this check a misspelled symbol looks like a market without trades.
 */
export async function requireKnownSymbols(directory: string, { symbols, exchange, market }: SelectionFlags): Promise<void> {
  await requireStore(directory);
  const paths = await findStore(directory);
  if (!paths || !symbols) return;
  const state = await openStoreContext(paths).log.read();
  const files = [...state.files.values()];
  const known = new Set(files.flatMap((file) => file.symbols ?? []));
  const { EXCHANGES } = await import('../exchanges/index.js');
  const spellings = (name: string) => nativeSymbols([name], exchange ?? EXCHANGES, market);
  const doubtful = symbols.filter((name) => !spellings(name).some((native) => known.has(native)));
  if (doubtful.length === 0) return;
  // The log does not list the symbols of journals and of large files: only these are read.
  const { readStore } = await import('../storage/reading/store-reader.js');
  for (const name of doubtful) {
    if (await hasRecords(readStore(directory, { symbols: spellings(name) }))) continue;
    if (known.size === 0 && !(await hasRecords(readStore(directory, {})))) return;
    const all = [...known, ...(await unsealedSymbols(directory))];
    throw new UsageError(`unknown symbol ${name}: the store ${directory} has no records of it${similarSymbols(name, all)}`);
  }
}

async function unsealedSymbols(directory: string): Promise<string[]> {
  const { openSnapshot, STORED_TYPES } = await import('../storage/reading/store-snapshot.js');
  const snapshot = await openSnapshot(directory);
  try {
    return STORED_TYPES.flatMap((type) => snapshot.open(type)).flatMap(({ symbols }) => symbols ?? []);
  } finally {
    await snapshot.close();
  }
}

async function hasRecords(batches: AsyncIterable<readonly unknown[]>): Promise<boolean> {
  for await (const records of batches) if (records.length > 0) return true;
  return false;
}

/** Returns the symbols that a spelling may mean: `BTC` and `btc-usd` are beginnings of native names. */
function similarSymbols(name: string, known: Iterable<string>): string {
  const plain = name.toUpperCase().replace(/[^A-Z0-9]/g, '');
  return didYouMean(plain, known);
}
