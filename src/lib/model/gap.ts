import type { Gap, GapReason } from './records.js';
import type { ChannelSeries } from './series.js';

/** The extent and the cause of a gap; times are microseconds. */
type GapFacts = {
  /** Time of the last record known before the gap. */
  readonly from: number;
  /** Time of the first record known after it; a time before `from` counts as `from`. */
  readonly until: number;
  readonly reason: GapReason;
  /** Records that were fetched again; 0 when absent. */
  readonly repaired?: number;
  /** Whether records remain missing; true when absent. */
  readonly missing?: boolean;
  readonly localTimestamp?: number;
};

/** Builds a `gap` record. */
export function buildGap({ exchange, market, symbol, channel }: ChannelSeries, facts: GapFacts): Gap {
  const { from, reason, repaired = 0, missing = true, localTimestamp } = facts;
  const until = Math.max(from, facts.until);
  const span = { timestamp: until, localTimestamp, fromTimestamp: from, untilTimestamp: until };
  return { type: 'gap', exchange, market, symbol, ...span, channel, reason, repaired, missing };
}
