import type { BookSnapshot } from '../model/records.js';
import type { Level } from '../model/schema.js';

/** Best prices and amounts of one moment; a side that is empty is undefined. */
export type TopOfBook = {
  readonly bid: number | undefined;
  readonly bidAmount: number | undefined;
  readonly ask: number | undefined;
  readonly askAmount: number | undefined;
};

/** Levels per side that the imbalance counts. */
export const DEPTH = 15;

/** What a row says of the book: the best level and what follows from it and from the levels behind. */
export type Quotes = TopOfBook & {
  readonly mid: number | undefined;
  readonly spreadBps: number | undefined;
  readonly microprice: number | undefined;
  readonly imbalance: number | undefined;
};

/** Returns what a book says. */
export function quotesOfSnapshot(book: BookSnapshot): Quotes {
  return quotesOf(topOfSnapshot(book), imbalanceOf(amountOf(book.bids), amountOf(book.asks)));
}

/** Returns what a book says of which the best level is known, and the sum of the amounts of `DEPTH` levels a side. */
export function quotesOfSums(top: TopOfBook, bids: number, asks: number): Quotes {
  return quotesOf(top, imbalanceOf(bids, asks));
}

/** Returns what a ticker says: it knows no levels behind the best. */
export function quotesOfTicker({ bid, bidAmount, ask, askAmount }: Partial<TopOfBook>): Quotes {
  return quotesOf({ bid, bidAmount, ask, askAmount }, undefined);
}

/** Returns the best level of both sides. */
function topOfSnapshot({ bids, asks }: BookSnapshot): TopOfBook {
  return { bid: bids[0]?.[0], bidAmount: bids[0]?.[1], ask: asks[0]?.[0], askAmount: asks[0]?.[1] };
}

/** Returns (Σ bids − Σ asks) / (Σ bids + Σ asks) of the amounts of 15 levels, undefined on an empty book. */
function imbalanceOf(bid: number, ask: number): number | undefined {
  return bid + ask > 0 ? (bid - ask) / (bid + ask) : undefined;
}

function amountOf(levels: readonly Level[]): number {
  let sum = 0;
  const depth = Math.min(DEPTH, levels.length);
  for (let index = 0; index < depth; index++) sum += (levels[index] as Level)[1];
  return sum;
}

/** Mid, spread (basis points of the mid) and weighted mid exist only when both sides do. */
function quotesOf({ bid, bidAmount, ask, askAmount }: TopOfBook, imbalance: number | undefined): Quotes {
  const mid = bid === undefined || ask === undefined ? undefined : (bid + ask) / 2;
  const spreadBps = mid === undefined ? undefined : (((ask as number) - (bid as number)) / mid) * 10_000;
  const microprice = mid === undefined ? undefined : micropriceOf({ bid, bidAmount, ask, askAmount });
  return { bid, bidAmount, ask, askAmount, mid, spreadBps, microprice, imbalance };
}

function micropriceOf({ bid, bidAmount, ask, askAmount }: TopOfBook): number | undefined {
  if (bid === undefined || ask === undefined || bidAmount === undefined || askAmount === undefined) return undefined;
  const weight = bidAmount + askAmount;
  return weight > 0 ? (ask * bidAmount + bid * askAmount) / weight : undefined;
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
