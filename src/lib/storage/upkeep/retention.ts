import { bucketStart, parseInterval } from '../../model/interval.js';
import type { RecordType } from '../../model/records.js';
import { DAY } from '../../model/time.js';
import type { Partition } from '../files/partition.js';
import type { StoreState } from '../log/store-state.js';

/** For how long records are kept, microseconds: by type, and of every other type that `MARKET_DATA` has. */
export type Retention = { readonly otherwise?: number | undefined; readonly types: ReadonlyMap<RecordType, number> };

/** What one age for everything means: what a market brings and what follows from it; lists and results stay. */
export const MARKET_DATA: ReadonlySet<RecordType> = new Set([
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
 * Returns whether a partition is to be removed at `now` (microseconds): its day lies wholly before the limit, and so does
 * every candle that its trades are part of, as that would be computed again without them. The newest list of instruments
 * of a market always stays.
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

/** The end of the last candle that begins on a day; it may lie on a later one. */
function endOf(size: number, midnight: number): number {
  return bucketStart(size, midnight + DAY - 1) + size;
}

/** How long the candles are that the store builds of trades. */
function candleSizes({ metadata }: StoreState): number[] {
  const names = [...metadata.keys()].map((name) => /^candles\.(\d+\w+)\.open$/.exec(name)?.[1]);
  return names.filter((name) => name !== undefined).map((name) => parseInterval(name).size);
}

function newerDay(state: StoreState, { type, exchange, market, date }: Partition): boolean {
  const days = [...state.partitions(new Set([type]))].map(({ partition }) => partition);
  return days.some((day) => day.exchange === exchange && day.market === market && day.date > date);
}
