import { FailureError } from '../../model/errors.js';
import { compareLongs } from '../../model/numbers.js';
import type { Trade } from '../../model/records.js';
import type { Span } from '../../model/span.js';
import { DAY, floorToSecond, HOUR, MINUTE, MICROSECONDS_PER_MILLISECOND as MS, SECOND } from '../../model/time.js';
import type { HttpRequest } from '../exchange.js';
import type { HistoryPage, HistoryQuery, PageContext, PageRequest, Reach } from '../history.js';
import { type NewestFirst, newestFirstPage } from '../newest-first.js';
import { isFields, type Mapped, mapRows, unexpected } from './fields.js';
import { productOfSymbol } from './names.js';
import { answerOf, describe } from './rest-answers.js';
import { parseTrade, sortTrades } from './trade-rows.js';

/** What is about to become too old is not asked for: the exchange would refuse the whole window. */
const KEPT = 90 * DAY - 5 * MINUTE;
const WINDOW = 7 * DAY;
/** Up to here the newest trades may reach, whose times are milliseconds. */
const RECENT = HOUR;
const PAGE = '1000';

export function tradeReach(now: number): Reach {
  const note =
    'Bitget serves trades of the last 90 days, their times in whole seconds; older ones are files at bitget.com/data-download';
  return { kind: 'since', from: now - KEPT, note };
}

/**
 * Returns the first page of trades: of `fills` (the newest 100, on spot 500, times in milliseconds) where the query reaches
 * up to now, else of `fills-history` (whole seconds). Both are newest first.
 *
 * `fills-history` lags behind `fills`. If it were asked for what is older than the last row of `fills`, the trades that it
 * does not have yet would be missing between the two, and nothing would show it. So it starts a chain of its own from
 * the newest trade on: only where both lists share a trade they follow each other without a gap.
 */
export function tradePages(query: HistoryQuery, now: number): PageRequest[] {
  const from = Math.max(query.from, now - KEPT);
  if (from >= query.until) return [];
  if (query.until <= now - RECENT) return [[olderPage(query, query.until, now)]];
  return [[buildRequest(query, 'fills', { limit: query.market === 'spot' ? '500' : '100' })]];
}

/** Returns how many pages follow the first: of every window one with trades, and an empty one. */
export function furtherTradePages({ from, until }: HistoryQuery, now: number): number {
  return Math.max(0, 2 * Math.ceil((until - Math.max(from, now - KEPT)) / WINDOW) - 1);
}

/** Maps a page of either. Its own time says up to when a chain is complete. */
export function parseTrades(
  query: HistoryQuery,
  [request]: PageRequest,
  [body]: readonly string[],
  before: PageContext,
): HistoryPage {
  const asked = request as HttpRequest;
  const { rows, time } = answerOf(body as string, describe(asked));
  const { items, rejected } = mapRows(rows, (row) => parseFill(query, row));
  const trades = sortTrades(items);
  const isHistory = asked.path.endsWith('fills-history');
  const step = isHistory ? olderThan(query, asked, { items: trades, rejected }, before) : beyond(query, trades, before);
  const isInQuery = (timestamp: number) => isInside(query, timestamp, isHistory);
  const until = isHistory && isRecent(asked, before) ? (trades.at(-1)?.timestamp ?? 0) : time;
  const startsChain = !isHistory && step.next !== undefined;
  return newestFirstPage(query, { items: trades, rejected, time: until, ...step, startsChain, isInside: isInQuery }, before);
}

/** Whether the window of a request reaches into the time for which `fills-history` may lag behind. */
function isRecent({ query }: HttpRequest, { now }: PageContext): boolean {
  return Number(query.endTime) * MS > now - RECENT;
}

/** Trades of whole seconds are kept where their second touches the query. */
function isInside({ from, until }: Span, timestamp: number, isSecond: boolean): boolean {
  return timestamp < until && (isSecond ? timestamp + SECOND > from : timestamp >= from);
}

function parseFill({ market, symbol }: HistoryQuery, row: unknown): Trade | string {
  if (!isFields(row)) return unexpected('trade', 'row', 'an object', row);
  if (row.symbol !== undefined && row.symbol !== symbol) return unexpected('trade', 'symbol', symbol, row.symbol);
  // `fills-history` says Buy and Sell, `fills` buy and sell.
  const side = typeof row.side === 'string' ? row.side.toLowerCase() : row.side;
  return parseTrade(market, symbol, undefined, row.ts, row.price, row.size, side, row.tradeId);
}

type Step = Pick<NewestFirst, 'completeSince' | 'next'>;

/** The list may end within the oldest trade's millisecond; what is older is in `fills-history`. */
function beyond(query: HistoryQuery, [oldest]: readonly Trade[], { now }: PageContext): Step {
  if (oldest === undefined) return { completeSince: undefined, next: olderPage(query, query.until, now) };
  if (oldest.timestamp < query.from) return { completeSince: query.from, next: undefined };
  return { completeSince: oldest.timestamp + MS, next: olderPage(query, query.until, now) };
}

/** Continues below the smallest id. Only an empty page ends a window: a short one proves nothing. */
function olderThan(query: HistoryQuery, request: HttpRequest, { items, rejected }: Mapped<Trade>, { now }: PageContext): Step {
  const start = Number(request.query.startTime) * MS;
  const oldest = items.reduce<Trade | undefined>(
    (least, trade) => (least && isBelow(least.id, trade.id) ? least : trade),
    undefined,
  );
  if (oldest === undefined) {
    if (rejected.length > 0) return { completeSince: undefined, next: undefined };
    const isLast = start <= Math.max(query.from, now - KEPT);
    return { completeSince: start, next: isLast ? undefined : olderPage(query, start + SECOND, now) };
  }
  const { idLessThan } = request.query;
  if (idLessThan !== undefined && !isBelow(oldest.id, idLessThan))
    throw new FailureError(`${describe(request)}: expected trades below ${idLessThan}, was ${oldest.id}`);
  const next = { ...request, query: { ...request.query, idLessThan: oldest.id } };
  return { completeSince: oldest.timestamp + SECOND, next };
}

function isBelow(id: string, other: string): boolean {
  return compareLongs(id, other) < 0;
}

/**
 * Both ends are whole seconds, as the times are. An exchange that excludes the start of a range would never return a trade of
 * that very moment, so each window begins a second early and ends a second into the one after it.
 */
function olderPage(query: HistoryQuery, until: number, now: number): HttpRequest {
  const end = Math.ceil(until / SECOND) * SECOND;
  const start = floorToSecond(Math.max(query.from - SECOND, end - WINDOW, now - KEPT));
  const times = { startTime: String(start / MS), endTime: String(end / MS) };
  return buildRequest(query, 'fills-history', { limit: PAGE, ...times });
}

function buildRequest({ market, symbol }: HistoryQuery, name: string, parameters: Readonly<Record<string, string>>): HttpRequest {
  if (market === 'spot') return { path: `/api/v2/spot/market/${name}`, query: { symbol, ...parameters } };
  const productType = productOfSymbol(symbol, market).instType;
  return { path: `/api/v2/mix/market/${name}`, query: { symbol, productType, ...parameters } };
}
