import { long, positive } from '../../model/numbers.js';
import { compareTrades } from '../../model/order.js';
import type { Market, Trade } from '../../model/records.js';
import { fromMilliseconds, MICROSECONDS_PER_MILLISECOND as MS } from '../../model/time.js';
import type { HttpRequest } from '../exchange.js';
import type { HistoryPage, HistoryQuery, PageContext, PageRequest, Reach } from '../history.js';
import { newestFirstPage } from '../newest-first.js';
import { type Fields, filled, isFields } from './fields.js';
import { parseRows } from './history-rows.js';
import { answerOf } from './rest-answers.js';
import { buildTrade, parseSide } from './rows.js';

function newest(market: Market): number {
  return market === 'spot' ? 60 : 1_000;
}

export function tradeReach(market: Market): Reach {
  const note = `Bybit serves only the newest ${newest(market)} trades; older ones are daily files at public.bybit.com`;
  return { kind: 'newest', records: newest(market), note };
}

/** Returns the only page of the endpoint. */
export function tradePages({ market, symbol }: HistoryQuery): PageRequest[] {
  return [[{ path: '/v5/market/recent-trade', query: { category: market, symbol, limit: String(newest(market)) } }]];
}

/** Maps `recent-trade`: the newest trades, newest first. */
export function parseTrades(
  query: HistoryQuery,
  [request]: PageRequest,
  [body]: readonly string[],
  before: PageContext,
): HistoryPage {
  const { result, time } = answerOf(request as HttpRequest, body as string, 'recent trades');
  const { items, rejected } = parseRows(result, 'recent trades', (row) => parseTrade(query, row));
  items.sort(compareTrades);
  const oldest = items[0]?.timestamp;
  // Other trades of the oldest millisecond may have been cut off.
  const completeSince = oldest === undefined || oldest < query.from ? oldest : oldest + MS;
  const isExhausted = items.length + rejected.length >= newest(query.market);
  return newestFirstPage(query, { items, rejected, time, completeSince, next: undefined, isExhausted }, before);
}

/** The names differ from those of `publicTrade`; times are milliseconds, sides Buy and Sell. */
function parseTrade({ market, symbol }: HistoryQuery, row: unknown): Trade | string {
  const { execId, symbol: named, price, size, side, time, seq }: Fields = isFields(row) ? row : {};
  const id = filled(execId);
  const timestamp = fromMilliseconds(time);
  const value = positive(price);
  const amount = positive(size);
  const taker = parseSide(side);
  if (named !== symbol) return 'recent-trade: expected the symbol that was asked for';
  if (id === undefined) return 'recent-trade: expected an id in execId';
  if (timestamp === undefined) return 'recent-trade: expected milliseconds in time';
  if (value === undefined) return 'recent-trade: expected a price above 0 in price';
  if (amount === undefined) return 'recent-trade: expected an amount above 0 in size';
  if (taker === undefined) return 'recent-trade: expected Buy or Sell in side';
  return buildTrade(market, symbol, timestamp, id, value, amount, taker, long(seq));
}
