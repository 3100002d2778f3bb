import { type Listing, listingOf, type Market, universe } from '../market/listing.js';

/** Inverse contracts count dollars, whole ones. */
const INVERSE = { sizeDecimals: 0, countsQuote: true } as const;

export function universeOf(market: Market, count: number): Listing[] {
  const listings = universe(market, count);
  return market === 'inverse' ? listings.map((listing) => ({ ...listing, ...INVERSE })) : listings;
}

/** Returns what a filter for trading USDT perpetuals must leave out. */
export function strangers(now: number): Listing[] {
  const linear = { market: 'linear', quote: 'USDT' } as const;
  return [
    listingOf({ market: 'linear', symbol: 'BTCPERP', base: 'BTC', quote: 'USDC', priceDecimals: 1, anchor: 837_000 }),
    listingOf({
      ...linear,
      symbol: 'BTCUSDT-26MAR27',
      base: 'BTC',
      kind: 'future',
      priceDecimals: 1,
      anchor: 841_000,
      expires: Date.UTC(2027, 2, 26, 8),
    }),
    listingOf({ ...linear, symbol: 'SOONUSDT', base: 'SOON', status: 'prelisting', launched: now + 86_400_000 }),
    listingOf({ ...linear, symbol: 'ENDSUSDT', base: 'ENDS', status: 'settling' }),
    listingOf({ market: 'spot', symbol: 'ETHBTC', base: 'ETH', quote: 'BTC', priceDecimals: 6, anchor: 37_000 }),
  ];
}

/** Returns a symbol that a tape has, told by its quote currency. */
export function recordedListing(market: Market, symbol: string): Listing | undefined {
  const [, base, quote] = /^([A-Z0-9]+?)(USDT|USDC|PERP|USD|BTC)$/.exec(symbol) ?? [];
  if (base === undefined || quote === undefined) return undefined;
  const inverse = market === 'inverse' ? INVERSE : {};
  return listingOf({ market, symbol, base, quote: quote === 'PERP' ? 'USDC' : quote, priceDecimals: 6, ...inverse });
}
