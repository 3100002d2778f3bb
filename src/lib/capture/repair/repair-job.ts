import type { HistoryRecord } from '../../exchanges/history.js';
import type { Market } from '../../model/records.js';
import type { Covered } from './hole.js';

/** How long and how far a repair may go; times are microseconds. */
export type RepairLimits = {
  /** Longest time for which a market's clock, and the trades of a symbol that came after its hole, wait for a repair. */
  readonly hold: number;
  /** Time after which a repair is given up, counted from the feed's return. */
  readonly within: number;
  /** Time after which an answer of the exchange is taken to hold all that had happened when the feed returned. */
  readonly settle: number;
  /** How far back a hole is fetched (`--repair-max`). */
  readonly most: number;
  /** Trades that all repairs together may keep in memory. */
  readonly records: number;
};

/** What is to be fetched, `[from, until)`; it is handed back with what came. */
export type RepairJob = {
  readonly exchange: string;
  readonly market: Market;
  readonly symbol: string;
  readonly from: number;
  readonly until: number;
  readonly startedAt: number;
};

/** What an answer says of the past. */
export type RepairPage = { readonly records: readonly HistoryRecord[]; readonly covered?: Covered | undefined };
