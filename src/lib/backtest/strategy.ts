import type { Execution } from './ledger.js';
import type { Order, OrderRequest, PositionSide } from './orders.js';

/** The market and the account as a strategy sees them, and its actions. Every action takes effect after the latency. */
export type Broker = {
  /** Microseconds. */
  readonly now: number;
  /** The last traded price. */
  readonly price: number;
  readonly equity: number;
  readonly balance: number;
  /** Position of a side: base units and average entry price (NaN when flat). */
  held(position: PositionSide): { readonly amount: number; readonly averagePrice: number };
  /** Orders that are not done, in order of placement. */
  readonly orders: readonly Order[];
  /** Sends an order and returns its number; undefined if an exchange would refuse it (below a lot or a minimum). */
  place(request: OrderRequest): number | undefined;
  cancel(order: number): void;
  cancelAll(): void;
  /** Schedules `woken` for a time; a second call replaces the first. */
  wakeAt(time: number): void;
};

/** An order that was refused, as a strategy sees it. */
export type RefusedOrder = Pick<Order, 'position' | 'side' | 'amount' | 'reason' | 'opens'>;

/** Why: `funds` for lack of margin; an exchange has other causes too. */
export type Refusal = { readonly cause: string; readonly isDeferred: boolean };

/** A trade, after own orders have been matched against it. */
export type TradeEvent = {
  readonly time: number;
  readonly price: number;
  readonly amount: number;
  /** Side of the taker; undefined where the data does not say it. */
  readonly side: 'buy' | 'sell' | undefined;
};

/** A finished candle. `index` counts from the first candle of the data. */
export type BarEvent = {
  readonly index: number;
  /** Opening time. */
  readonly time: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
};

/** Prices of a set of orders, from placement to removal. */
export type LevelSpan = { readonly from: number; readonly until: number; readonly prices: readonly number[] };

/**
 * A strategy. Every callback is optional; without `trade` and `bar` a run can skip from price to price. It must use its
 * arguments only: with a clock or random numbers, the same input would not give the same output.
 */
export type Strategy = {
  /** Called once, after the first event of the data. */
  start?(broker: Broker): void;
  trade?(trade: TradeEvent, broker: Broker): void;
  bar?(bar: BarEvent, broker: Broker): void;
  /** Called after one of its orders was filled, partly or fully. */
  filled?(fill: Execution, broker: Broker): void;
  /** Called after an order was refused; it is removed, or with `isDeferred` sent again by itself when that may help. */
  refused?(order: RefusedOrder, broker: Broker, refusal: Refusal): void;
  /** Called at the time set with `wakeAt`. */
  woken?(broker: Broker): void;
  /** Price levels with their times: a chart draws them behind the fills. */
  levels?(): readonly LevelSpan[];
  /** Metrics of its own, added to the run at the end. */
  figures?(): Readonly<Record<string, number>>;
  /** Warnings for the reader of the results, one sentence each, at the end. */
  notes?(): readonly string[];
};
