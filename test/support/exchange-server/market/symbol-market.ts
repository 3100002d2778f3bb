import { seeded } from '../../random.js';
import { turnoverOf } from './bars.js';
import { Ladder, type Level } from './ladder.js';
import type { Listing } from './listing.js';
import { fundingRate, indexPrice, markPrice, nextFunding, openInterest } from './reference.js';
import { type Fill, TradeLog } from './trade-log.js';

/** A forced order. `isBuy` is the order's own side: a buy closes a short. */
export type Liquidation = { readonly time: number; readonly price: number; readonly size: number; readonly isBuy: boolean };

/** All that a ticker shows, in units; `rate` in millionths. Volume and turnover count since the market began. */
export type Quote = {
  readonly time: number;
  readonly last: number;
  readonly isUptick: boolean;
  readonly bid: Level;
  readonly ask: Level;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly volume: number;
  readonly turnover: bigint;
  readonly mark: number;
  readonly index: number;
  readonly openInterest: number;
  readonly rate: number;
  readonly nextFunding: number;
};

/** What a test can say of a trade; the rest is drawn. */
export type TradeOrder = { readonly isBuy?: boolean; readonly size?: number; readonly price?: number };

/** One symbol: its book, every trade it ever had, its reference prices. */
export class SymbolMarket {
  listing: Listing;
  readonly trades = new TradeLog();
  readonly book: Ladder;
  readonly #random: () => number;
  #sequence: number;
  #extremes: { open: number; high: number; low: number };
  #volume = 0;
  #turnover = 0n;

  constructor(listing: Listing, seed: number, now: number) {
    this.listing = listing;
    this.#random = seeded(seed);
    this.#sequence = 1_000 + Math.floor(this.#random() * 1e9);
    this.book = new Ladder(listing.tick, listing.lot, this.#random);
    this.requote(now);
    const open = (this.book.bids[0] as Level)[0];
    this.#extremes = { open, high: open, low: open };
  }

  get key(): string {
    return `${this.listing.market} ${this.listing.symbol}`;
  }

  /**
   * One market order: walks the book and returns its fills, at least one, oldest first. With a `price` it prints there
   * and leaves the book alone.
   */
  trade(time: number, order: TradeOrder = {}): Fill[] {
    const isBuy = order.isBuy ?? this.#random() < 0.5;
    if (order.price !== undefined) return [this.#print(time, order.price, order.size ?? this.listing.lot, isBuy)];
    const best = (isBuy ? this.book.asks : this.book.bids)[0];
    if (!best || (isBuy ? this.book.asks : this.book.bids).length < 5) this.requote(time);
    const { lot } = this.listing;
    const size = order.size ?? lot * (1 + Math.floor((this.#random() ** 2 * 1.4 * (best?.[1] ?? lot)) / lot));
    return this.book.take(isBuy, size).map(([price, amount]) => this.#print(time, price, amount, isBuy));
  }

  /** Returns the next number in the order of everything that happens to the symbol's book; it skips some. */
  nextSequence(): number {
    this.#sequence += 1 + Math.floor(this.#random() * 3_000);
    return this.#sequence;
  }

  requote(time: number): void {
    this.book.requote(indexPrice(this.listing, time));
  }

  liquidation(time: number): Liquidation {
    const { lot } = this.listing;
    const isBuy = this.#random() < 0.5;
    return { time, price: markPrice(this.listing, time), size: lot * (1 + Math.floor(this.#random() * 900)), isBuy };
  }

  quote(time: number): Quote {
    const { listing, trades, book } = this;
    const last = trades.length > 0 ? trades.at(trades.length - 1).price : this.#extremes.open;
    const before = trades.length > 1 ? trades.at(trades.length - 2).price : last;
    const next = nextFunding(listing, time);
    return {
      time,
      last,
      isUptick: last >= before,
      bid: book.bids[0] as Level,
      ask: book.asks[0] as Level,
      ...this.#extremes,
      volume: this.#volume,
      turnover: this.#turnover,
      mark: markPrice(listing, time),
      index: indexPrice(listing, time),
      openInterest: openInterest(listing, time),
      rate: fundingRate(listing, next),
      nextFunding: next,
    };
  }

  #print(time: number, price: number, size: number, isBuy: boolean): Fill {
    const { open, high, low } = this.#extremes;
    if (price > high || price < low) this.#extremes = { open, high: Math.max(high, price), low: Math.min(low, price) };
    this.#volume += size;
    this.#turnover += turnoverOf(price, size, this.listing);
    return this.trades.append(time, price, size, isBuy);
  }
}
