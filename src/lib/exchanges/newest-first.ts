import type { HistoryPage, HistoryQuery, HistoryRecord, PageContext } from './history.js';
import type { HttpRequest } from './requests.js';

/** What one answer of an endpoint that lists newest first says. */
export type NewestFirst = {
  readonly items: readonly HistoryRecord[];
  readonly rejected: readonly string[];
  /** When the exchange answered, microseconds. */
  readonly time: number | undefined;
  /** Since when this answer and those before it are complete; undefined where the answer proves nothing. */
  readonly completeSince: number | undefined;
  /** The request that leads on to older records. */
  readonly next: HttpRequest | undefined;
  /** As in `HistoryPage`. */
  readonly startsChain?: boolean | undefined;
  readonly isExhausted?: boolean | undefined;
  /** Whether a record belongs to the query, where that is not a matter of its time alone. */
  readonly isInside?: ((timestamp: number) => boolean) | undefined;
};

/**
 * Returns the page of an answer: its records inside of the query in ascending order, and what the chain of pages covers.
 * That ends at the time of the first answer: what happens after it is in none of them.
 */
export function newestFirstPage(query: HistoryQuery, answer: NewestFirst, before: PageContext): HistoryPage {
  const { items, rejected, time, completeSince, next, startsChain, isExhausted } = answer;
  const { isInside = (timestamp) => timestamp >= query.from && timestamp < query.until } = answer;
  const records = items.filter(({ timestamp }) => isInside(timestamp)).sort((a, b) => a.timestamp - b.timestamp);
  const until = before.covered?.until ?? Math.min(query.until, time ?? before.now);
  const from = completeSince === undefined ? until : Math.max(query.from, completeSince);
  const covered = from < until ? { from, until } : before.covered;
  const isEmpty = items.length + rejected.length === 0;
  return { records, rejected, covered, next: next && [next], startsChain, isEmpty, isExhausted };
}

/** Returns the time of the oldest record, undefined where there is none. */
export function oldestOf(items: readonly HistoryRecord[]): number | undefined {
  return items.length === 0 ? undefined : Math.min(...items.map(({ timestamp }) => timestamp));
}
