import type { Execution } from './ledger.js';
import type { Order, OrderRequest, PositionSide } from './orders.js';

/** What a strategy sees of the market and of itself, and how it acts. Everything it asks for takes effect after the latency. */
export type Broker = {
  /** Microseconds. */
  readonly now: number;
  /** The last traded price. */
  readonly price: number;
  readonly equity: number;
  readonly balance: number;
  /** What is held on a side: base units and their average entry price, NaN when nothing is. */
  held(position: PositionSide): { readonly amount: number; readonly averagePrice: number };
  /** Orders that are not done, in the order they were placed. */
  readonly orders: readonly Order[];
  /** Sends an order and returns its number; undefined when an exchange would refuse it (less than a lot or a minimum). */
  place(request: OrderRequest): number | undefined;
  cancel(order: number): void;
  cancelAll(): void;
  /** Asks for `woken` at a time, the next event at or after it; asked again, the new time replaces it. */
  wakeAt(time: number): void;
};

/** A trade as a strategy sees it, after it has been matched. */
export type TradeEvent = {
  readonly time: number;
  readonly price: number;
  readonly amount: number;
  readonly side: 'buy' | 'sell';
};

/** A candle as a strategy sees it: when it is over. `index` counts candles from the first of the data. */
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

/** The prices of a set of orders, from when they were placed until they were taken away. */
export type LevelSpan = { readonly from: number; readonly until: number; readonly prices: readonly number[] };

/**
 * A strategy. What it does not implement it is not woken for, and only then can a run skip from price to price. It must
 * depend on nothing but what it is given: no clock, no randomness, or the same input would not give the same output.
 */
export type Strategy = {
  /** Called once, after the first event of the data. */
  start?(broker: Broker): void;
  trade?(trade: TradeEvent, broker: Broker): void;
  bar?(bar: BarEvent, broker: Broker): void;
  /** After one of its orders was filled, in part or whole. */
  filled?(fill: Execution, broker: Broker): void;
  /** After the margin did not allow an order to open; the order is gone. */
  rejected?(order: Order, broker: Broker): void;
  /** At the time asked for with `wakeAt`. */
  woken?(broker: Broker): void;
  /** Prices that it had orders at, and when: what a chart draws behind the fills. */
  levels?(): readonly LevelSpan[];
  /** Figures of its own for the summary, at the end. */
  figures?(): Readonly<Record<string, number>>;
  /** What a reader of the results should know, one sentence each, at the end. */
  notes?(): readonly string[];
};
