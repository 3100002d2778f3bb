import type { Listing } from './listing.js';

/**
 * What an exchange knows of a symbol at any time, past or future, as pure functions of that time: so REST history and live
 * pushes agree, however far back one asks. All times are milliseconds.
 */

const SECOND = 1_000;
const HOUR = 3_600_000;

/** Returns a number in [0, 1) that depends on nothing but its arguments. */
export function noise(text: string, at: number): number {
  let hash = 0x811c9dc5 ^ at ^ Math.floor(at / 4_294_967_296);
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39);
  return ((hash ^ (hash >>> 15)) >>> 0) / 4_294_967_296;
}

/** Returns the index price in units: it changes once a second and stays within 3 % of the anchor. */
export function indexPrice({ symbol, anchor, recorded }: Listing, at: number): number {
  if (recorded) return recorded.index(at);
  const second = Math.floor(at / SECOND);
  const phase = noise(symbol, 1) * 6.3;
  const swing = 0.02 * Math.sin(second / 5_021 + phase) + 0.006 * Math.sin(second / 311 + 2 * phase);
  return Math.max(200, Math.round(anchor * (1 + swing + 0.00004 * (noise(symbol, second) - 0.5))));
}

/** Returns the mark price in units: the index, seldom more than a few basis points away. */
export function markPrice(listing: Listing, at: number): number {
  if (listing.recorded) return listing.recorded.mark(at);
  const second = Math.floor(at / SECOND);
  return Math.max(200, Math.round(indexPrice(listing, at) * (1 + 0.0003 * (noise(listing.symbol, -second) - 0.5))));
}

/** Returns when the next funding is paid; funding times are multiples of the interval. */
export function nextFunding({ fundingHours }: Listing, at: number): number {
  const every = fundingHours * HOUR;
  return (Math.floor(at / every) + 1) * every;
}

/** Returns the rate paid at a funding time, in millionths. */
export function fundingRate({ symbol, recorded }: Listing, fundingTime: number): number {
  if (recorded) return recorded.rate(fundingTime);
  return Math.round((noise(symbol, fundingTime / HOUR) - 0.4) * 300);
}

/** Returns open interest of one side in size units: it changes every five seconds. */
export function openInterest({ symbol, sizeDecimals, recorded }: Listing, at: number): number {
  if (recorded) return recorded.openInterest(at);
  const step = Math.floor(at / (5 * SECOND));
  return Math.round(10 ** sizeDecimals * (40_000 + 5_000 * Math.sin(step / 900) + 100 * noise(symbol, step)));
}

export type PriceBar = {
  readonly start: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
};

/**
 * Returns the bar of a price that begins at `start`, up to `now`. Bars over an hour look at every minute only, so that a
 * thousand daily bars take milliseconds.
 */
export function priceBar(price: (at: number) => number, start: number, interval: number, now: number): PriceBar {
  const step = interval > HOUR ? 60 * SECOND : SECOND;
  const last = Math.min(start + interval - step, now);
  const open = price(start);
  let high = open;
  let low = open;
  let close = open;
  for (let at = start + step; at <= last; at += step) {
    close = price(at);
    high = Math.max(high, close);
    low = Math.min(low, close);
  }
  return { start, open, high, low, close };
}
