import { seeded } from '../../random.js';
import type { Level } from './ladder.js';
import { type Listing, listingOf, type Market, type NewListing } from './listing.js';
import { type Liquidation, SymbolMarket, type TradeOrder } from './symbol-market.js';
import type { Fill } from './trade-log.js';

export type MarketEvent =
  | { readonly kind: 'trade'; readonly symbol: SymbolMarket; readonly fills: readonly Fill[] }
  | { readonly kind: 'book' | 'ticker'; readonly symbol: SymbolMarket }
  | { readonly kind: 'liquidation'; readonly symbol: SymbolMarket; readonly liquidation: Liquidation };

/** How events divide: shares of one; what is left are trades. */
type Mix = { readonly book: number; readonly ticker: number; readonly liquidation: number };

type MarketOptions = { readonly seed: number; readonly mix: Mix; readonly now: number };

/**
 * All symbols of one exchange. The same seed, listings and calls give the same trades and books; nothing here reads a
 * clock. Whoever wants to know what happens sets `onEvent`.
 */
export class SyntheticMarket {
  onEvent: (event: MarketEvent, now: number) => void = () => {};
  readonly #symbols = new Map<string, SymbolMarket>();
  #traded: SymbolMarket[] = [];
  readonly #seed: number;
  readonly #random: () => number;
  readonly #mix: Mix;

  constructor(listings: readonly Listing[], { seed, mix, now }: MarketOptions) {
    this.#seed = seed;
    this.#random = seeded(seed);
    this.#mix = mix;
    for (const listing of listings) this.#add(listing, now);
    this.#refresh();
  }

  get symbols(): readonly SymbolMarket[] {
    return [...this.#symbols.values()];
  }

  find(market: string, symbol: string): SymbolMarket | undefined {
    return this.#symbols.get(`${market} ${symbol}`);
  }

  /** Returns a symbol, or throws and names it. */
  get(market: Market, symbol: string): SymbolMarket {
    const found = this.find(market, symbol);
    if (!found) throw new Error(`expected a listed symbol, was ${market} ${symbol}`);
    return found;
  }

  /** Lets one thing happen: a trade mostly, else a change of a book, a ticker or a liquidation. */
  step(now: number): void {
    const symbol = this.#traded[Math.floor(this.#random() * this.#traded.length)];
    if (!symbol) return;
    const draw = this.#random();
    const { book, ticker, liquidation } = this.#mix;
    if (draw < book) this.requote(symbol, now);
    else if (draw < book + ticker) this.onEvent({ kind: 'ticker', symbol }, now);
    else if (draw < book + ticker + liquidation) this.liquidate(symbol, now);
    else this.trade(symbol, now);
  }

  trade(symbol: SymbolMarket, now: number, order?: TradeOrder): readonly Fill[] {
    const fills = symbol.trade(now, order);
    this.onEvent({ kind: 'trade', symbol, fills }, now);
    return fills;
  }

  requote(symbol: SymbolMarket, now: number): void {
    symbol.requote(now);
    this.onEvent({ kind: 'book', symbol }, now);
  }

  setBook(symbol: SymbolMarket, bids: Level[], asks: Level[], now: number): void {
    symbol.book.bids = bids;
    symbol.book.asks = asks;
    this.onEvent({ kind: 'book', symbol }, now);
  }

  liquidate(symbol: SymbolMarket, now: number): Liquidation {
    const liquidation = symbol.liquidation(now);
    if (symbol.listing.kind !== 'spot') this.onEvent({ kind: 'liquidation', symbol, liquidation }, now);
    return liquidation;
  }

  /** Lists a symbol, which begins to trade at once unless its status says otherwise. */
  list(listing: NewListing, now: number): SymbolMarket {
    const added = this.#add(listingOf({ launched: now, ...listing }), now);
    this.#refresh();
    return added;
  }

  /** Stops a symbol's trading; its history stays. */
  delist(market: Market, symbol: string): void {
    const found = this.get(market, symbol);
    found.listing = { ...found.listing, status: 'closed' };
    this.#refresh();
  }

  #add(listing: Listing, now: number): SymbolMarket {
    const symbol = new SymbolMarket(listing, this.#seed * 7_919 + this.#symbols.size, now);
    this.#symbols.set(symbol.key, symbol);
    return symbol;
  }

  #refresh(): void {
    this.#traded = this.symbols.filter(({ listing }) => listing.status === 'trading');
  }
}
