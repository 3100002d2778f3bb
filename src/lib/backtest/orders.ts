import type { Side } from '../model/records.js';

export const REASONS = ['entry', 'level', 'take_profit', 'stop', 'trailing', 'timeout', 'exit', 'liquidation'] as const;
/** Why an order was placed; `exit` is a decision of a user's strategy. */
export type Reason = (typeof REASONS)[number];

/** One position per side: a symbol may be held long and short at the same time. */
export type PositionSide = 'long' | 'short';

export type OrderKind = 'market' | 'limit' | 'stop' | 'trailing';

/** An order as a strategy sends it. */
export type OrderRequest = {
  readonly kind: OrderKind;
  /** The position that the order opens or closes: `buy` opens a long and closes a short, `sell` the reverse. */
  readonly position: PositionSide;
  readonly side: Side;
  /** Base units, rounded down to a lot. A closing order never closes more than is held. */
  readonly amount: number;
  /** Limit price, trigger of a stop, or arming price of a trailing stop. */
  readonly price?: number | undefined;
  /** Distance of a trailing stop from the best price, a fraction. */
  readonly distance?: number | undefined;
  readonly reason: Reason;
  /** Number of the level, on orders of a grid. */
  readonly level?: number | undefined;
};

/** An order as the engine keeps it. */
export type Order = {
  readonly id: number;
  readonly kind: OrderKind;
  readonly position: PositionSide;
  readonly side: Side;
  readonly amount: number;
  readonly reason: Reason;
  readonly opens: boolean;
  readonly activeAt: number;
  readonly distance: number;
  /** Limit price or trigger; a trailing stop's follows the market. */
  price: number;
  remaining: number;
  filled: number;
  state: 'pending' | 'active' | 'done';
  /** Executes as taker: a market order, or a limit order beyond the market on activation. */
  takes: boolean;
  /** Whether a trailing stop has started to follow; `best` is the price it follows. */
  armed: boolean;
  best: number;
  /** Amount ahead in the queue; −1 while no book has shown its price. */
  queue: number;
  /** The last event that matched it. Without it, one trade would fill the order twice. */
  seen: number;
};

/** Returns whether a falling price executes the order; otherwise a rising one does. */
export function executesOnFall(order: Order): boolean {
  return order.kind === 'limit' ? order.side === 'buy' : order.side === 'sell';
}

/** Returns whether the order adds to its position. */
export function opensPosition({ position, side }: Pick<OrderRequest, 'position' | 'side'>): boolean {
  return (position === 'long') === (side === 'buy');
}
