import type { Listing } from './listing.js';
import type { Fill, TradeLog } from './trade-log.js';

const DAY = 86_400_000;

/** A candle in units. `turnover` counts units of price × units of size; where sizes count the quote currency it is coins × 10^8. */
export type Bar = {
  readonly start: number;
  readonly end: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
  readonly turnover: bigint;
};

/** Returns where the bar that contains `at` begins; weeks begin on Monday, months (`interval` of 30 days) on the first. */
export function barStart(at: number, interval: number): number {
  if (interval === 30 * DAY) return Date.UTC(new Date(at).getUTCFullYear(), new Date(at).getUTCMonth());
  const shift = interval === 7 * DAY ? 4 * DAY : 0;
  return Math.floor((at - shift) / interval) * interval + shift;
}

/** Returns the first moment after a bar. */
export function barEnd(start: number, interval: number): number {
  return interval === 30 * DAY ? Date.UTC(new Date(start).getUTCFullYear(), new Date(start).getUTCMonth() + 1) : start + interval;
}

/**
 * Returns the bars of `[from, until)`, oldest first, the open one included, from the first trade's on. As on both exchanges
 * a bar opens at the close before it, its high and low include that price, and a bar without trades is flat.
 */
export function barsOf(log: TradeLog, listing: Listing, interval: number, from: number, until: number): Bar[] {
  if (log.length === 0) return [];
  const first = barStart(log.at(0).time, interval);
  const bars: Bar[] = [];
  let start = Math.max(first, barStart(from, interval));
  if (start < from && start >= first) start = barEnd(start, interval);
  let at = log.indexAt(start);
  let close = at > 0 ? log.at(at - 1).price : log.at(0).price;
  while (start < until) {
    const end = barEnd(start, interval);
    const next = log.indexAt(end);
    const bar = barOf(log.slice(at, next), start, end, close, listing);
    bars.push(bar);
    close = bar.close;
    at = next;
    start = end;
  }
  return bars;
}

function barOf(fills: readonly Fill[], start: number, end: number, open: number, listing: Listing): Bar {
  let high = open;
  let low = open;
  let volume = 0;
  let turnover = 0n;
  for (const { price, size } of fills) {
    high = Math.max(high, price);
    low = Math.min(low, price);
    volume += size;
    turnover += turnoverOf(price, size, listing);
  }
  return { start, end: end - 1, open, high, low, close: fills.at(-1)?.price ?? open, volume, turnover };
}

/** Returns price × size in units of both; where sizes count the quote currency, size / price in 10^-8 coins. */
export function turnoverOf(price: number, size: number, { countsQuote, priceDecimals, sizeDecimals }: Listing): bigint {
  if (!countsQuote) return BigInt(price) * BigInt(size);
  return BigInt(Math.round((size / 10 ** sizeDecimals / (price / 10 ** priceDecimals)) * 1e8));
}

/** Returns the decimals of turnovers. */
export function turnoverDecimals({ countsQuote, priceDecimals, sizeDecimals }: Listing): number {
  return countsQuote ? 8 : priceDecimals + sizeDecimals;
}
