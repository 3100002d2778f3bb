import { BookKeeper, type BookKeeperOptions } from '../book/book-keeper.js';
import type { BookMessage } from '../model/book-message.js';
import type { AnyRecord } from '../model/records.js';

type Feed = { depth: number; owner: string };

/**
 * The books of one exchange. A symbol may be carried by several connections (while one replaces another) and at several
 * depths; its records come from the deepest feed, and its deltas from the connection whose snapshot they follow.
 */
export class BookFeeds {
  readonly #keeper: BookKeeper;
  readonly #feeds = new Map<string, Feed>();

  constructor(options: BookKeeperOptions) {
    this.#keeper = new BookKeeper(options);
  }

  /** Returns the records that a message leads to, undefined when the symbol's records do not come from this connection. */
  apply(connection: string, message: BookMessage, at: number): readonly AnyRecord[] | undefined {
    return this.#accepts(connection, message) ? this.#keeper.apply(message, at) : undefined;
  }

  /** Returns the snapshots that were withheld and have become due. */
  due(at: number): readonly AnyRecord[] {
    return this.#keeper.due(at);
  }

  /** Forgets a connection: what it carried is unknown until another one sends a snapshot. */
  lost(connection: string): void {
    for (const feed of this.#feeds.values()) if (feed.owner === connection) feed.owner = '';
  }

  /** How many messages did what to the books. */
  get outcomes(): BookKeeper['stats'] {
    return this.#keeper.stats;
  }

  /** The symbols that wait for a snapshot. */
  broken(): ReturnType<BookKeeper['broken']> {
    return this.#keeper.broken();
  }

  finish(at: number): readonly AnyRecord[] {
    return this.#keeper.finish(at);
  }

  #accepts(connection: string, message: BookMessage): boolean {
    const key = `${message.market} ${message.symbol}`;
    const depth = message.topLevels ?? message.maxLevels ?? Number.POSITIVE_INFINITY;
    const feed = this.#feeds.get(key);
    if (feed && depth < feed.depth) return false;
    // Without any snapshot so far there is no other connection either: the keeper counts the delta as early.
    if (message.action === 'delta') return feed === undefined || feed.owner === connection;
    this.#feeds.set(key, { depth, owner: connection });
    return true;
  }
}
