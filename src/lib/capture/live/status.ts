import type { Statistics } from '../statistics.js';
import { total } from '../statistics.js';
import type { ConnectionPool } from './connection-pool.js';
import type { Lag } from './lag.js';
import type { RecordQueue } from './record-queue.js';
import type { StateCounts } from './subscriptions.js';

/** How late the data of one market arrives, ms. `offset` is the most negative lag, where the clocks differ. */
export type LagStatus = {
  readonly market: string;
  readonly p50: number | undefined;
  readonly p99: number | undefined;
  readonly offset: number;
};

/** A run as it stands; counts since its start. */
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
  /** Holes that were made whole again, and the trades that this took. */
  readonly repaired: { readonly gaps: number; readonly trades: number };
  readonly gapsByChannel: ReadonlyMap<string, number>;
  readonly refused: number;
  readonly rejected: number;
  readonly queue: { readonly waiting: number; readonly limit: number; readonly peak: number; readonly dropped: number };
  /** Questions by REST that were answered, and that were given up. */
  readonly polls: { readonly answered: number; readonly failed: number };
  readonly lags: readonly LagStatus[];
  /** Whether every subscription is confirmed or reported, what is polled has been answered, and there is something. */
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
  readonly seconds: number;
};

/** Returns the status that follows from the parts of a run. */
export function statusOf({ statistics, pools, lags, queue, counters, polls, symbols, seconds }: Sources): LiveStatus {
  const subscriptions = { pending: 0, confirmed: 0, refused: 0, stale: 0 };
  const connections = { wanted: 0, open: 0 };
  for (const pool of pools) {
    const { counts } = pool;
    for (const state of Object.keys(counts) as (keyof StateCounts)[]) subscriptions[state] += counts[state];
    connections.wanted += pool.connections.wanted;
    connections.open += pool.connections.open;
  }
  const asked = subscriptions.confirmed + subscriptions.refused + subscriptions.stale;
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
    gapsByChannel: new Map(statistics.gaps),
    refused: total(statistics.refused),
    rejected: total(statistics.rejected),
    queue: { waiting: queue.length, limit: queue.limit, peak: queue.peak, dropped: queue.dropped },
    polls: { answered: polls.answered, failed: polls.failed },
    lags: [...lags].map(([market, lag]) => lagStatus(market, lag)),
    isReady: subscriptions.pending === 0 && asked + polls.answered > 0 && (!polls.isActive || polls.answered > 0),
  };
}

function lagStatus(market: string, lag: Lag): LagStatus {
  return { market, p50: lag.quantile(0.5), p99: lag.quantile(0.99), offset: lag.least };
}
