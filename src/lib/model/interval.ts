import { UsageError } from './errors.js';
import { DAY, formatDuration, parseDuration, SECOND, WEEK } from './time.js';

/** A candle interval: its shortest name (`60s` is `1m`) and its length in microseconds. */
export type CandleInterval = { readonly name: string; readonly size: number };

/** The epoch was a Thursday; weeks start on Monday. */
const FIRST_MONDAY = 4 * DAY;

/** Returns the interval of `1s`, `90s`, `15m`, `4h`, `1w`. Throws a `UsageError` for anything but whole seconds up to a week. */
export function parseInterval(text: string): CandleInterval {
  const size = parseDuration(text, 'interval');
  if (size < SECOND || size > WEEK || size % SECOND !== 0)
    throw new UsageError(`interval: expected whole seconds from 1s to 1w, was "${text}"`);
  return { name: formatDuration(size), size };
}

/** Returns the distinct intervals of `texts`, the shortest first. Throws a `UsageError`, also for an empty list. */
export function parseIntervals(texts: readonly string[]): CandleInterval[] {
  const intervals = new Map(texts.map(parseInterval).map((interval) => [interval.size, interval]));
  if (intervals.size === 0) throw new UsageError('interval: expected at least one, such as 1m');
  return [...intervals.values()].sort((a, b) => a.size - b.size);
}

/** Returns the origin of bucket boundaries: the epoch, or for weeks its first Monday. */
export function originOf(size: number): number {
  return size === WEEK ? FIRST_MONDAY : 0;
}

/** Returns the beginning of the bucket `[start, start + size)` that `time` lies in, UTC. */
export function bucketStart(size: number, time: number): number {
  const origin = originOf(size);
  return origin + Math.floor((time - origin) / size) * size;
}

/** Returns whether every bucket of `big` consists of whole buckets of `small`. A week does not start with a `7h` bucket. */
export function isMadeOf(big: CandleInterval, small: CandleInterval): boolean {
  return small.size < big.size && big.size % small.size === 0 && originOf(big.size) % small.size === 0;
}
