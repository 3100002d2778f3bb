import { type RestCall, RestRefusal } from '../engine/rest.js';
import { MARKETS, type Market } from '../market/listing.js';
import type { SymbolMarket } from '../market/symbol-market.js';

/** Returns the refusal of a parameter: 10001 in a body with HTTP 200. */
export function badParameter(message: string, isClientFault = true): RestRefusal {
  return new RestRefusal(200, '10001', message, isClientFault);
}

export function marketFor({ query }: RestCall, fallback?: Market): Market {
  const market = MARKETS.find((name) => name === (query.get('category') ?? fallback));
  if (!market) throw badParameter('params error: Category is invalid');
  return market;
}

/** Returns the listed symbol that the call must name. */
export function symbolFor(call: RestCall, fallback?: Market): SymbolMarket {
  const name = call.query.get('symbol');
  if (!name) throw badParameter('params error: symbol is required');
  const found = call.venue.market.find(marketFor(call, fallback), name);
  if (!found) throw badParameter('params error: symbol invalid', false);
  return found;
}

/** Returns a whole number of the query, `fallback` where it is absent; refuses others, and what lies above `most`. */
export function numberFor({ query }: RestCall, name: string, fallback: number, most = Number.POSITIVE_INFINITY): number {
  const text = query.get(name);
  if (text === null || text === '') return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > most) throw badParameter(`params error: ${name} is invalid`);
  return value;
}

/** One page of rows, and the cursor of the next: percent-encoded text, to be encoded once more as a value. */
export function pageOf<Row>(call: RestCall, rows: readonly Row[], size: number): { list: Row[]; nextPageCursor: string } {
  const first = offsetOf(call);
  const next = first + size;
  const cursor = next < rows.length ? encodeURIComponent(`first=${first}&last=${next}`) : '';
  return { list: rows.slice(first, next), nextPageCursor: cursor };
}

function offsetOf({ query }: RestCall): number {
  const cursor = query.get('cursor');
  if (!cursor) return 0;
  const offset = /%/.test(cursor) ? new URLSearchParams(decodeURIComponent(cursor)).get('last') : null;
  if (!offset || !/^\d+$/.test(offset)) throw badParameter('params error: cursor is invalid');
  return Number(offset);
}
