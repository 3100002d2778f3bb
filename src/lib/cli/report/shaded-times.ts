import { bucketStart } from '../../model/interval.js';
import type { Gap } from '../../model/records.js';

/** Intervals of a gap that are shaded at most: a store of years may begin with a gap of months. */
const MAX_SHADED = 20_000;

/** Returns the intervals of a chart from `first` to `end` that gaps overlap, those without a record too, in order. */
export function shadedTimes(gaps: readonly Gap[], size: number, first: number, end: number): number[] {
  const times = new Set<number>();
  for (const { fromTimestamp, untilTimestamp } of gaps) {
    const from = Math.max(first, bucketStart(size, fromTimestamp));
    const until = Math.min(end, Math.max(untilTimestamp, fromTimestamp + 1));
    for (let time = from; time < until && times.size < MAX_SHADED; time += size) times.add(time);
  }
  return [...times].sort((a, b) => a - b);
}
