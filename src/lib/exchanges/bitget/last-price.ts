import { FailureError } from '../../model/errors.js';
import { excerpt } from '../../model/ndjson.js';
import { positive } from '../../model/numbers.js';
import type { Market } from '../../model/records.js';
import { fromMilliseconds } from '../../model/time.js';
import type { HttpRequest, LastPrice } from '../exchange.js';
import { isFields } from './fields.js';
import { productOfSymbol } from './names.js';
import { describe, parseRows } from './rest-answers.js';

/** Returns the ticker request of one symbol; both answer with a list of one row. */
export function lastPriceRequest(market: Market, symbol: string): HttpRequest {
  if (market === 'spot') return { path: '/api/v2/spot/market/tickers', query: { symbol } };
  return { path: '/api/v2/mix/market/ticker', query: { symbol, productType: productOfSymbol(symbol, market).instType } };
}

/** Maps `lastPr` and `ts`. */
export function parseLastPrice(request: HttpRequest, body: string): LastPrice {
  const what = describe(request);
  const [row] = parseRows(body, what);
  const price = isFields(row) && row.symbol === request.query.symbol ? positive(row.lastPr) : undefined;
  if (price === undefined) throw new FailureError(`${what}: expected the lastPr of ${request.query.symbol}, was ${excerpt(row)}`);
  return { price, timestamp: fromMilliseconds(isFields(row) ? row.ts : undefined) };
}
