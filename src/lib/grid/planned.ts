import type { Exact } from '../model/ticks.js';
import type { GridParameters } from './parameters.js';
import type { Position } from './position.js';
import type { Ladder, Order } from './sizing.js';
import type { Reason } from './status.js';

/** What would be held if the levels so far had filled; the figures are absent for a position of nothing. */
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
  /** The reasons in a sentence, with their figures; absent when there are none. */
  readonly explanation?: string | undefined;
};

/** A grid worked out, in exact decimals. */
export type Plan = Ladder & {
  readonly grid: GridParameters;
  readonly levels: readonly PlannedLevel[];
  readonly committed: Exact;
  readonly marginRequired: Exact;
  /** Loss with all levels filled at the last level's price, before fees, quote units. */
  readonly worstLoss: Exact;
  /** Way from the last level to the take profit, a fraction of the last level's price. */
  readonly rebound?: Exact | undefined;
  readonly firstUnsafe?: PlannedLevel | undefined;
  readonly warnings: readonly string[];
};
