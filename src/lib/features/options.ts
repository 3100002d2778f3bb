import type { Feature } from './feature.js';
import type { Windows } from './registry.js';

export type EngineOptions = {
  /** How long after its end a second still takes records, microseconds of the market's time. */
  readonly grace: number;
  readonly windows: Windows;
  /**
   * The input is a whole one, in order of time or nearly: it is read by its own times, and a row waits for records that
   * come a minute later. What is known of it, `known_timestamp`, still follows from the grace.
   */
  readonly batch?: boolean | undefined;
  /** What is computed; all features by default. */
  readonly features?: readonly Feature[] | undefined;
};

/** What became of the records. */
export type EngineCounts = {
  /** Records that seconds were made of. */
  inputs: number;
  /** Records that came after their second had been given: a trade is lost, a quote counts from the next row on. */
  late: number;
  /** Rows given again because a gap became known. */
  revised: number;
  /** Gaps that became known so late that not every row they damage could be given again. */
  unmarked: number;
  /** Records that make no seconds, and rows that had been made already. */
  unused: number;
};
