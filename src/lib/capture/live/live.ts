import type { AnyRecord } from '../../model/records.js';
import type { Statistics } from '../statistics.js';
import type { ConnectionPool } from './connection-pool.js';
import type { LiveStatus } from './status.js';
import type { UniverseAnswer } from './universe-watch.js';

/** A capture from the exchanges, which begins when its records are read. */
export type Live = {
  readonly records: AsyncIterable<readonly AnyRecord[]>;
  readonly statistics: Statistics;
  /** How many symbols and subscriptions there are to begin with. */
  readonly symbols: number;
  readonly pools: readonly ConnectionPool[];
  /** What each exchange shall deliver, whether it is subscribed yet or will be when the records are read. */
  readonly wanted: UniverseAnswer['wanted'];
  /** Symbols by exchange and market. */
  readonly universe: UniverseAnswer['symbols'];
  status(): LiveStatus;
  /** Makes the store remember how far the run got. To be called when all records are stored. */
  remember(): Promise<void>;
  /** Exchanges that never answered or connected, with their reasons. */
  readonly unreachable: readonly string[];
};
