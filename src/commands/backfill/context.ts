import type { Summary } from '../../lib/cli/summary.js';
import type { Exchange, HttpRequest } from '../../lib/exchanges/exchange.js';
import type { HistoryType } from '../../lib/exchanges/history.js';
import type { UniverseOptions } from '../../lib/instruments/universe.js';
import type { Market } from '../../lib/model/records.js';

/** The parsed flags of `backfill`; times are microseconds. */
export type BackfillFlags = UniverseOptions & {
  readonly exchange?: readonly Exchange[] | undefined;
  readonly market?: readonly Market[] | undefined;
  readonly symbols?: readonly string[] | undefined;
  readonly channels: readonly HistoryType[];
  readonly interval?: readonly string[] | undefined;
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  readonly store: string;
  readonly plan: boolean;
  /** The Redis whose REST budget the run takes from. */
  readonly queue?: string | undefined;
};

export type BackfillContext = {
  /** INPUT: coverage or archives; empty if the flags select the history. */
  readonly paths: readonly string[];
  readonly flags: BackfillFlags;
  /** Whether the store is read and filled; otherwise the whole requested range is fetched. */
  readonly intoStore: boolean;
  readonly origin: (exchange: Exchange, request: HttpRequest) => string;
  readonly stopped: AbortSignal;
  readonly version: string;
  readonly summary: Summary;
  readonly notice: (text: string) => void;
  readonly note: (text: string) => void;
  readonly warn: (text: string) => void;
};
