import type { Feature } from './feature.js';
import type { Windows } from './registry.js';

export type EngineOptions = {
  /** How long after its end a second still accepts records, microseconds of the market clock. */
  readonly grace: number;
  readonly windows: Windows;
  /**
   * The input is complete and nearly in order of time: it is read by its own times, and a row waits for records that arrive
   * up to a minute later. `known_timestamp` still follows from the grace.
   */
  readonly batch?: boolean | undefined;
  /**
   * Each symbol has a clock of its own: its rows do not depend on which other symbols are read with it, also where a gap becomes
   * known late. Rows then come out by symbol, not in the order of their market.
   */
  readonly apart?: boolean | undefined;
  /** The features to compute; all by default. */
  readonly features?: readonly Feature[] | undefined;
};

/** Counts of the records. */
export type EngineCounts = {
  /** Records that went into seconds. */
  inputs: number;
  /** Records that arrived after their second was emitted: a trade is lost, a quote counts from the next row on. */
  late: number;
  /** Rows emitted again because a gap became known. */
  revised: number;
  /** Gaps that became known too late to emit every damaged row again. */
  unmarked: number;
  /** Records that seconds do not use, and rows that exist already. */
  unused: number;
};
