import type { BookView } from './market-data.js';
import type { Order } from './orders.js';

/** Reads the amount ahead of an order from books. Calls must have non-decreasing times. */
export class Queues {
  readonly #books: readonly BookView[];
  #latest = -1;

  constructor(books: readonly BookView[]) {
    this.#books = books;
  }

  /**
   * Returns the amount that the latest book shows at the order's price; 0 if the price lies between shown ones or is better
   * than all; −1 if the book does not reach that price, or no book has arrived yet.
   */
  ahead({ side, price }: Pick<Order, 'side' | 'price'>, now: number): number {
    while (((this.#books[this.#latest + 1] as BookView | undefined)?.time ?? Number.POSITIVE_INFINITY) <= now) this.#latest++;
    const book = this.#books[this.#latest];
    const levels = book === undefined ? [] : side === 'buy' ? book.bids : book.asks;
    const last = levels.at(-1);
    if (last === undefined || (side === 'buy' ? price < last[0] : price > last[0])) return -1;
    return levels.find(([level]) => level === price)?.[1] ?? 0;
  }
}
