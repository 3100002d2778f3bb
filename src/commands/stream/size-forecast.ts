import type { Subscription } from '../../lib/exchanges/exchange.js';
import { SECOND } from '../../lib/model/time.js';

/** From so many books on a capture is worth a word about its size. */
const MANY_BOOKS = 20;
/** Changes per second and book: 9.3 for BTCUSDT and ETHUSDT linear, 6.7 for BTCUSDT spot on the Bybit tape of August 2026. */
const CHANGES_PER_SECOND = 10;
/** Stored bytes, compressed, of the two tapes: 3.6 to 6.1 for a level of a snapshot, 45 to 66 for a change on Bybit. */
const BYTES_PER_LEVEL = 6;
const BYTES_PER_CHANGE = 60;
const SECONDS_PER_DAY = 86_400;

/**
 * Returns a sentence about the size that a capture of many books will have in the store, undefined for a small one.
 * Every book is taken to change in every interval: liquid ones do, the others stay below.
 */
export function sizeForecast(subscriptions: readonly Subscription[], bookInterval: number, depth: number): string | undefined {
  const count = (channel: string) => subscriptions.filter((subscription) => subscription.channel === channel).length;
  const books = count('book');
  const deltas = count('book_delta');
  if (books + deltas < MANY_BOOKS) return undefined;
  const snapshots = books * (SECOND / Math.max(bookInterval, SECOND / CHANGES_PER_SECOND)) * 2 * depth * BYTES_PER_LEVEL;
  const changes = deltas * CHANGES_PER_SECOND * BYTES_PER_CHANGE;
  const perDay = (snapshots + changes) * SECONDS_PER_DAY;
  const parts = [books > 0 ? `${books} books` : '', deltas > 0 ? `${deltas} books with every change` : ''].filter(Boolean);
  return `${parts.join(' and ')}: up to about ${sizeText(perDay)} a day in the store; fewer symbols, a larger --book-interval or a smaller --depth make it less`;
}

function sizeText(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.ceil(bytes / 1e6)} MB`;
}
