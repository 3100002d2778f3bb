import { recordOrder } from '../../storage/database/record-table.js';
import { sortDay, storedDays } from '../../storage/reading/store-reader.js';
import type { StoreSelection } from '../../storage/reading/store-selection.js';
import type { StoreSnapshot } from '../../storage/reading/store-snapshot.js';
import { addPart, partOf } from './column-source.js';
import { MarketReader, type MarketReaderOptions } from './market-reader.js';
import { TradeFeed } from './trade-feed.js';

type StoreRequest = MarketReaderOptions & {
  readonly directory: string;
  /** What is read, one after another. */
  readonly selections: readonly StoreSelection[];
};

/**
 * Returns a reader with the selected content of a store, read by columns, a day at a time. Returns undefined where the store
 * has to be read record by record: sequences beyond 2^53, trades that share an id.
 */
export async function readStoreByColumns({ directory, selections, ...options }: StoreRequest): Promise<MarketReader | undefined> {
  const reader = new MarketReader(options);
  const feed = new TradeFeed();
  for (const selection of selections) {
    const types = selection.types ?? [];
    const load = async (snapshot: StoreSnapshot, date: string) => {
      // The trades of one time are ordered by the feed.
      await sortDay(snapshot, types, date, (type) => (type === 'trade' ? '"timestamp"' : recordOrder(type)));
      return { database: snapshot.database, date: date.replaceAll('-', '_') };
    };
    for await (const { database, date } of storedDays(directory, selection, load)) {
      for (const type of types) {
        const table = `${type}_${date}`;
        const part = await partOf(database, { type, select: `SELECT * FROM "day_${type}"` }, {}, table);
        if (!part) return undefined;
        await addPart(database, reader, part, { feed, table });
      }
    }
  }
  return feed.finish() ? reader : undefined;
}
