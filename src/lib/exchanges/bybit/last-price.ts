import { FailureError } from '../../model/errors.js';
import { excerpt } from '../../model/ndjson.js';
import { positive } from '../../model/numbers.js';
import type { Market } from '../../model/records.js';
import type { HttpRequest, LastPrice } from '../exchange.js';
import { isFields } from './fields.js';
import { parseResult } from './rest-answers.js';

/** Returns `GET /v5/market/tickers` for one symbol. */
export function lastPriceRequest(market: Market, symbol: string): HttpRequest {
  return { path: '/v5/market/tickers', query: { category: market, symbol } };
}

/** Maps `lastPrice`. Rows carry no time. */
export function parseLastPrice(request: HttpRequest, body: string): LastPrice {
  const { list } = parseResult(request, body, 'tickers');
  const row: unknown = Array.isArray(list) ? list[0] : undefined;
  const price = isFields(row) && row.symbol === request.query.symbol ? positive(row.lastPrice) : undefined;
  if (price === undefined)
    throw new FailureError(`bybit tickers: expected the lastPrice of ${request.query.symbol}, was ${excerpt(row)}`);
  return { price };
}
