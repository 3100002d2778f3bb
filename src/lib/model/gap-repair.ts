import type { Gap } from './records.js';

/** What a repair is judged by. */
export type GapSpan = Pick<Gap, 'fromTimestamp' | 'untilTimestamp' | 'localTimestamp'>;

/**
 * Returns whether `repair`, a gap without `missing`, ends the gap that `gap` told of in the same channel: it covers it
 * whole and was known no earlier. One rule for all that is made of gapped data; over a store the same is said in SQL.
 */
export function endsGap(repair: GapSpan, gap: GapSpan): boolean {
  return (
    repair.fromTimestamp <= gap.fromTimestamp &&
    repair.untilTimestamp >= gap.untilTimestamp &&
    (repair.localTimestamp ?? 0) >= (gap.localTimestamp ?? 0)
  );
}

/** Returns whether a moment lies in a gap, its two ends included: these may share their time with what was lost. */
export function liesIn({ fromTimestamp, untilTimestamp }: GapSpan, timestamp: number): boolean {
  return timestamp >= fromTimestamp && timestamp <= untilTimestamp;
}
