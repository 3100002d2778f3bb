import type { AnyRecord, Instrument } from '../../model/records.js';
import type { Statistics } from '../statistics.js';
import type { ConnectionPool } from './connection-pool.js';
import type { LiveStatus } from './status.js';
import type { UniverseAnswer } from './universe-watch.js';

/** A live capture; it starts when its records are read. */
export type Live = {
  readonly records: AsyncIterable<readonly AnyRecord[]>;
  readonly statistics: Statistics;
  /** Number of captured symbols. */
  readonly symbols: number;
  readonly pools: readonly ConnectionPool[];
  /** Wanted subscriptions by exchange, whether active yet or not. */
  readonly wanted: UniverseAnswer['wanted'];
  /** Symbols by exchange and market. */
  readonly universe: UniverseAnswer['symbols'];
  /** The captured instruments, with their terms. */
  readonly instruments: readonly Instrument[];
  status(): LiveStatus;
  /** Saves in the store until when sparse channels are covered. Call when all records are stored. */
  saveCoverage(): Promise<void>;
  /** One line per exchange that never answered or connected, with the reason. */
  readonly unreachable: readonly string[];
};
