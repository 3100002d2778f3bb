import type { Exchange } from '../exchanges/exchange.js';
import { FailureError, UsageError } from '../model/errors.js';
import type { Instrument, Market } from '../model/records.js';
import { formatTime } from '../model/time.js';
import { tableRecords } from '../storage/database/record-rows.js';
import { findStore } from '../storage/files/store-directory.js';
import { openSnapshot, type StoreSnapshot } from '../storage/reading/store-snapshot.js';
import { openStoreWriter, type StoreWriter } from '../storage/store-writer.js';
import type { SymbolList } from './symbol-list.js';

/** A list in a store. */
type StoredList = SymbolList & {
  /** Time at which it was read, microseconds. */
  readonly timestamp: number;
};

type StoredListQuery = {
  readonly exchanges: readonly Exchange[];
  readonly markets?: readonly Market[] | undefined;
  /** Microseconds; absent for the latest lists. */
  readonly asOf?: number | undefined;
};

/**
 * Returns the last list in the store in `directory` at or before a time, for each exchange and market, in that order. Only a
 * complete list counts: `listed` is its number of instruments. Throws like `openSnapshot`.
 */
export async function storedLists(directory: string, { exchanges, markets, asOf }: StoredListQuery): Promise<StoredList[]> {
  const snapshot = await openSnapshot(directory, {
    types: ['instrument'],
    exchanges: exchanges.map(({ id }) => id),
    markets,
    until: asOf === undefined ? undefined : asOf + 1,
  });
  try {
    const lists = new Map<string, StoredList>();
    const wanted = new Set(snapshot.partitions('instrument').map(({ exchange, market }) => `${exchange} ${market}`));
    // Newest day first: it usually has all lists.
    for (const date of [...snapshot.dates('instrument')].reverse()) {
      if (lists.size === wanted.size) break;
      for (const list of await listsOfDay(snapshot, date, exchanges)) {
        const name = `${list.exchange.id} ${list.market}`;
        if (!lists.has(name)) lists.set(name, list);
      }
    }
    return [...lists].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, list]) => list);
  } finally {
    await snapshot.close();
  }
}

/** Returns the last complete list of a day, for each exchange and market. */
async function listsOfDay(snapshot: StoreSnapshot, date: string, exchanges: readonly Exchange[]): Promise<StoredList[]> {
  const { database } = snapshot;
  await database.run(
    `CREATE OR REPLACE TEMP TABLE day_lists AS
     WITH listed AS (SELECT * FROM ${snapshot.relation('instrument', date)} WHERE "listed" IS NOT NULL),
       whole AS (SELECT exchange, market, "timestamp" FROM listed GROUP BY ALL HAVING count(*) = max("listed")),
       latest AS (SELECT exchange, market, max("timestamp") AS "timestamp" FROM whole GROUP BY ALL)
     SELECT listed.* FROM listed SEMI JOIN latest USING (exchange, market, "timestamp") ORDER BY exchange, market, symbol`,
  );
  const lists = new Map<string, Instrument[]>();
  for await (const records of tableRecords(database, 'instrument', 'day_lists')) {
    for (const { listed: _, ...instrument } of records as Instrument[]) {
      const name = `${instrument.exchange} ${instrument.market}`;
      const list = lists.get(name) ?? [];
      lists.set(name, list);
      list.push(instrument);
    }
  }
  return [...lists.values()].flatMap((instruments) => {
    const [first] = instruments as [Instrument];
    const exchange = exchanges.find(({ id }) => id === first.exchange);
    return exchange
      ? [{ exchange, market: first.market, instruments, whole: true, stored: true, timestamp: first.timestamp }]
      : [];
  });
}

/** How lists are saved in a store. */
export type SaveOptions = {
  readonly directory: string;
  /** With `-o store`: creates the store, and a failure ends the step. Otherwise only an existing store gets the lists. */
  readonly required: boolean;
  readonly warn: (text: string) => void;
};

/**
 * Yields the lists unchanged and saves the complete ones in a store, as instruments with one `timestamp`. A crash could leave
 * half a list there: each instrument carries the length of its list (`listed`). Lists from a store are not saved again.
 */
export async function* saveLists(lists: AsyncIterable<SymbolList>, options: SaveOptions): AsyncGenerator<SymbolList> {
  const saver = new ListSaver(options);
  try {
    for await (const list of lists) {
      await saver.save(list);
      yield list;
    }
  } finally {
    await saver.close();
  }
}

class ListSaver {
  readonly #options: SaveOptions;
  #writer: Promise<StoreWriter | undefined> | undefined;

  constructor(options: SaveOptions) {
    this.#options = options;
  }

  async save({ exchange, market, instruments, whole, stored }: SymbolList): Promise<void> {
    if (stored || instruments.length === 0) return;
    if (!whole) return this.#options.warn(`${exchange.id} ${market}: the list is incomplete and was not saved in the store`);
    const timestamp = Math.max(...instruments.map((instrument) => instrument.timestamp));
    const records = instruments.map((instrument) => ({ ...instrument, timestamp, listed: instruments.length }));
    this.#writer ??= this.#attempt(() => this.#open());
    const writer = await this.#writer;
    await this.#attempt(async () => writer?.write(records));
  }

  async close(): Promise<void> {
    const writer = await this.#writer?.catch(() => undefined);
    await this.#attempt(async () => writer?.close());
  }

  async #open(): Promise<StoreWriter | undefined> {
    const { directory, required, warn } = this.#options;
    if (!required && !(await findStore(directory))) return undefined;
    return await openStoreWriter(directory, { step: 'symbols', onWarning: warn });
  }

  /** Without `-o store` a failed save must not prevent the output. */
  async #attempt<Value>(work: () => Promise<Value>): Promise<Value | undefined> {
    try {
      return await work();
    } catch (error) {
      if (this.#options.required) throw error;
      this.#options.warn(`the list was not saved: ${(error as Error).message}`);
      return undefined;
    }
  }
}

/**
 * Returns the lists of a store at a time. `asked` says whether the user named exchanges and markets: `report` gets the
 * missing ones. Throws a `FailureError` when there is no list.
 */
export async function listsAsOf(
  directory: string,
  query: StoredListQuery & { readonly asOf: number },
  asked: { readonly exchanges: boolean; readonly markets: boolean },
  report: (missing: string) => void,
): Promise<readonly StoredList[]> {
  const lists = await storedLists(directory, query);
  const when = formatTime(query.asOf);
  if (lists.length === 0)
    throw new FailureError(
      `--as-of: no list at or before ${when} in the store ${directory}; each run of mdtool symbols saves one there`,
    );
  if (!asked.exchanges && !asked.markets) return lists;
  for (const exchange of query.exchanges) {
    const own = lists.filter((list) => list.exchange === exchange);
    const missing = exchange.markets.filter(
      (market) => query.markets?.includes(market) && own.every((list) => list.market !== market),
    );
    if (own.length === 0 && asked.exchanges) report(`${exchange.id}: the store has no list at or before ${when}`);
    else if (own.length > 0 && missing.length > 0)
      report(`${exchange.id} ${missing.join(', ')}: the store has no list at or before ${when}`);
  }
  return lists;
}

/** Throws a `UsageError` when the output of the request cannot be saved in a store. */
export function requireStorable({ notation, asOf, diff }: { notation: string; asOf: unknown; diff: unknown }): void {
  const reason =
    notation !== 'native'
      ? `--notation ${notation} is for other outputs; the store holds native symbols with all other notations`
      : asOf !== undefined
        ? '--as-of reads lists that are in the store already'
        : diff !== undefined
          ? '--diff returns changes, not a list; an existing store saves the list without -o store'
          : undefined;
  if (reason !== undefined) throw new UsageError(`-o store: ${reason}; name another output`);
}
