import type { SyntheticRecord } from '../../synthetic-market.js';
import { unitsOf } from './decimals.js';
import type { Level } from './ladder.js';
import type { Listing } from './listing.js';

/** What happened at a moment (ms) of one symbol, in units. */
export type RecordedEvent =
  | { readonly kind: 'trade'; readonly at: number; readonly price: number; readonly size: number; readonly isBuy: boolean }
  | { readonly kind: 'book'; readonly at: number; readonly bids: Level[]; readonly asks: Level[] }
  | { readonly kind: 'ticker'; readonly at: number };

/** A value that holds from one moment to the next. */
class Steps {
  readonly #times: number[] = [];
  readonly #values: number[] = [];

  add(at: number, value: number): void {
    this.#times.push(at);
    this.#values.push(value);
  }

  /** Returns the value at a moment, before the first one that one. */
  at(time: number): number {
    let low = 0;
    let high = this.#times.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#times[middle] as number) <= time) low = middle + 1;
      else high = middle;
    }
    return this.#values[Math.max(0, low - 1)] as number;
  }
}

/** The events of a generated market of one symbol, and what is known of it at any time. */
export class Recording {
  readonly events: readonly RecordedEvent[];
  readonly listing: Listing;
  readonly #mark = new Steps();
  readonly #index = new Steps();
  readonly #openInterest = new Steps();
  readonly #rate = new Steps();

  constructor(records: Iterable<SyntheticRecord>, listing: Listing) {
    const { mark, index, openInterest, rate } = this.#columns();
    this.listing = { ...listing, recorded: { mark, index, openInterest, rate } };
    const ordered = [...records].sort((a, b) => a.timestamp - b.timestamp);
    this.events = ordered.flatMap((record) => this.#take(record, Math.floor(record.timestamp / 1_000)));
  }

  #columns() {
    return {
      mark: (at: number) => this.#mark.at(at),
      index: (at: number) => this.#index.at(at),
      openInterest: (at: number) => this.#openInterest.at(at),
      rate: (at: number) => this.#rate.at(at),
    };
  }

  #take(record: SyntheticRecord, at: number): RecordedEvent[] {
    const { priceDecimals, sizeDecimals } = this.listing;
    const levels = (side: readonly (readonly [number, number])[]): Level[] =>
      side.map(([price, size]) => [unitsOf(price, priceDecimals), unitsOf(size, sizeDecimals)]);
    switch (record.type) {
      case 'trade': {
        const [price, size] = [unitsOf(record.price, priceDecimals), unitsOf(record.amount, sizeDecimals)];
        return [{ kind: 'trade', at, price, size, isBuy: record.side === 'buy' }];
      }
      case 'book_snapshot':
        return [{ kind: 'book', at, bids: levels(record.bids), asks: levels(record.asks) }];
      case 'mark_price':
        this.#mark.add(at, unitsOf(record.mark, priceDecimals));
        this.#index.add(at, unitsOf(record.index, priceDecimals));
        return [{ kind: 'ticker', at }];
      case 'open_interest':
        this.#openInterest.add(at, unitsOf(record.amount, sizeDecimals));
        return [{ kind: 'ticker', at }];
      case 'funding':
        this.#rate.add(at, Math.round(record.rate * 1e6));
        return [];
      default:
        return [];
    }
  }
}
