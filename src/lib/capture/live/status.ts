import type { Statistics } from '../statistics.js';
import { total } from '../statistics.js';
import type { ConnectionPool } from './connection-pool.js';
import type { Lag, LagWindow } from './lag.js';
import type { RecordQueue } from './record-queue.js';
import type { StateCounts } from './subscriptions.js';

/** Lag of one market, ms. `offset` is the most negative lag: the clocks differ by at least that. */
export type LagStatus = {
  readonly market: string;
  readonly p50: number | undefined;
  readonly p99: number | undefined;
  readonly offset: number;
  /** The least lag (ms) of the last 5 s in which data arrived, and when these began (microseconds). */
  readonly latest?: LagWindow | undefined;
  /** When data arrived last, microseconds. */
  readonly heard?: number | undefined;
  /** Frames of data. */
  readonly frames?: number | undefined;
};

/** Current state of a run; counts since its start. */
export type LiveStatus = {
  readonly seconds: number;
  readonly symbols: number;
  readonly connections: { readonly wanted: number; readonly open: number };
  readonly subscriptions: StateCounts;
  readonly connects: number;
  readonly reconnects: number;
  readonly failures: number;
  readonly frames: number;
  readonly bytes: number;
  readonly records: ReadonlyMap<string, number>;
  readonly duplicates: number;
  readonly gaps: number;
  /** Repaired gaps, and the trades fetched for them. */
  readonly repaired: { readonly gaps: number; readonly trades: number };
  /** Trade feeds whose missing trades are still to be fetched. */
  readonly repairing: number;
  readonly gapsByChannel: ReadonlyMap<string, number>;
  readonly refused: number;
  readonly rejected: number;
  readonly queue: { readonly waiting: number; readonly limit: number; readonly peak: number; readonly dropped: number };
  /** Polling requests that were answered, and that were given up. */
  readonly polls: { readonly answered: number; readonly failed: number };
  readonly lags: readonly LagStatus[];
  /** Whether every subscription has an answer and polling has its first one; false before any subscription or poll. */
  readonly isReady: boolean;
};

type Sources = {
  readonly statistics: Statistics;
  readonly pools: readonly ConnectionPool[];
  readonly lags: ReadonlyMap<string, Lag>;
  readonly queue: RecordQueue;
  readonly counters: { readonly connects: number; readonly reconnects: number; readonly failures: number };
  readonly polls: { readonly answered: number; readonly failed: number; readonly isActive: boolean };
  readonly symbols: number;
  readonly repairing: number;
  readonly seconds: number;
};

/** Builds the status from the parts of a run. */
export function buildStatus({
  statistics,
  pools,
  lags,
  queue,
  counters,
  polls,
  symbols,
  repairing,
  seconds,
}: Sources): LiveStatus {
  const subscriptions = { pending: 0, confirmed: 0, refused: 0, stale: 0 };
  const connections = { wanted: 0, open: 0 };
  for (const pool of pools) {
    const { counts } = pool;
    for (const state of Object.keys(counts) as (keyof StateCounts)[]) subscriptions[state] += counts[state];
    connections.wanted += pool.connections.wanted;
    connections.open += pool.connections.open;
  }
  const answered = subscriptions.confirmed + subscriptions.refused + subscriptions.stale;
  return {
    seconds,
    symbols,
    connections,
    subscriptions,
    ...counters,
    frames: statistics.frames,
    bytes: statistics.bytes,
    records: new Map(statistics.records),
    duplicates: statistics.duplicates,
    gaps: statistics.missingGaps + queue.gaps,
    repaired: { gaps: statistics.repairedGaps, trades: statistics.repairedTrades },
    repairing,
    gapsByChannel: new Map(statistics.gaps),
    refused: total(statistics.refused),
    rejected: total(statistics.rejected),
    queue: { waiting: queue.length, limit: queue.limit, peak: queue.peak, dropped: queue.dropped },
    polls: { answered: polls.answered, failed: polls.failed },
    lags: [...lags].map(([market, lag]) => lagStatus(market, lag)),
    isReady: subscriptions.pending === 0 && answered + polls.answered > 0 && (!polls.isActive || polls.answered > 0),
  };
}

function lagStatus(market: string, lag: Lag): LagStatus {
  return {
    market,
    p50: lag.quantile(0.5),
    p99: lag.quantile(0.99),
    offset: lag.minimum,
    latest: lag.latest,
    heard: lag.heard,
    frames: lag.total,
  };
}
