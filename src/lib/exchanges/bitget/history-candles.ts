import type { Market } from '../../model/records.js';
import type { Span } from '../../model/span.js';
import { DAY, HOUR, MINUTE, MICROSECONDS_PER_MILLISECOND as MS } from '../../model/time.js';
import {
  barCoverage,
  barWindows,
  clippedTo,
  formingBar,
  lackingSince,
  overlapped,
  requireWindow,
  withBarAfter,
} from '../bar-windows.js';
import type { HttpRequest } from '../exchange.js';
import type { HistoryPage, HistoryQuery, PageContext, PageRequest } from '../history.js';
import { markBars } from '../mark-bars.js';
import { type CandleValues, parseCandle } from './candle-rows.js';
import { mapRows, unexpected } from './fields.js';
import { productOfSymbol } from './names.js';
import { type Interval, intervalNamed, SHORT_INTERVALS, UTC_INTERVALS } from './protocols.js';
import { answerOf, describe } from './rest-answers.js';

/** REST has three minutes, which the v2 socket lacks. Names without `utc` from 6 hours on begin elsewhere. */
const CONTRACT_NAMES: ReadonlyMap<string, string> = new Map([...SHORT_INTERVALS, ['3m', '3m'], ...UTC_INTERVALS]);
/** Spot has names of its own below 6 hours: `1min`, `1h`. */
const SPOT_NAMES: ReadonlyMap<string, string> = new Map([
  ...[...CONTRACT_NAMES.keys()].filter((name) => /^\d+m$/.test(name)).map((name) => [name, `${name}in`] as const),
  ['1h', '1h'],
  ['4h', '4h'],
  ...UTC_INTERVALS,
]);

/** The endpoint that has every bar there ever was, finished ones only; `candles` has those of late, more at a time. */
const HISTORY = { suffix: 'history-candles', most: 200 };
const LATE = { suffix: 'candles', most: 1_000 };

const MARK_INTERVAL: Interval = { name: '1m', length: MINUTE };

export function candleIntervals(market: Market): readonly string[] {
  return [...(market === 'spot' ? SPOT_NAMES : CONTRACT_NAMES).keys()];
}

/** How far back `candles` is used, less than it reaches: one month up to 5m, 52 days 15m, 62 30m, 83 1h, more beyond. */
function lateBegin({ length }: Interval, now: number): number {
  return now - (length < HOUR ? 28 : 60) * DAY;
}

/** Returns the pages of `candles` and `history-candles` that hold the query's bars, oldest first. */
export function candlePages(query: HistoryQuery, now: number): PageRequest[] {
  const interval = intervalNamed(query.interval);
  if (!interval) return [];
  return windowsOf(query, interval, now).map(({ window, kind }) => [barRequest(query, interval, window, kind)]);
}

/** The same windows once for mark and once for index prices. */
export function markPages(query: HistoryQuery, now: number): PageRequest[] {
  const windows = windowsOf(query, MARK_INTERVAL, now);
  return windows.map(({ window, kind }) => [
    barRequest(query, MARK_INTERVAL, window, kind, 'mark'),
    barRequest(query, MARK_INTERVAL, window, kind, 'index'),
  ]);
}

type Kind = typeof HISTORY;

function windowsOf(query: HistoryQuery, interval: Interval, now: number): { window: Span; kind: Kind }[] {
  const { from, until } = withBarAfter(query, interval.length, now);
  const late = Math.min(until, Math.max(from, lateBegin(interval, now)));
  const older = from < late ? barWindows({ from, until: late }, interval.length, HISTORY.most) : [];
  const newer = late < until ? barWindows({ from: older.at(-1)?.until ?? late, until }, interval.length, LATE.most) : [];
  return [...older.map((window) => ({ window, kind: HISTORY })), ...newer.map((window) => ({ window, kind: LATE }))];
}

/** Ends are aligned to the bars. History of spot takes no `startTime` and lists the bars before its end. */
function barRequest(
  { market, symbol }: HistoryQuery,
  { name, length }: Interval,
  window: Span,
  { suffix, most }: Kind,
  price?: 'mark' | 'index',
): HttpRequest {
  const times = { ...endsOf(window, length), limit: String(most) };
  if (market === 'spot') {
    const { startTime, ...end } = times;
    const granularity = SPOT_NAMES.get(name) as string;
    return {
      path: `/api/v2/spot/market/${suffix}`,
      query: { symbol, granularity, ...(suffix === HISTORY.suffix ? end : times) },
    };
  }
  const productType = productOfSymbol(symbol, market).instType;
  const query = { symbol, productType, granularity: CONTRACT_NAMES.get(name) as string, ...times };
  if (price === undefined) return { path: `/api/v2/mix/market/${suffix}`, query };
  if (suffix === HISTORY.suffix) return { path: `/api/v2/mix/market/history-${price}-candles`, query };
  return { path: `/api/v2/mix/market/${suffix}`, query: { ...query, kLineType: price.toUpperCase() } };
}

export function parseCandles(
  query: HistoryQuery,
  [request]: PageRequest,
  [body]: readonly string[],
  before: PageContext,
): HistoryPage {
  const asked = request as HttpRequest;
  const interval = intervalNamed(query.interval) as Interval;
  const { rows, time } = answerOf(body as string, describe(asked));
  const forming = formingBar(interval.length, time, before.now);
  const { items, rejected } = mapRows(rows, (row) => {
    const values = valuesOf(row, query.market);
    return values ? parseCandle(query.market, query.symbol, interval, values, (start) => start < forming) : noBar(row);
  });
  items.sort((a, b) => a.timestamp - b.timestamp);
  const records = items.filter(({ timestamp }) => timestamp >= query.from && timestamp < query.until);
  const [window, starts] = [windowOf(asked, interval), items.map(({ timestamp }) => timestamp)];
  requireWindow(window, starts, describe(asked));
  const { covered, rest } = barCoverage(window, starts, forming, before);
  return {
    records,
    rejected,
    covered: clippedTo(query, covered),
    next: rest && [withEnds(asked, rest, interval)],
    isEmpty: rows.length === 0,
    lackingSince: lackingSince(window, starts, forming, interval.length),
  };
}

/** Rows of spot carry the turnover in USDT before that in the quote coin, rows of contracts the latter alone. */
function valuesOf(row: unknown, market: Market): CandleValues | undefined {
  if (!Array.isArray(row)) return undefined;
  const [start, open, high, low, close, volume] = row;
  return { start, open, high, low, close, volume, turnover: row[market === 'spot' ? 7 : 6] };
}

function noBar(row: unknown): string {
  return unexpected('candle', 'row', 'a list', row);
}

/** Returns the window of a request; history of spot has only the end, and reaches as far back as its limit. */
function windowOf({ query }: HttpRequest, { length }: Interval): Span {
  const until = Number(query.endTime) * MS;
  if (query.startTime === undefined) return { from: until - Number(query.limit) * length, until };
  return { from: Number(query.startTime) * MS + length, until };
}

function endsOf(window: Span, length: number): { startTime: string; endTime: string } {
  const { from, until } = overlapped(window, length);
  return { startTime: String(from / MS), endTime: String(until / MS) };
}

function withEnds(request: HttpRequest, rest: Span, { length }: Interval): HttpRequest {
  const { startTime, endTime } = endsOf(rest, length);
  const ends = request.query.startTime === undefined ? { endTime } : { startTime, endTime };
  return { ...request, query: { ...request.query, ...ends } };
}

/** Maps a page of mark and index candles. */
export function parseMarks(query: HistoryQuery, page: PageRequest, bodies: readonly string[], before: PageContext): HistoryPage {
  const answers = page.map((request, at) => answerOf(bodies[at] as string, describe(request)));
  const { rest, ...read } = markBars('bitget', query, answers, windowOf(page[0] as HttpRequest, MARK_INTERVAL), before);
  return { ...read, next: rest && page.map((request) => withEnds(request, rest, MARK_INTERVAL)) };
}
