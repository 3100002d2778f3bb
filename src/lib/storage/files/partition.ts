import type { RecordType } from '../../model/records.js';
import { formatDate } from '../../model/time.js';

/** Where records of one type and day are stored; values are NULL on records that have no exchange (an offline plan). */
export type Partition = {
  readonly type: RecordType;
  readonly exchange: string | null;
  readonly market: string | null;
  readonly date: string;
  /** Candles only. */
  readonly source?: string | null;
  readonly interval?: string | null;
};

/** Hive's name for the partition of NULL. */
const NULL_PARTITION = '__HIVE_DEFAULT_PARTITION__';

/** Returns the partition columns of a type except the date, in the order of the path. */
export function partitionColumns(type: RecordType): readonly ('source' | 'interval' | 'exchange' | 'market')[] {
  return type === 'candle' ? ['source', 'interval', 'exchange', 'market'] : ['exchange', 'market'];
}

/** Returns the directory of a partition within the store, `trade/exchange=bybit/market=spot/date=2026-11-20`. */
export function partitionPath(partition: Partition): string {
  const values = partitionColumns(partition.type).map((name) => `${name}=${encode(partition[name])}`);
  return [partition.type, ...values, `date=${partition.date}`].join('/');
}

/** Returns the partition that a stored file's path (relative to the store) names. */
export function partitionOf(path: string): Partition {
  const [type, ...parts] = path.split('/').slice(0, -1);
  const values = Object.fromEntries(parts.map((part) => [part.slice(0, part.indexOf('=')), decode(part)]));
  return { type, ...values } as Partition;
}

/** Returns whether a UTC day overlaps `[since, until)`; both are microseconds, open ends are undefined. */
export function isDateWithin(date: string, since: number | undefined, until: number | undefined): boolean {
  return (since === undefined || date >= formatDate(since)) && (until === undefined || date <= formatDate(until - 1));
}

function encode(value: string | null | undefined): string {
  return value === null || value === undefined ? NULL_PARTITION : encodeURIComponent(value);
}

function decode(part: string): string | null {
  const value = part.slice(part.indexOf('=') + 1);
  return value === NULL_PARTITION ? null : decodeURIComponent(value);
}
