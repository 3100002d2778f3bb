import type { RecordType } from '../../model/records.js';
import { formatDate, HOUR } from '../../model/time.js';
import type { StoreSnapshot } from './store-snapshot.js';

/** Where records of one UTC day are looked for, from a time on (microseconds). */
export type Place = { readonly date: string; readonly from: number };

/** So many of the days that have anything are looked at: a symbol that none of them has counts as a new one. */
const DAYS = 7;

/**
 * Returns where the newest selected records of a type may be, to be looked at one after the other until all symbols are
 * found: the last hour that has any, which nearly always has them, then whole days, the last first.
 */
export function newestPartitions(snapshot: StoreSnapshot, type: RecordType): Place[] {
  const dates = snapshot.dates(type).slice(-DAYS).reverse();
  const from = newest(snapshot, type) - HOUR;
  const recent = dates.filter((date) => date >= formatDate(Math.max(0, from))).map((date) => ({ date, from }));
  return [...recent, ...dates.map((date) => ({ date, from: 0 }))];
}

/** By what the log knows of the files; no file is opened. */
function newest(snapshot: StoreSnapshot, type: RecordType): number {
  let last = 0;
  for (const partition of snapshot.partitions(type))
    for (const { max } of snapshot.state.partition(partition)) last = Math.max(last, max);
  for (const { max } of snapshot.open(type)) last = Math.max(last, max);
  return last;
}
