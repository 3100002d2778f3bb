export const MARKETS = ['spot', 'linear', 'inverse'] as const;
export type Market = (typeof MARKETS)[number];

/** What trades. Prices and sizes are whole units of the last decimal. */
export type Listing = {
  readonly market: Market;
  readonly symbol: string;
  readonly base: string;
  readonly quote: string;
  readonly settle: string;
  readonly kind: 'spot' | 'perpetual' | 'future';
  readonly status: 'trading' | 'prelisting' | 'halted' | 'settling' | 'closed';
  readonly priceDecimals: number;
  /** Price step in units. */
  readonly tick: number;
  readonly sizeDecimals: number;
  /** True where sizes count the quote currency (Bybit inverse: dollars). */
  readonly countsQuote: boolean;
  /** Least size and size step, in units. */
  readonly lot: number;
  /** Price, in units, around which the synthetic market moves. */
  readonly anchor: number;
  readonly fundingHours: number;
  readonly maxLeverage: number;
  /** Milliseconds. */
  readonly launched: number;
  readonly expires?: number | undefined;
  /** What is known at a time (ms), in units and millionths, where it was recorded; else it is made up. */
  readonly recorded?: Readonly<Record<'mark' | 'index' | 'openInterest' | 'rate', (at: number) => number>> | undefined;
};

/** The least that says what to list; the rest follows. */
export type NewListing = Pick<Listing, 'market' | 'symbol' | 'base' | 'quote'> & Partial<Listing>;

type Coin = readonly [name: string, price: number, priceDecimals: number, sizeDecimals: number];

const COINS: readonly Coin[] = [
  ['BTC', 83_700, 1, 3],
  ['ETH', 3_100, 2, 2],
  ['SOL', 190.5, 2, 1],
  ['XRP', 2.4, 4, 1],
  ['DOGE', 0.18, 5, 0],
  ['ADA', 0.71, 4, 0],
  ['LINK', 18.4, 3, 1],
  ['AVAX', 27.9, 3, 1],
  ['LTC', 96.1, 2, 1],
  ['1000000MOG', 0.62, 5, 0],
  ['UNI', 9.96, 3, 0],
  ['PEPE', 0.00000914, 10, 0],
];

const LAUNCHED = Date.UTC(2024, 0, 1);

/** Returns a whole listing; what is not given is that of a small perpetual (spot: pair) launched in 2024. */
export function listingOf(given: NewListing): Listing {
  const priceDecimals = given.priceDecimals ?? 4;
  return {
    settle: given.market === 'inverse' ? given.base : given.quote,
    kind: given.market === 'spot' ? 'spot' : 'perpetual',
    status: 'trading',
    priceDecimals,
    tick: 1,
    sizeDecimals: 1,
    countsQuote: false,
    lot: 1,
    anchor: 2 * 10 ** priceDecimals,
    fundingHours: 8,
    maxLeverage: 50,
    launched: LAUNCHED,
    ...given,
  };
}

/** Returns `count` trading USDT pairs or perpetuals (inverse: USD), real names first, then `T012USDT`. */
export function universe(market: Market, count: number): Listing[] {
  return Array.from({ length: count }, (_, index) => {
    const [base, price, priceDecimals, sizeDecimals] = coin(index);
    const quote = market === 'inverse' ? 'USD' : 'USDT';
    return listingOf({
      market,
      symbol: base + quote,
      base,
      quote,
      priceDecimals,
      sizeDecimals,
      tick: index === 7 ? 5 : 1,
      anchor: Math.round(price * 10 ** priceDecimals),
      fundingHours: index % 3 === 2 ? 4 : 8,
    });
  });
}

function coin(index: number): Coin {
  const known = COINS[index];
  return known ?? [`T${String(index).padStart(3, '0')}`, 0.05 * (1 + (index % 97)), 4, index % 3];
}
