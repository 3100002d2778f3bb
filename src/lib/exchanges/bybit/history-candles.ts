import { bucketStart, parseInterval } from '../../model/interval.js';
import type { Candle } from '../../model/records.js';
import type { Span } from '../../model/span.js';
import { fromMilliseconds, MINUTE, MICROSECONDS_PER_MILLISECOND as MS } from '../../model/time.js';
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
import { parseList, parseRows } from './history-rows.js';
import { intervalTo } from './intervals.js';
import { answerOf } from './rest-answers.js';
import { parseCandle } from './rows.js';

const MOST = 1_000;
const KLINE = '/v5/market/kline';
const PRICES = ['/v5/market/mark-price-kline', '/v5/market/index-price-kline'] as const;

/** Returns the pages of `kline`, oldest first. */
export function candlePages(query: HistoryQuery, now: number): PageRequest[] {
  const interval = intervalTo(query.interval ?? '');
  if (interval === undefined) return [];
  const size = sizeOf(query);
  return barWindows(withBarAfter(query, size, now), size, MOST).map((window) => [
    barRequest(KLINE, query, interval, window, size),
  ]);
}

/** Returns the same of mark and index prices, minute by minute. */
export function markPages(query: HistoryQuery, now: number): PageRequest[] {
  return barWindows(withBarAfter(query, MINUTE, now), MINUTE, MOST).map((window) =>
    PRICES.map((path) => barRequest(path, query, '1', window, MINUTE)),
  );
}

/** Both ends count, by the beginning of the bar. */
function barRequest(path: string, { market, symbol }: HistoryQuery, interval: string, window: Span, size: number): HttpRequest {
  return { path, query: { category: market, symbol, interval, ...endsOf(window, size), limit: String(MOST) } };
}

function endsOf(window: Span, size: number): { start: string; end: string } {
  const { from, until } = overlapped(window, size);
  return { start: String(from / MS), end: String(until / MS - 1) };
}

function windowOf({ query }: HttpRequest, size: number): Span {
  return { from: Number(query.start) * MS + size, until: (Number(query.end) + 1) * MS };
}

function sizeOf({ interval }: HistoryQuery): number {
  return parseInterval(interval as string).size;
}

/** Maps rows `[start, open, high, low, close, volume, turnover]`, newest first, the open bar among them. */
export function parseCandles(
  query: HistoryQuery,
  [request]: PageRequest,
  [body]: readonly string[],
  before: PageContext,
): HistoryPage {
  const asked = request as HttpRequest;
  const { result, time } = answerOf(asked, body as string, 'candles');
  const size = sizeOf(query);
  const forming = formingBar(size, time, before.now);
  const { items, rejected } = parseRows(result, 'candles', (row) => parseBar(query, size, forming, row));
  items.sort((a, b) => a.timestamp - b.timestamp);
  const records = items.filter(({ timestamp }) => timestamp >= query.from && timestamp < query.until);
  const [window, starts] = [windowOf(asked, size), items.map(({ timestamp }) => timestamp)];
  requireWindow(window, starts, `bybit ${asked.path}`);
  const { covered, rest } = barCoverage(window, starts, forming, before);
  const isEmpty = items.length + rejected.length === 0;
  return {
    records,
    rejected,
    covered: clippedTo(query, covered),
    next: rest && [withEnds(asked, rest, size)],
    isEmpty,
    lackingSince: lackingSince(window, starts, forming, size),
  };
}

function withEnds(request: HttpRequest, window: Span, size: number): HttpRequest {
  return { ...request, query: { ...request.query, ...endsOf(window, size) } };
}

function parseBar({ market, symbol, interval }: HistoryQuery, size: number, forming: number, row: unknown): Candle | string {
  if (!Array.isArray(row)) return 'kline: expected a list';
  const [start, open, high, low, close, volume, turnover] = row;
  const begin = fromMilliseconds(start);
  const confirm = begin !== undefined && begin < forming;
  if (begin !== undefined && bucketStart(size, begin) !== begin)
    return 'kline: expected start to be the beginning of a bar in UTC';
  return parseCandle({ start, open, high, low, close, volume, turnover, confirm }, market, symbol, interval as string);
}

/** Maps a page of mark and index price klines. */
export function parseMarks(query: HistoryQuery, page: PageRequest, bodies: readonly string[], before: PageContext): HistoryPage {
  const answers = page.map((request, at) => {
    const { result, time } = answerOf(request, bodies[at] as string, 'mark and index prices');
    return { rows: parseList(result, 'mark and index prices'), time };
  });
  const { rest, ...read } = markBars('bybit', query, answers, windowOf(page[0] as HttpRequest, MINUTE), before);
  return { ...read, next: rest && page.map((request) => withEnds(request, rest, MINUTE)) };
}
