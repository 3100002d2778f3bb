import type { Exact } from '../model/ticks.js';
import type { GridParameters } from './parameters.js';
import type { Position } from './position.js';
import type { Ladder, Order } from './sizing.js';
import type { Reason } from './status.js';

/** Position after the levels so far have filled; derived values are absent for an empty position. */
export type Holding = {
  readonly position: Position;
  /** Initial margin, Σ aᵢpᵢ / leverage. */
  readonly margin: Exact;
  readonly liquidationPrice?: Exact | undefined;
  readonly averagePrice?: Exact | undefined;
  readonly breakEvenPrice?: Exact | undefined;
  readonly takeProfitPrice?: Exact | undefined;
  /** At the take profit, fees deducted. */
  readonly profit?: Exact | undefined;
};

export type PlannedLevel = Holding & {
  readonly level: number;
  readonly order: Order;
  readonly notional: Exact;
  /** Fraction of this level's price; absent on the last. */
  readonly distanceToNext?: Exact | undefined;
  readonly reasons: readonly Reason[];
  /** The reasons as a sentence with numbers; absent if there are none. */
  readonly explanation?: string | undefined;
};

/** A planned grid, in exact decimals. */
export type Plan = Ladder & {
  readonly grid: GridParameters;
  readonly levels: readonly PlannedLevel[];
  readonly committed: Exact;
  readonly marginRequired: Exact;
  /** Loss with all levels filled at the last level's price, before fees, quote units. */
  readonly worstLoss: Exact;
  /** Distance from the last level to the take profit, a fraction of the last level's price. */
  readonly rebound?: Exact | undefined;
  readonly firstUnsafe?: PlannedLevel | undefined;
  readonly warnings: readonly string[];
};
