import { compareTrades } from '../model/order.js';
import type { BookSnapshot, Funding, MarkPrice, OpenInterest, Ticker, Trade } from '../model/records.js';

/** The records of which a second is made. */
export type InputRecord = Trade | BookSnapshot | Ticker | MarkPrice | OpenInterest | Funding;

type Stamped = { readonly timestamp: number; readonly localTimestamp?: number | undefined };

/** Orders records of one kind by time, then arrival. */
export function compareTimes(a: Stamped, b: Stamped): number {
  return a.timestamp - b.timestamp || (a.localTimestamp ?? 0) - (b.localTimestamp ?? 0);
}

/** Returns the later one; of two alike the one that was there. */
export function later<Kind extends Stamped>(known: Kind | undefined, next: Kind): Kind {
  return known === undefined || compareTimes(next, known) > 0 ? next : known;
}

/** The records within one second of one symbol, in any order of arrival. */
export class SecondInputs {
  readonly #trades: Trade[] = [];
  readonly #books: BookSnapshot[] = [];
  ticker: Ticker | undefined;
  mark: MarkPrice | undefined;
  openInterest: OpenInterest | undefined;
  funding: Funding | undefined;
  /** Latest arrival, 0 if no input has one. */
  localTimestamp = 0;

  add(record: InputRecord): void {
    const { localTimestamp } = record;
    if (localTimestamp !== undefined && localTimestamp > this.localTimestamp) this.localTimestamp = localTimestamp;
    if (record.type === 'trade') this.#trades.push(record);
    else if (record.type === 'book_snapshot') this.#books.push(record);
    else if (record.type === 'ticker') this.ticker = later(this.ticker, record);
    else if (record.type === 'mark_price') this.mark = later(this.mark, record);
    else if (record.type === 'open_interest') this.openInterest = later(this.openInterest, record);
    else this.funding = later(this.funding, record);
  }

  /** Returns the books in order. */
  books(): readonly BookSnapshot[] {
    return this.#books.length > 1 ? this.#books.sort(compareTimes) : this.#books;
  }

  /** Returns the trades in order, each id once. */
  trades(): readonly Trade[] {
    if (this.#trades.length < 2) return this.#trades;
    const ids = new Set<string>();
    return this.#trades.sort(compareTrades).filter(({ id }) => ids.size !== ids.add(id).size);
  }
}
