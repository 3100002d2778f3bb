import type { Market, RecordType } from '../../model/records.js';
import { type MarketName, marketKey } from '../../model/series.js';
import { formatDate } from '../../model/time.js';
import { ofMarket } from '../../storage/database/conditions.js';
import { emptyRelation } from '../../storage/database/record-table.js';
import type { StoreSnapshot } from '../../storage/reading/store-snapshot.js';

/** What seconds are made of. */
export const RAW: readonly RecordType[] = ['book_snapshot', 'ticker', 'mark_price', 'open_interest', 'funding', 'trade'];

/** Returns the selected records of a type on the UTC days from that of `since` to that of `until`, opening the files of these only. */
export function relationSince(snapshot: StoreSnapshot, type: RecordType, since: number, until?: number): string {
  const [first, last] = [formatDate(Math.max(0, since)), until === undefined ? undefined : formatDate(until)];
  const dates = snapshot.dates(type).filter((date) => date >= first && (last === undefined || date <= last));
  if (dates.length === 0) return emptyRelation(type);
  return `(${dates.map((date) => `SELECT * FROM ${snapshot.relation(type, date)}`).join(' UNION ALL ')})`;
}

/** Returns the markets of which a store has records that seconds are made of. */
export function marketsOf(snapshot: StoreSnapshot): MarketName[] {
  const markets = new Map<string, MarketName>();
  for (const { exchange, market } of RAW.flatMap((type) => snapshot.partitions(type))) {
    if (exchange !== null && market !== null)
      markets.set(marketKey({ exchange, market }), { exchange, market: market as Market });
  }
  return [...markets.values()];
}

/** Returns the types of which a market has records on the UTC day of `time` or before. */
export function typesUntil(snapshot: StoreSnapshot, name: MarketName, time: number): RecordType[] {
  const isOf = ({ exchange, market }: { readonly exchange: string | null; readonly market: string | null }) =>
    exchange === name.exchange && market === name.market;
  return RAW.filter((type) => snapshot.partitions(type).some((own) => isOf(own) && own.date <= formatDate(time)));
}

/** The arrival of a record, its own time where it has none, in SQL (microseconds). */
const ARRIVAL = 'epoch_us(coalesce("local_timestamp", "timestamp"))';

/** Returns the clock of a market: its latest arrival, since `clock` records are not stored. */
export async function marketClock(snapshot: StoreSnapshot, market: MarketName): Promise<number> {
  let clock = 0;
  for (const type of RAW) {
    const last = snapshot
      .partitions(type)
      .filter((partition) => partition.exchange === market.exchange && partition.market === market.market)
      .map(({ date }) => date)
      .sort()
      .at(-1);
    if (last === undefined) continue;
    const select = `SELECT max(${ARRIVAL}) FROM ${snapshot.relation(type, last)} WHERE ${ofMarket(market)}`;
    clock = Math.max(clock, await snapshot.database.number(select));
  }
  return clock;
}
