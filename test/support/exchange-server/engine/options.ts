import type { SyntheticRecord } from '../../synthetic-market.js';
import type { Listing, Market, NewListing } from '../market/listing.js';
import { SyntheticMarket } from '../market/market.js';
import type { Exchange } from './exchange.js';
import type { Limits } from './rules.js';

export type ServerOptions = {
  readonly seed?: number;
  /** How many symbols trade per market; 5 linear, 3 spot, 2 inverse unless said. `{}` for none. */
  readonly symbols?: Partial<Record<Market, number>>;
  /** Adds listings that a universe filter must leave out. Default true. */
  readonly strangers?: boolean;
  /** Further listings. */
  readonly listings?: readonly NewListing[];
  /** Events per second of market time, over all symbols. Default 0: nothing happens but what the test does. */
  readonly rate?: number;
  /** Shares of events that are not trades: 0.25 book, 0.1 ticker, 0.001 liquidation unless said. */
  readonly mix?: { readonly book?: number; readonly ticker?: number; readonly liquidation?: number };
  /** Trades from before the start: so many, evenly over so many milliseconds, symbol after symbol. */
  readonly history?: { readonly trades: number; readonly duration: number };
  /** `live` follows the wall clock; `manual` stands still until `advance`. Default live. */
  readonly clock?: 'live' | 'manual';
  /** Exchange time at the start, ms. Default now; 2026-11-20 12:00 UTC when manual. */
  readonly start?: number;
  /** Rule seconds per real second: 100 makes two minutes without ping 1.2 s. Default 1. */
  readonly timeScale?: number;
  /** Rules other than the exchange's. */
  readonly limits?: Partial<Limits>;
  /** Keep every book state for `book` and `books`. Default true; a soak switches it off. */
  readonly keepBooks?: boolean;
  /** A generated market of one perpetual to play from `start` on, and to serve as history before. */
  readonly recording?: { readonly records: Iterable<SyntheticRecord>; readonly speed?: number };
  /** A tape to play instead of a synthetic market, beginning `delay` ms (1000) after the first subscription. */
  readonly tape?: { readonly path: string; readonly speed?: number; readonly delay?: number };
};

/** Returns the market that the options describe at `now`; `recorded` are the listings of a tape, which then are all. */
export function createMarket(
  exchange: Exchange,
  options: ServerOptions,
  recorded: readonly Listing[] | undefined,
  now: number,
): SyntheticMarket {
  const begin = now - (options.history?.duration ?? 0);
  const mix = { book: 0.25, ticker: 0.1, liquidation: 0.001, ...options.mix };
  const listings = recorded ?? listingsOf(exchange, options, now);
  const market = new SyntheticMarket(listings, { seed: options.seed ?? 1, mix, now: begin });
  for (const listing of options.listings ?? []) market.list(listing, begin);
  if (options.history) addHistory(market, options.history, begin);
  return market;
}

function listingsOf(exchange: Exchange, { symbols, strangers = true }: ServerOptions, now: number): Listing[] {
  const counts = Object.entries(symbols ?? { linear: 5, spot: 3, inverse: 2 }) as [Market, number][];
  const traded = counts.flatMap(([market, count]) => exchange.universe(market, count));
  return strangers ? [...traded, ...exchange.strangers(now)] : traded;
}

function addHistory(market: SyntheticMarket, history: { trades: number; duration: number }, begin: number): void {
  const traded = market.symbols.filter(({ listing }) => listing.status === 'trading');
  for (let made = 0; made < history.trades; made++) {
    const symbol = traded[made % traded.length];
    const time = begin + Math.floor((made * history.duration) / history.trades);
    if (made % 5 < 2) symbol?.requote(time);
    symbol?.trade(time);
  }
}
