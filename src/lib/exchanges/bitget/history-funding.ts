import { FailureError } from '../../model/errors.js';
import { finite } from '../../model/numbers.js';
import type { Funding } from '../../model/records.js';
import { fromMilliseconds } from '../../model/time.js';
import type { HttpRequest } from '../exchange.js';
import type { HistoryPage, HistoryQuery, PageContext, PageRequest } from '../history.js';
import { newestFirstPage, oldestOf } from '../newest-first.js';
import { isFields, mapRows, unexpected } from './fields.js';
import { productOfSymbol } from './names.js';
import { answerOf, describe } from './rest-answers.js';

const PAGE = 100;

/** More than twenty years of hourly payments: an exchange that ignored the number would be asked for ever. */
const MOST_PAGES = 2_000;

/** Returns the first page of `history-fund-rate`, which has no times to ask by: newest first, page by page. */
export function fundingPages({ market, symbol }: HistoryQuery): PageRequest[] {
  const productType = productOfSymbol(symbol, market).instType;
  return [
    [{ path: '/api/v2/mix/market/history-fund-rate', query: { symbol, productType, pageSize: String(PAGE), pageNo: '1' } }],
  ];
}

/**
 * Maps a page of rates that were paid. A payment between two pages shifts the rows by one and repeats one. The last page
 * is an empty one.
 */
export function parseFundings(
  query: HistoryQuery,
  [request]: PageRequest,
  [body]: readonly string[],
  before: PageContext,
): HistoryPage {
  const asked = request as HttpRequest;
  const { rows, time } = answerOf(body as string, describe(asked));
  const { items, rejected } = mapRows(rows, (row) => parseFunding(query, row));
  const oldest = oldestOf(items);
  const completeSince = rows.length === 0 ? query.from : oldest;
  const next = oldest !== undefined && oldest > query.from ? pageAfter(asked) : undefined;
  const page = newestFirstPage(query, { items, rejected, time, completeSince, next }, before);
  return { ...page, isShort: rows.length < PAGE };
}

function pageAfter(request: HttpRequest): HttpRequest {
  const pageNo = Number(request.query.pageNo) + 1;
  if (pageNo > MOST_PAGES) throw new FailureError(`${describe(request)}: expected the last page long before`);
  return { ...request, query: { ...request.query, pageNo: String(pageNo) } };
}

function parseFunding({ market, symbol }: HistoryQuery, row: unknown): Funding | string {
  if (!isFields(row)) return unexpected('funding', 'row', 'an object', row);
  if (row.symbol !== symbol) return unexpected('funding', 'symbol', symbol, row.symbol);
  const timestamp = fromMilliseconds(row.fundingTime);
  if (timestamp === undefined) return unexpected('funding', 'fundingTime', 'milliseconds', row.fundingTime);
  const rate = finite(row.fundingRate);
  if (rate === undefined) return unexpected('funding', 'fundingRate', 'a number', row.fundingRate);
  return { type: 'funding', exchange: 'bitget', market, symbol, timestamp, rate, settled: true };
}
