import { bucketStart } from '../model/interval.js';
import type { Span } from '../model/span.js';
import { DAY, SECOND } from '../model/time.js';
import type { PageContext } from './history.js';

/**
 * A page of bars is asked for two short of its limit: exchanges differ in whether the end is part of it, and Bitget may
 * begin one bar early, so that a full page would drop a bar at one of its ends.
 */
const SPARE = 2;

/** A bar that is over may still change for a few seconds (seen on Bitget). */
const SETTLING = 5 * SECOND;

/**
 * Cuts `[from, until)` into windows of whole bars of `size` microseconds, in order: as many bars as fit into a page of
 * `most`, and no longer than 90 days, which Bitget allows. The first begins with the bar that `from` lies in, since
 * exchanges name bars by their beginning; who asks filters by it.
 */
export function barWindows({ from, until }: Span, size: number, most: number): Span[] {
  const length = size * Math.max(1, Math.min(most - SPARE, Math.floor((90 * DAY) / size)));
  const end = bucketStart(size, until - 1) + size;
  const windows: Span[] = [];
  for (let start = bucketStart(size, from); start < end; start += length)
    windows.push({ from: start, until: Math.min(start + length, end) });
  return windows;
}

/**
 * Returns the beginning of the first bar of `size` that may still change. The clock of the exchange decides, and the local
 * one where that is earlier or the answer names no time: a clock that is fast would close the bar that is being formed.
 */
export function formingBar(size: number, answered: number | undefined, now: number): number {
  return bucketStart(size, Math.min(answered ?? now, now + SETTLING) - SETTLING);
}

/**
 * Returns what a page of bars covers, and what of its window is to be asked for again. An exchange that has more bars than
 * it gives leaves out the oldest ones, so that a window whose head is missing is asked once more for that, until it is
 * empty there. `first` is the beginning of the oldest bar given, `end` that of the first which may still change.
 */
export function barCoverage(
  window: Span,
  first: number | undefined,
  end: number,
  before: PageContext,
): { covered: Span | undefined; rest: Span | undefined } {
  const from = first === undefined ? window.from : Math.max(window.from, first);
  const until = before.covered?.until ?? Math.min(window.until, end);
  const rest = from > window.from ? { from: window.from, until: from } : undefined;
  return { covered: from < until ? { from, until } : undefined, rest };
}

/** Returns the part of `covered` that lies within the query, undefined where there is none. */
export function clippedTo({ from, until }: Span, covered: Span | undefined): Span | undefined {
  if (!covered) return undefined;
  const clipped = { from: Math.max(from, covered.from), until: Math.min(until, covered.until) };
  return clipped.from < clipped.until ? clipped : undefined;
}
