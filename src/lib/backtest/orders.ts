import type { Side } from '../model/records.js';

export const REASONS = ['entry', 'level', 'take_profit', 'stop', 'trailing', 'timeout', 'exit', 'liquidation'] as const;
/** Why an order was placed; `exit` is a decision of a user's strategy. */
export type Reason = (typeof REASONS)[number];

/** One position per side: a symbol may be held long and short at the same time. */
export type PositionSide = 'long' | 'short';

export type OrderKind = 'market' | 'limit' | 'stop' | 'trailing';

/** What a strategy asks for. */
export type OrderRequest = {
  readonly kind: OrderKind;
  /** The position that it opens or closes: a long is opened by `buy` and closed by `sell`, a short the other way round. */
  readonly position: PositionSide;
  readonly side: Side;
  /** Base units, rounded down to a lot. What would close more than is held closes what is held. */
  readonly amount: number;
  /** Of a limit order, the trigger of a stop; where a trailing stop begins to follow. */
  readonly price?: number | undefined;
  /** Distance of a trailing stop from the best price, a fraction. */
  readonly distance?: number | undefined;
  readonly reason: Reason;
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
  /** Crossed the market when it became active: it takes instead of making. */
  takes: boolean;
  /** A trailing stop that has begun to follow; `best` is the price that it follows. */
  armed: boolean;
  best: number;
  /** Amount ahead in the queue; −1 as long as no book showed its price. */
  queue: number;
  /** The last event that matched it, so that one trade does not fill it twice. */
  seen: number;
};

/** Returns whether a fall of the price executes the order, else a rise does. */
export function fallsInto(order: Order): boolean {
  return order.kind === 'limit' ? order.side === 'buy' : order.side === 'sell';
}

/** Returns whether the order adds to its position. */
export function opensPosition({ position, side }: Pick<OrderRequest, 'position' | 'side'>): boolean {
  return (position === 'long') === (side === 'buy');
}
