import type { Gap } from './records.js';

/** The fields of a gap that decide whether a repair ends it. */
export type GapSpan = Pick<Gap, 'fromTimestamp' | 'untilTimestamp' | 'localTimestamp'>;

/**
 * Returns whether `repair`, a gap without `missing`, ends `gap` in the same channel: it covers the whole gap and became
 * known no earlier. Every derived step uses this rule; over a store SQL states the same.
 */
export function endsGap(repair: GapSpan, gap: GapSpan): boolean {
  return (
    repair.fromTimestamp <= gap.fromTimestamp &&
    repair.untilTimestamp >= gap.untilTimestamp &&
    (repair.localTimestamp ?? 0) >= (gap.localTimestamp ?? 0)
  );
}

/** Returns whether a time lies in a gap. Both ends count: a lost record may share its time with them. */
export function liesIn({ fromTimestamp, untilTimestamp }: GapSpan, timestamp: number): boolean {
  return timestamp >= fromTimestamp && timestamp <= untilTimestamp;
}
