import type { RecordType } from '../../model/records.js';
import { formatDate, HOUR } from '../../model/time.js';
import type { StoreSnapshot } from './store-snapshot.js';

/** A UTC day to search, from a time on (microseconds). */
export type SearchDay = { readonly date: string; readonly from: number };

/** Days with records that are searched: a symbol that none of them has counts as new. */
const DAYS = 7;

/**
 * Returns where to search for the newest selected records of a type, in order, until all symbols are found: the last hour
 * with records, which nearly always has them all, then whole days, newest first.
 */
export function newestPartitions(snapshot: StoreSnapshot, type: RecordType): SearchDay[] {
  const dates = snapshot.dates(type).slice(-DAYS).reverse();
  const from = newest(snapshot, type) - HOUR;
  const recent = dates.filter((date) => date >= formatDate(Math.max(0, from))).map((date) => ({ date, from }));
  return [...recent, ...dates.map((date) => ({ date, from: 0 }))];
}

/** Returns the time of the newest record according to the log; opens no file. */
function newest(snapshot: StoreSnapshot, type: RecordType): number {
  let last = 0;
  for (const partition of snapshot.partitions(type))
    for (const { max } of snapshot.state.partition(partition)) last = Math.max(last, max);
  for (const { max } of snapshot.open(type)) last = Math.max(last, max);
  return last;
}
