import type { Exchange } from '../exchanges/exchange.js';
import { FailureError, UsageError } from '../model/errors.js';
import type { Instrument, Market } from '../model/records.js';
import { formatTime } from '../model/time.js';
import { tableRecords } from '../storage/database/record-rows.js';
import { findStore } from '../storage/files/store-directory.js';
import { openSnapshot, type StoreSnapshot } from '../storage/reading/store-snapshot.js';
import { openStoreWriter, type StoreWriter } from '../storage/store-writer.js';
import type { SymbolList } from './symbol-list.js';

/** A list that a store has kept. */
export type StoredList = SymbolList & {
  /** When it was read, microseconds. */
  readonly timestamp: number;
};

export type StoredListQuery = {
  readonly exchanges: readonly Exchange[];
  readonly markets?: readonly Market[] | undefined;
  /** Microseconds; absent for the last ones there are. */
  readonly asOf?: number | undefined;
};

/**
 * Returns, of each exchange and market, the last list that the store in `directory` kept at or before a time, in order of
 * exchange and market. A list counts when all of its instruments are there: `listed` says how many they are. Throws as
 * `openSnapshot`.
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
    // The days come last first: as a rule the last one has all that is wanted.
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

/** The last whole list of a day, of each exchange and market. */
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

/** How lists are kept in a store. */
export type KeepOptions = {
  readonly directory: string;
  /** The user asked for it: the store is created, and a failure ends the step. Else only a store that exists is added to. */
  readonly required: boolean;
  readonly warn: (text: string) => void;
};

/**
 * Yields the same lists and keeps in a store those that are whole: each as the instruments of one `timestamp`, which say
 * how many they are (`listed`), so that half a list is never taken for one. Nothing is written where a list was stored.
 */
export async function* keepLists(lists: AsyncIterable<SymbolList>, options: KeepOptions): AsyncGenerator<SymbolList> {
  const keeper = new ListKeeper(options);
  try {
    for await (const list of lists) {
      await keeper.keep(list);
      yield list;
    }
  } finally {
    await keeper.close();
  }
}

class ListKeeper {
  readonly #options: KeepOptions;
  #writer: Promise<StoreWriter | undefined> | undefined;

  constructor(options: KeepOptions) {
    this.#options = options;
  }

  async keep({ exchange, market, instruments, whole, stored }: SymbolList): Promise<void> {
    if (stored || instruments.length === 0) return;
    if (!whole) return this.#options.warn(`${exchange.id} ${market}: the list is not whole and is not kept in the store`);
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

  /** What was not asked for must not keep the list from being printed. */
  async #attempt<Value>(work: () => Promise<Value>): Promise<Value | undefined> {
    try {
      return await work();
    } catch (error) {
      if (this.#options.required) throw error;
      this.#options.warn(`the list is not kept: ${(error as Error).message}`);
      return undefined;
    }
  }
}

/**
 * Returns the lists of a store as they were at a time, with `asked` the exchanges and markets that must be among them.
 * Throws a `FailureError` when there are none, and tells what is missing otherwise.
 */
export async function listsAsOf(
  directory: string,
  query: StoredListQuery & { readonly asOf: number },
  asked: { readonly exchanges: boolean; readonly markets: boolean },
  tell: (missing: string) => void,
): Promise<readonly StoredList[]> {
  const lists = await storedLists(directory, query);
  const when = formatTime(query.asOf);
  if (lists.length === 0)
    throw new FailureError(
      `--as-of: expected a list at or before ${when} in the store ${directory}, found none; mdtool symbols keeps one there each time it runs`,
    );
  if (!asked.exchanges && !asked.markets) return lists;
  for (const exchange of query.exchanges) {
    const own = lists.filter((list) => list.exchange === exchange);
    const missing = exchange.markets.filter(
      (market) => query.markets?.includes(market) && own.every((list) => list.market !== market),
    );
    if (own.length === 0 && asked.exchanges) tell(`${exchange.id}: the store has no list at or before ${when}`);
    else if (own.length > 0 && missing.length > 0)
      tell(`${exchange.id} ${missing.join(', ')}: the store has no list at or before ${when}`);
  }
  return lists;
}

/** Throws a `UsageError` when what is asked for cannot be kept in a store. */
export function requireKeepable({ notation, asOf, diff }: { notation: string; asOf: unknown; diff: unknown }): void {
  const reason =
    notation !== 'native'
      ? `--notation ${notation} is for other outputs; the store keeps native symbols, beside all other spellings`
      : asOf !== undefined
        ? '--as-of reads what the store has already'
        : diff !== undefined
          ? '--diff gives changes, no list; the list is kept without -o store when there is a store'
          : undefined;
  if (reason !== undefined) throw new UsageError(`-o store: ${reason}; name another output`);
}
