import { FailureError } from '../../model/errors.js';
import { excerpt } from '../../model/ndjson.js';
import { finite } from '../../model/numbers.js';
import type { Funding, OpenInterest } from '../../model/records.js';
import type { Span } from '../../model/span.js';
import { fromMilliseconds, MICROSECONDS_PER_MILLISECOND as MS } from '../../model/time.js';
import type { HttpRequest } from '../exchange.js';
import type { HistoryPage, HistoryQuery, PageContext, PageRequest } from '../history.js';
import { newestFirstPage, oldestOf } from '../newest-first.js';
import { type Fields, filled, isFields } from './fields.js';
import { parseRows } from './history-rows.js';
import { answerOf } from './rest-answers.js';

const LIMIT = '200';

/** The smallest interval of open interest. */
const OPEN_INTEREST_INTERVAL = '5min';

/** A start without an end is refused; both ends count. */
function times({ from, until }: Span): { startTime: string; endTime: string } {
  return { startTime: String(Math.ceil(from / MS)), endTime: String(Math.ceil(until / MS) - 1) };
}

export function fundingPages(query: HistoryQuery): PageRequest[] {
  const { market, symbol } = query;
  return [[{ path: '/v5/market/funding/history', query: { category: market, symbol, ...times(query), limit: LIMIT } }]];
}

export function openInterestPages(query: HistoryQuery): PageRequest[] {
  const { market, symbol } = query;
  const parameters = { category: market, symbol, intervalTime: OPEN_INTEREST_INTERVAL, ...times(query), limit: LIMIT };
  return [[{ path: '/v5/market/open-interest', query: parameters }]];
}

/** Maps rates that were paid, newest first. The endpoint has no cursor: the next page ends before the oldest row, the last is empty. */
export function parseFundings(
  query: HistoryQuery,
  [request]: PageRequest,
  [body]: readonly string[],
  before: PageContext,
): HistoryPage {
  const asked = request as HttpRequest;
  const { result, time } = answerOf(asked, body as string, 'funding rates');
  const { items, rejected } = parseRows(result, 'funding rates', (row) => parseFunding(query, row));
  const oldest = oldestOf(items);
  const isLast = oldest === undefined || oldest <= query.from;
  const endTime = oldest === undefined ? '' : String(oldest / MS - 1);
  if (!isLast && Number(endTime) >= Number(asked.query.endTime))
    throw new FailureError(`bybit funding rates: expected none after ${asked.query.endTime}, was ${oldest / MS}`);
  const next = isLast ? undefined : { ...asked, query: { ...asked.query, endTime } };
  return newestFirstPage(query, { items, rejected, time, completeSince: oldest ?? query.from, next }, before);
}

/** Maps open interest, newest first, page by page by its cursor, which is encoded once as any value. */
export function parseOpenInterest(
  query: HistoryQuery,
  [request]: PageRequest,
  [body]: readonly string[],
  before: PageContext,
): HistoryPage {
  const asked = request as HttpRequest;
  const { result, time } = answerOf(asked, body as string, 'open interest');
  const { items, rejected } = parseRows(result, 'open interest', (row) => parseOpenInterestRow(query, row));
  const cursor = filled(result.nextPageCursor);
  if (cursor !== undefined && cursor === asked.query.cursor)
    throw new FailureError(`bybit open interest: the cursor ${excerpt(cursor)} leads to itself`);
  // A list that ends before its first record is no proof that there are none.
  const completeSince = oldestOf(items);
  const next = cursor === undefined ? undefined : { ...asked, query: { ...asked.query, cursor } };
  const isShort = items.length + rejected.length < Number(LIMIT);
  return { ...newestFirstPage(query, { items, rejected, time, completeSince, next }, before), isShort };
}

function parseFunding({ market, symbol }: HistoryQuery, row: unknown): Funding | string {
  const { symbol: named, fundingRate, fundingRateTimestamp }: Fields = isFields(row) ? row : {};
  const timestamp = fromMilliseconds(fundingRateTimestamp);
  const rate = finite(fundingRate);
  if (named !== symbol) return 'funding/history: expected the symbol that was asked for';
  if (timestamp === undefined) return 'funding/history: expected milliseconds in fundingRateTimestamp';
  if (rate === undefined) return 'funding/history: expected a number in fundingRate';
  return { type: 'funding', exchange: 'bybit', market, symbol, timestamp, rate, settled: true };
}

/** `openInterest` counts both sides, `singleOpenInterest` (since 2026-06) one. */
function parseOpenInterestRow({ market, symbol }: HistoryQuery, row: unknown): OpenInterest | string {
  const { openInterest, singleOpenInterest, timestamp: time }: Fields = isFields(row) ? row : {};
  const timestamp = fromMilliseconds(time);
  const amountBothSides = parseAmount(openInterest);
  if (timestamp === undefined) return 'open-interest: expected milliseconds in timestamp';
  if (amountBothSides === undefined) return 'open-interest: expected a number of 0 or more in openInterest';
  return {
    type: 'open_interest',
    exchange: 'bybit',
    market,
    symbol,
    timestamp,
    amount: parseAmount(singleOpenInterest),
    amountBothSides,
  };
}

function parseAmount(value: unknown): number | undefined {
  const amount = finite(value);
  return amount !== undefined && amount >= 0 ? amount : undefined;
}
