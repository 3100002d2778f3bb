import type { BookKeeperOptions } from '../book/book-keeper.js';
import type { AnyRecord } from '../model/records.js';
import { BookFeeds } from './book-feeds.js';
import type { Statistics } from './statistics.js';

/** Messages that changed a book as they should are not counted apart. */
const AS_THEY_SHOULD: ReadonlySet<string> = new Set(['snapshot', 'delta']);

/** The books of all exchanges. */
export class CapturedBooks {
  readonly #options: BookKeeperOptions;
  readonly #books = new Map<string, BookFeeds>();

  constructor(options: BookKeeperOptions) {
    this.#options = options;
  }

  /** Returns the books of an exchange. */
  of(exchange: string): BookFeeds {
    const books = this.#books.get(exchange) ?? new BookFeeds(this.#options);
    this.#books.set(exchange, books);
    return books;
  }

  /** Returns the snapshots that were withheld and have become due. */
  *due(at: number): Generator<AnyRecord> {
    for (const books of this.#books.values()) yield* books.due(at);
  }

  /** Forgets a connection. */
  lost(connection: string): void {
    for (const books of this.#books.values()) books.lost(connection);
  }

  /** Returns what is still withheld, and tells what the messages did. */
  *finish(at: number, statistics: Statistics): Generator<AnyRecord> {
    for (const books of this.#books.values()) {
      yield* books.finish(at);
      for (const [outcome, count] of Object.entries(books.outcomes)) {
        if (count > 0 && !AS_THEY_SHOULD.has(outcome))
          statistics.books.set(outcome, count + (statistics.books.get(outcome) ?? 0));
      }
    }
  }
}
