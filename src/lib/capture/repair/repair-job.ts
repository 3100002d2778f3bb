import type { HistoryRecord } from '../../exchanges/history.js';
import type { Market } from '../../model/records.js';
import type { CoveredSpan } from './gap-repair-state.js';

/** How long and how far a repair may go; times are microseconds. */
export type RepairLimits = {
  /** Maximum time for which a repair holds back the market's clock and the trades that follow the gap. */
  readonly hold: number;
  /** Time after which a repair is given up, counted from the feed's return. */
  readonly within: number;
  /** Time after which an answer is trusted to hold every trade from before the feed's return. */
  readonly settle: number;
  /** How far back trades are fetched (`--repair-max`). */
  readonly most: number;
  /** Trades that all repairs together may keep in memory. */
  readonly records: number;
};

/** One fetch of the trades `[from, until)` of a symbol; its pages are passed back together with it. */
export type RepairJob = {
  readonly exchange: string;
  readonly market: Market;
  readonly symbol: string;
  readonly from: number;
  readonly until: number;
  readonly startedAt: number;
};

/** One page of an answer. */
export type RepairPage = {
  readonly records: readonly HistoryRecord[];
  /** The span that the exchange claims to have answered completely. */
  readonly covered?: CoveredSpan | undefined;
  readonly isEmpty?: boolean | undefined;
  /** Whether the exchange serves nothing older than this page. */
  readonly isExhausted?: boolean | undefined;
};
