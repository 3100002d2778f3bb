import { type Listing, listingOf, type Market } from '../market/listing.js';

export const PRODUCTS = ['SPOT', 'USDT-FUTURES', 'USDC-FUTURES', 'COIN-FUTURES'] as const;
export type Product = (typeof PRODUCTS)[number];

export const MARKET_OF: Readonly<Record<Product, Market>> = {
  SPOT: 'spot',
  'USDT-FUTURES': 'linear',
  'USDC-FUTURES': 'linear',
  'COIN-FUTURES': 'inverse',
};

/** Returns the product line of a listing. */
export function productOf({ market, quote }: Listing): Product {
  if (market === 'spot') return 'SPOT';
  if (market === 'inverse') return 'COIN-FUTURES';
  return quote === 'USDC' ? 'USDC-FUTURES' : 'USDT-FUTURES';
}

/** Returns the product line of `instType`, `productType` or `category`, which may be lower-case. */
export function productNamed(name: unknown): Product | undefined {
  return PRODUCTS.find((product) => product === String(name).toUpperCase());
}

/** Returns what a filter for trading USDT perpetuals must leave out. */
export function strangers(now: number): Listing[] {
  const linear = { market: 'linear', quote: 'USDT' } as const;
  return [
    listingOf({ market: 'linear', symbol: 'BTCPERP', base: 'BTC', quote: 'USDC', anchor: 837_000_000 }),
    listingOf({ ...linear, symbol: 'HALTUSDT', base: 'HALT', status: 'halted' }),
    listingOf({ ...linear, symbol: 'ENDSUSDT', base: 'ENDS', status: 'settling' }),
    listingOf({ ...linear, symbol: 'SOONUSDT', base: 'SOON', status: 'prelisting', launched: now + 86_400_000 }),
    listingOf({
      market: 'inverse',
      symbol: 'BTCUSDH27',
      base: 'BTC',
      quote: 'USD',
      kind: 'future',
      anchor: 838_000_000,
      expires: Date.UTC(2027, 2, 26, 8),
    }),
    listingOf({ market: 'spot', symbol: 'ETHBTC', base: 'ETH', quote: 'BTC', priceDecimals: 6, anchor: 37_000 }),
  ];
}

/** Returns a symbol that a tape has, told by its quote currency. */
export function recordedListing(market: Market, symbol: string): Listing | undefined {
  const [, base, quote] = /^([A-Z0-9]+?)(USDT|USDC|PERP|USD)$/.exec(symbol) ?? [];
  if (base === undefined || quote === undefined) return undefined;
  return listingOf({ market, symbol, base, quote: quote === 'PERP' ? 'USDC' : quote, priceDecimals: 6, sizeDecimals: 4 });
}
