import type { BookSnapshot, Ticker } from '../model/records.js';
import type { Level } from '../model/schema.js';

/** Best prices and amounts of one moment; a side that is empty is undefined. */
export type TopOfBook = {
  readonly bid: number | undefined;
  readonly bidAmount: number | undefined;
  readonly ask: number | undefined;
  readonly askAmount: number | undefined;
};

/** Levels per side that the imbalance counts. */
const DEPTH = 15;

/** Returns the best level of both sides. */
export function topOfSnapshot({ bids, asks }: BookSnapshot): TopOfBook {
  return { bid: bids[0]?.[0], bidAmount: bids[0]?.[1], ask: asks[0]?.[0], askAmount: asks[0]?.[1] };
}

/** Returns the best prices that a ticker tells. */
export function topOfTicker({ bid, bidAmount, ask, askAmount }: Ticker): TopOfBook {
  return { bid, bidAmount, ask, askAmount };
}

/** Returns (Σ bids − Σ asks) / (Σ bids + Σ asks) of the amounts of 15 levels, undefined on an empty book. */
export function imbalanceOf({ bids, asks }: BookSnapshot): number | undefined {
  const bid = amountOf(bids);
  const ask = amountOf(asks);
  return bid + ask > 0 ? (bid - ask) / (bid + ask) : undefined;
}

function amountOf(levels: readonly Level[]): number {
  let sum = 0;
  const depth = Math.min(DEPTH, levels.length);
  for (let index = 0; index < depth; index++) sum += (levels[index] as Level)[1];
  return sum;
}

/** Returns middle, spread (basis points of it) and the middle weighted by the opposite amounts, where both sides are there. */
export function pricesOf({ bid, bidAmount, ask, askAmount }: TopOfBook) {
  if (bid === undefined || ask === undefined) return { mid: undefined, spreadBps: undefined, microprice: undefined };
  const mid = (bid + ask) / 2;
  const weight = (bidAmount ?? 0) + (askAmount ?? 0);
  const known = bidAmount !== undefined && askAmount !== undefined && weight > 0;
  return {
    mid,
    spreadBps: ((ask - bid) / mid) * 10_000,
    microprice: known ? (ask * bidAmount + bid * askAmount) / weight : undefined,
  };
}

/**
 * Returns the order-flow imbalance between two books (Cont, Kukanov, Stoikov 2014, "The price impact of order book
 * events", equation 3): demand added at the best bid less supply added at the best ask, in amounts. Undefined where a
 * side of either is empty.
 */
export function orderFlow(before: TopOfBook, after: TopOfBook): number | undefined {
  const bid = addedAtBest(before.bid, before.bidAmount, after.bid, after.bidAmount, 1);
  const ask = addedAtBest(before.ask, before.askAmount, after.ask, after.askAmount, -1);
  return bid === undefined || ask === undefined ? undefined : bid - ask;
}

/** A price that is better than before adds all of its amount, a worse one takes the old amount away. */
function addedAtBest(
  oldPrice: number | undefined,
  oldAmount: number | undefined,
  price: number | undefined,
  amount: number | undefined,
  better: 1 | -1,
): number | undefined {
  if (oldPrice === undefined || oldAmount === undefined || price === undefined || amount === undefined) return undefined;
  const change = (price - oldPrice) * better;
  return (change >= 0 ? amount : 0) - (change <= 0 ? oldAmount : 0);
}
