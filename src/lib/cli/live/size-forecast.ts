import type { Subscription } from '../../exchanges/exchange.js';
import { counted } from '../../model/counted.js';
import { formatSize } from '../../model/number-format.js';
import { SECOND } from '../../model/time.js';

/** Minimum number of books for a forecast of the size. */
const MANY_BOOKS = 20;
/** Changes per second and book: 9.3 for BTCUSDT and ETHUSDT linear, 6.7 for BTCUSDT spot on the Bybit tape of August 2026. */
const CHANGES_PER_SECOND = 10;
/** Stored bytes, compressed, of the two tapes: 3.6 to 6.1 for a level of a snapshot, 45 to 66 for a change on Bybit. */
const BYTES_PER_LEVEL = 6;
const BYTES_PER_CHANGE = 60;
const SECONDS_PER_DAY = 86_400;

/**
 * Returns a sentence about the stored size of a capture of many books, undefined for a few books. It assumes that every
 * book changes in every interval: liquid ones do, the others stay below.
 */
export function sizeForecast(subscriptions: readonly Subscription[], bookInterval: number, depth: number): string | undefined {
  const count = (channel: string) => subscriptions.filter((subscription) => subscription.channel === channel).length;
  const books = count('book');
  const deltas = count('book_delta');
  if (books + deltas < MANY_BOOKS) return undefined;
  const snapshots = books * (SECOND / Math.max(bookInterval, SECOND / CHANGES_PER_SECOND)) * 2 * depth * BYTES_PER_LEVEL;
  const changes = deltas * CHANGES_PER_SECOND * BYTES_PER_CHANGE;
  const perDay = (snapshots + changes) * SECONDS_PER_DAY;
  const parts = [
    books > 0 ? counted(books, 'book') : '',
    deltas > 0 ? `${counted(deltas, 'book')} with every change` : '',
  ].filter(Boolean);
  return `${parts.join(' and ')}: up to ${formatSize(perDay)} a day in the store; use fewer symbols, a longer --book-interval or a smaller --depth for less`;
}
