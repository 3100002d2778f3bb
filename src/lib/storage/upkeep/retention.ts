import { bucketStart, parseInterval } from '../../model/interval.js';
import type { RecordType } from '../../model/records.js';
import { DAY } from '../../model/time.js';
import type { Partition } from '../files/partition.js';
import type { StoreState } from '../log/store-state.js';

/** Maximum age of records in microseconds: by type, and for all other types of `MARKET_DATA`. */
export type Retention = { readonly otherwise?: number | undefined; readonly types: ReadonlyMap<RecordType, number> };

/** Types to which one age for everything applies: market data and derived records, no lists and no results. */
const MARKET_DATA: ReadonlySet<RecordType> = new Set([
  'trade',
  'ticker',
  'book_snapshot',
  'book_delta',
  'mark_price',
  'open_interest',
  'funding',
  'liquidation',
  'candle',
  'gap',
  'micro',
  'features',
  'signal',
]);

/**
 * Returns whether a partition has expired at `now` (microseconds): its whole day is before the limit. Trades stay until
 * every candle that they are part of has expired: without them it would be computed again with wrong values. The newest
 * list of instruments of a market always stays.
 */
export function isExpired(state: StoreState, partition: Partition, retention: Retention, now: number): boolean {
  const { type } = partition;
  const age = retention.types.get(type) ?? (MARKET_DATA.has(type) ? retention.otherwise : undefined);
  if (age === undefined) return false;
  const from = Date.parse(`${partition.date}T00:00:00Z`) * 1000;
  const ends = type === 'trade' ? candleSizes(state).map((size) => endOf(size, from)) : [];
  if (Math.max(from + DAY, ...ends) > now - age) return false;
  return type !== 'instrument' || newerDay(state, partition);
}

/** What the names of removed days begin with in the metadata of a store. */
function removedKey({ type, exchange, market }: RemovedPartition): string {
  return `removed.${type}.${exchange}.${market}`;
}

type RemovedPartition = Pick<Partition, 'type' | 'exchange' | 'market'>;

/** Returns the metadata that remembers up to when the records of a partition were removed. */
export function removalMetadata({ metadata }: StoreState, partition: Partition): Readonly<Record<string, string>> {
  const until = Date.parse(`${partition.date}T00:00:00Z`) * 1000 + DAY;
  return { [removedKey(partition)]: String(Math.max(until, removedUntil(metadata, partition))) };
}

/** Returns the time before which retention has removed records of a type and market, 0 where it has not. */
export function removedUntil(metadata: ReadonlyMap<string, string>, partition: RemovedPartition): number {
  return Number(metadata.get(removedKey(partition)) ?? 0);
}

/** Returns the end of the last candle that begins on a day; it may be on a later day. */
function endOf(size: number, midnight: number): number {
  return bucketStart(size, midnight + DAY - 1) + size;
}

/** Returns the lengths of the candles that the store builds from trades. */
function candleSizes({ metadata }: StoreState): number[] {
  const names = [...metadata.keys()].map((name) => /^candles\.(\d+\w+)\.open$/.exec(name)?.[1]);
  return names.filter((name) => name !== undefined).map((name) => parseInterval(name).size);
}

function newerDay(state: StoreState, { type, exchange, market, date }: Partition): boolean {
  const days = [...state.partitions(new Set([type]))].map(({ partition }) => partition);
  return days.some((day) => day.exchange === exchange && day.market === market && day.date > date);
}
