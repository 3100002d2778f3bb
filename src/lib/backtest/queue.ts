import type { BookView } from './market-data.js';
import type { Order } from './orders.js';

/** Reads from books how much is ahead of an order in its queue. Asked with times that never go back. */
export class Queues {
  readonly #books: readonly BookView[];
  #latest = -1;

  constructor(books: readonly BookView[]) {
    this.#books = books;
  }

  /**
   * Returns the amount that the latest book shows at the order's price, 0 where the price is between shown ones or better
   * than all; −1 where the book does not reach so far, or there is none yet.
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
