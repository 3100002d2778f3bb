import { excerpt } from '../model/ndjson.js';
import { positive } from '../model/numbers.js';
import type { MarkPrice } from '../model/records.js';
import type { Span } from '../model/span.js';
import { fromMilliseconds, MINUTE } from '../model/time.js';
import { barCoverage, clippedTo, formingBar, lackingSince, requireWindow } from './bar-windows.js';
import type { HistoryPage, HistoryQuery, PageContext } from './history.js';

/** The rows of one answer, `[start, open, …]`, and its time (microseconds). */
type BarAnswer = { readonly rows: readonly unknown[]; readonly time: number | undefined };

/** A page, and the part of its window to request again. */
type MarkBars = Omit<HistoryPage, 'next'> & { readonly rest: Span | undefined };

/**
 * Builds mark prices from mark and index candles of a minute: the opens of both, joined on their time. A bar
 * that may still change is skipped, and bars before the first of either list belong to the next page: otherwise a mark
 * would lose its index.
 */
export function markBars(
  exchange: string,
  query: HistoryQuery,
  answers: readonly BarAnswer[],
  window: Span,
  before: PageContext,
): MarkBars {
  const [marks, indexes] = answers.map(({ rows }) => opensOf(rows)) as [Opens, Opens];
  for (const { opens } of [marks, indexes]) requireWindow(window, [...opens.keys()], `${exchange} mark and index prices`);
  const forming = formingBar(MINUTE, answers[0]?.time, before.now);
  const heads = [marks, indexes].flatMap(({ opens }) => [...opens.keys()].find((start) => isInside(start, window)) ?? []);
  const first = heads.length === 0 ? [] : [Math.max(...heads)];
  const { covered, rest } = barCoverage(window, first, forming, before);
  const from = Math.max(query.from, window.from, ...first);
  const until = Math.min(query.until, window.until, forming);
  const { market, symbol } = query;
  // The request overlaps the window before by a bar, whose answer may lack it: an exchange may end a range a bar early.
  const overlap = Math.max(query.from, window.from - MINUTE);
  const isOverlap = (timestamp: number) => timestamp >= overlap && timestamp < window.from && indexes.opens.has(timestamp);
  const records = [...marks.opens].flatMap(([timestamp, mark]): MarkPrice[] =>
    (timestamp < from && !isOverlap(timestamp)) || timestamp >= until
      ? []
      : [{ type: 'mark_price', exchange, market, symbol, timestamp, mark, index: indexes.opens.get(timestamp) }],
  );
  const lacking = [marks, indexes].flatMap(({ opens }) => lackingSince(window, [...opens.keys()], forming, MINUTE) ?? []);
  return {
    records,
    rejected: [...marks.rejected, ...indexes.rejected],
    covered: clippedTo(query, covered),
    rest,
    isEmpty: answers.some(({ rows }) => rows.length === 0),
    lackingSince: lacking.length === 0 ? undefined : Math.min(...lacking),
  };
}

function isInside(time: number, { from, until }: Span): boolean {
  return time >= from && time < until;
}

type Opens = { readonly opens: ReadonlyMap<number, number>; readonly rejected: string[] };

/** Returns opens by time, in ascending order. */
function opensOf(rows: readonly unknown[]): Opens {
  const opens: [number, number][] = [];
  const rejected: string[] = [];
  for (const row of rows) {
    const [start, open] = Array.isArray(row) ? row : [];
    const timestamp = fromMilliseconds(start);
    const price = positive(open);
    if (timestamp === undefined || timestamp % MINUTE !== 0)
      rejected.push(`mark_price: expected a whole minute in milliseconds, was ${excerpt(start)}`);
    else if (price === undefined) rejected.push(`mark_price: expected an open above 0, was ${excerpt(open)}`);
    else opens.push([timestamp, price]);
  }
  return { opens: new Map(opens.sort(([a], [b]) => a - b)), rejected };
}
