import { ExactSum } from '../model/exact-sum.js';
import { compareTrades } from '../model/order.js';
import type { BookSnapshot, Funding, MarkPrice, OpenInterest, Ticker, Trade } from '../model/records.js';
import type { Quotes } from './top-of-book.js';

type Stamped = { readonly timestamp: number; readonly localTimestamp?: number | undefined };
type Part<Kind extends { readonly type: string } & Stamped, Value extends keyof Kind> = Pick<Kind, 'type' | 'timestamp' | Value> &
  Stamped;

/** A trade of an input that has the trades of a symbol in order, each once: its id does not matter. */
type OrderedTrade = Part<Trade, 'price' | 'amount' | 'side'> & { readonly id?: undefined };
/** What a second takes of a book. */
export type BookQuotes = Part<BookSnapshot, never> & { readonly quotes: Quotes };
export type TickerQuotes = Part<Ticker, 'bid' | 'bidAmount' | 'ask' | 'askAmount'>;
export type Mark = Part<MarkPrice, 'mark' | 'index'>;
export type Interest = Part<OpenInterest, 'amount' | 'amountBothSides'>;
export type Rate = Part<Funding, 'rate'>;

/** What counts of a trade within its second. */
type TradeValues = Pick<Trade, 'price' | 'amount' | 'side'>;

/** What a second is made of: the parts of records that it needs. A record is one itself, but for a book. */
export type SecondInput = Trade | OrderedTrade | BookQuotes | TickerQuotes | Mark | Interest | Rate;

/** Orders records of one kind by time, then arrival. */
export function compareTimes(a: Stamped, b: Stamped): number {
  return a.timestamp - b.timestamp || (a.localTimestamp ?? 0) - (b.localTimestamp ?? 0);
}

/** Returns the later one; of two alike the one that was there. */
export function later<Kind extends Stamped>(known: Kind | undefined, next: Kind): Kind {
  return known === undefined || compareTimes(next, known) > 0 ? next : known;
}

/** The trades of a second, added up in their order. */
export class TradedSecond {
  open: number | undefined;
  high: number | undefined;
  low: number | undefined;
  close: number | undefined;
  trades = 0;
  #isSided = true;
  readonly #bought = new ExactSum();
  readonly #sold = new ExactSum();

  add({ price, amount, side }: TradeValues): void {
    this.open ??= price;
    if (this.high === undefined || price > this.high) this.high = price;
    if (this.low === undefined || price < this.low) this.low = price;
    this.close = price;
    this.trades += 1;
    if (side === undefined) this.#isSided = false;
    (side === 'buy' ? this.#bought : this.#sold).add(amount);
  }

  /** The volumes of both sides and their difference; undefined where a trade has no side: neither sum is that of the second. */
  get volumes(): { readonly buyVolume: number; readonly sellVolume: number; readonly delta: number } | undefined {
    if (!this.#isSided) return undefined;
    const [buyVolume, sellVolume] = [this.#bought.value, this.#sold.value];
    const delta = new ExactSum();
    delta.addSum(this.#bought);
    delta.add(-sellVolume);
    return { buyVolume, sellVolume, delta: delta.value };
  }
}

/** What lies within one second of one symbol, in any order of arrival. */
export class SecondInputs {
  /** Trades that have to be put in order. */
  readonly #trades: Trade[] = [];
  #traded: TradedSecond | undefined;
  readonly #books: BookQuotes[] = [];
  ticker: TickerQuotes | undefined;
  mark: Mark | undefined;
  openInterest: Interest | undefined;
  funding: Rate | undefined;
  /** Latest arrival, 0 if no input has one. */
  localTimestamp = 0;

  /** An ordered trade is not kept: its object may be that of the next one. */
  add(input: SecondInput): void {
    const { localTimestamp } = input;
    if (localTimestamp !== undefined && localTimestamp > this.localTimestamp) this.localTimestamp = localTimestamp;
    if (input.type === 'trade') this.#addTrade(input);
    else if (input.type === 'book_snapshot') this.#books.push(input);
    else if (input.type === 'ticker') this.ticker = later(this.ticker, input);
    else if (input.type === 'mark_price') this.mark = later(this.mark, input);
    else if (input.type === 'open_interest') this.openInterest = later(this.openInterest, input);
    else this.funding = later(this.funding, input);
  }

  /** Returns the books in order. */
  books(): readonly BookQuotes[] {
    return this.#books.length > 1 ? this.#books.sort(compareTimes) : this.#books;
  }

  /** Returns the sum of the trades in order, each id once; undefined without a trade. No input may follow. */
  traded(): TradedSecond | undefined {
    if (this.#trades.length === 0) return this.#traded;
    this.#traded ??= new TradedSecond();
    const ids = new Set<string>();
    for (const trade of this.#trades.sort(compareTrades)) if (ids.size !== ids.add(trade.id).size) this.#traded.add(trade);
    return this.#traded;
  }

  #addTrade(trade: Trade | OrderedTrade): void {
    if (trade.id !== undefined) this.#trades.push(trade);
    else {
      this.#traded ??= new TradedSecond();
      this.#traded.add(trade);
    }
  }
}
