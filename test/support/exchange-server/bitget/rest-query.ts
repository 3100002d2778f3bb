import { type RestCall, RestRefusal } from '../engine/rest.js';
import type { SymbolMarket } from '../market/symbol-market.js';
import { MARKET_OF, type Product, productNamed, productOf } from './products.js';

/** Returns the refusal of a request that no correct client sends. */
export function badParameter(message = 'Parameter verification failed'): RestRefusal {
  return new RestRefusal(400, '400172', message, true);
}

/** Returns the product line that a call is about: fixed by the path, else `productType` (v2) or `category` (v3). */
export function productFor({ path, query }: RestCall): Product {
  if (path.includes('/spot/')) return 'SPOT';
  const product = productNamed(query.get(path.startsWith('/api/v3/') ? 'category' : 'productType'));
  if (!product) throw badParameter();
  return product;
}

/** Returns the listed symbols of the call's product line, only `symbol` where it says one. */
export function symbolsFor(call: RestCall): SymbolMarket[] {
  const product = productFor(call);
  if (call.query.has('symbol')) return [symbolFor(call)];
  return call.venue.market.symbols.filter(({ listing }) => productOf(listing) === product && listing.status !== 'closed');
}

/** Returns the symbol that the call must name. */
export function symbolFor(call: RestCall): SymbolMarket {
  const product = productFor(call);
  const name = call.query.get('symbol');
  if (!name) throw badParameter();
  const found = call.venue.market.find(MARKET_OF[product], name);
  if (!found || productOf(found.listing) !== product) throw new RestRefusal(400, '40034', `Parameter ${name} does not exist`);
  return found;
}

/** Returns a whole number of the query, `fallback` where it is absent; refuses others, and what lies above `most`. */
export function numberFor({ query }: RestCall, name: string, fallback: number, most = Number.POSITIVE_INFINITY): number {
  const text = query.get(name);
  if (text === null || text === '') return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > most) throw badParameter(`${name} is not valid: ${text}`);
  return value;
}
