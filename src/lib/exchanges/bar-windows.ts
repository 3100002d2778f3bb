import { FailureError } from '../model/errors.js';
import { bucketStart } from '../model/interval.js';
import type { Span } from '../model/span.js';
import { DAY, formatTime, SECOND } from '../model/time.js';
import type { PageContext } from './history.js';

/**
 * A page of bars is requested three short of its limit: one for the bar before the window (`overlapped`), one because
 * exchanges differ in whether the end is part of the page, and one because Bitget may begin a bar early. A full page would
 * drop a bar at one of its ends.
 */
const SPARE = 3;

/** A bar that is over may still change for a few seconds (seen on Bitget). */
const SETTLING = 5 * SECOND;

/**
 * Cuts `[from, until)` into windows of whole bars of `size` microseconds, in order: as many bars as fit into a page of
 * `most`, and no longer than 90 days, which Bitget allows. The first begins with the bar that `from` lies in, since
 * exchanges name bars by their beginning; the caller filters by it.
 */
export function barWindows({ from, until }: Span, size: number, most: number): Span[] {
  const length = size * Math.max(1, Math.min(most - SPARE, Math.floor((90 * DAY) / size) - 1));
  const end = bucketStart(size, until - 1) + size;
  const windows: Span[] = [];
  for (let start = bucketStart(size, from); start < end; start += length)
    windows.push({ from: start, until: Math.min(start + length, end) });
  return windows;
}

/**
 * Returns a range with the bar after it, where that is over. An exchange that ends a range a bar early would otherwise never
 * return the last bar: no later window asks for it again.
 */
export function withBarAfter({ from, until }: Span, size: number, now: number): Span {
  return { from, until: until + size <= now ? until + size : until };
}

/**
 * Returns the beginning of the first bar of `size` that may still change. The clock of the exchange decides, and the local
 * one where that is earlier or the answer names no time: a clock that is fast would close the bar that is being formed.
 */
export function formingBar(size: number, answered: number | undefined, now: number): number {
  return bucketStart(size, Math.min(answered ?? now, now + SETTLING) - SETTLING);
}

/**
 * Returns the span to request for a window: one bar earlier.
 *
 * An exchange that excludes the start of a range never returns the first bar of a window, and it would be missing for good.
 * So each request overlaps the window before it by a bar.
 */
export function overlapped({ from, until }: Span, size: number): Span {
  return { from: Math.max(0, from - size), until };
}

/**
 * Returns the span that a page of bars covers, and the rest of its window to request again. An exchange that has more bars
 * than it returns drops the oldest ones: so a window whose head is missing is requested again up to its first bar, until
 * no bar is left there. `starts` are the bars of the page, `end` the start of the first bar that may still change.
 *
 * Bars outside of the window do not count. Otherwise an exchange that includes the end of a range answers the request for
 * the head with the bar behind it, for ever.
 */
export function barCoverage(
  window: Span,
  starts: readonly number[],
  end: number,
  before: PageContext,
): { covered: Span | undefined; rest: Span | undefined } {
  const inside = starts.filter((start) => start >= window.from && start < window.until);
  const from = inside.length === 0 ? window.from : Math.min(...inside);
  const until = before.covered?.until ?? Math.min(window.until, end);
  const rest = from > window.from ? { from: window.from, until: from } : undefined;
  return { covered: from < until ? { from, until } : undefined, rest };
}

/**
 * Returns the time from which on a page lacks bars at the end of its window, undefined when it has all that are over.
 * Exchanges publish a bar for every interval: an endpoint that lags answers short, and its bars would be missing for good.
 */
export function lackingSince(window: Span, starts: readonly number[], end: number, size: number): number | undefined {
  const last = Math.max(window.from - size, ...starts.filter((start) => start >= window.from && start < window.until));
  return last + size < Math.min(window.until, end) ? last + size : undefined;
}

/**
 * Throws a `FailureError` when a page has bars after its window and none inside: the exchange ignored the range. Such a page
 * would make the window look empty, and its bars would be missing without a word. `starts` are the bars of the page; the
 * bar at the end of the window may be part of it.
 */
export function requireWindow(window: Span, starts: readonly number[], what: string): void {
  if (starts.some((start) => start < window.until)) return;
  const later = starts.find((start) => start > window.until);
  if (later === undefined) return;
  throw new FailureError(
    `${what}: asked for ${formatTime(window.from)} to ${formatTime(window.until)}, the answer begins at ${formatTime(Math.min(...starts))}`,
  );
}

/** Returns the part of `covered` that lies within the query, undefined where there is none. */
export function clippedTo({ from, until }: Span, covered: Span | undefined): Span | undefined {
  if (!covered) return undefined;
  const clipped = { from: Math.max(from, covered.from), until: Math.min(until, covered.until) };
  return clipped.from < clipped.until ? clipped : undefined;
}
