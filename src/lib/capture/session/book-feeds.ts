import { BookKeeper, type BookKeeperOptions } from '../../book/book-keeper.js';
import type { BookMessage } from '../../model/book-message.js';
import type { AnyRecord, GapReason, Market } from '../../model/records.js';
import { SECOND } from '../../model/time.js';
import { TAKEOVER_PATIENCE } from '../repair/continuity.js';

/** A connection that carries a book beside the one whose records count, and what it has told so far, a snapshot first. */
type Heir = {
  readonly connection: string;
  readonly messages: [BookMessage, ...BookMessage[]];
  /** Local times of the messages. */
  readonly arrivals: number[];
  /** How many of them the owner has come to. */
  reached: number;
};

/** `owner` is the connection whose records count, empty when it was lost. */
type Feed = { readonly depth: number; owner: string; isReleased: boolean; heir: Heir | undefined };

/** What a book goes on with on another connection: the last message of it, and the records that follow. */
export type Succession = {
  readonly connection: string;
  readonly message: BookMessage;
  readonly records: readonly AnyRecord[];
};

/** What a connection may have told more than another; one that is ahead by more does not replace it. */
const MOST_AHEAD = 5_000;
/** How often is looked for those that have waited too long, microseconds: there may be hundreds of books. */
const LOOK_EVERY = SECOND / 10;

/**
 * The books of one exchange. A symbol may be carried by several connections (while one replaces another) and at several
 * depths; its records come from the deepest feed, and from one connection until that one ends: then from the next, from
 * where the first had come to. What the second tells until then is kept, or changes that are still on their way on the
 * first would be lost.
 */
export class BookFeeds {
  readonly #keeper: BookKeeper;
  readonly #feeds = new Map<string, Feed>();
  /** Books of which changes come on a connection that never told a state, and on no other. */
  readonly #stateless = new Map<string, BookMessage>();
  #nextLook = 0;

  constructor(options: BookKeeperOptions) {
    this.#keeper = new BookKeeper(options);
  }

  /**
   * Returns the records that a message leads to; `kept` when another connection carries the book and this one is ready to;
   * undefined when the symbol's records do not come from this connection.
   */
  apply(connection: string, message: BookMessage, at: number): readonly AnyRecord[] | 'kept' | undefined {
    const key = keyOf(message);
    const depth = message.topLevels ?? message.maxLevels ?? Number.POSITIVE_INFINITY;
    const feed = this.#feeds.get(key);
    if (feed && depth < feed.depth) return undefined;
    if (message.action === 'delta') {
      // Without any snapshot so far there is no other connection either: the keeper counts the delta as early.
      if (feed === undefined || feed.owner === connection) return this.#keeper.apply(message, at);
      return this.#keep(feed, connection, message, at);
    }
    if (feed && depth === feed.depth && isCarriedByOther(feed, connection)) {
      feed.heir = { connection, messages: [message], arrivals: [at], reached: 0 };
      return 'kept';
    }
    const heir = feed?.owner === connection && feed.depth === depth ? feed.heir : undefined;
    this.#stateless.delete(key);
    this.#feeds.set(key, { depth, owner: connection, isReleased: false, heir });
    return this.#keeper.apply(message, at);
  }

  /** Whether deltas of this connection continue a state: that of the book, or one that waits to take over. */
  isContinued(connection: string, message: BookMessage): boolean {
    const feed = this.#feeds.get(keyOf(message));
    if (feed?.heir?.connection === connection) return true;
    return feed?.owner === connection && this.#keeper.isTrusted(message.market, message.symbol);
  }

  /** Notes that records of a book were lost on the way: its next record is to be a whole book. */
  restart(market: Market, symbol: string): void {
    this.#keeper.breakOff(market, symbol, 'overflow');
  }

  /** Returns the snapshots that were withheld and have become due. */
  due(at: number): readonly AnyRecord[] {
    return this.#keeper.due(at);
  }

  /** Notes that a book was ended on a connection on purpose: another one may go on with it. */
  released(connection: string, market: Market, symbol: string, at: number): Succession[] {
    const feed = this.#feeds.get(`${market} ${symbol}`);
    if (feed?.heir?.connection === connection) feed.heir = undefined;
    if (feed?.owner !== connection) return [];
    feed.isReleased = true;
    return feed.heir ? this.#end(feed, feed.heir, at) : [];
  }

  /**
   * Forgets a connection: what it carried goes on with the next one that does, or is unknown until one sends a snapshot.
   * `brokeOff` says why it ended, where it may have had more to tell. `isCarried` tells what others have subscribed.
   */
  lost(
    connection: string,
    at: number,
    isCarried: (market: Market, symbol: string) => boolean,
    brokeOff?: GapReason,
  ): Succession[] {
    const successions: Succession[] = [];
    for (const [key, feed] of this.#feeds) {
      if (feed.heir?.connection === connection) feed.heir = undefined;
      if (feed.owner !== connection) continue;
      feed.owner = '';
      if (feed.heir) {
        successions.push(...this.#end(feed, feed.heir, at, brokeOff));
        continue;
      }
      const [market, symbol = ''] = key.split(' ') as [Market, string?];
      if (isCarried(market, symbol)) this.#keeper.breakOff(market, symbol, brokeOff ?? 'disconnect');
    }
    return successions;
  }

  /** Lets connections go on that have waited too long for the ones that lead: what those have not brought is missing. */
  overtake(at: number): Succession[] {
    if (at < this.#nextLook) return [];
    this.#nextLook = at + LOOK_EVERY;
    const successions: Succession[] = [];
    for (const feed of this.#feeds.values()) {
      const { heir } = feed;
      if (!heir) continue;
      while (heir.messages[heir.reached] && this.#keeper.hasReached(heir.messages[heir.reached] as BookMessage))
        heir.reached += 1;
      const until = (heir.arrivals[heir.reached] ?? Number.POSITIVE_INFINITY) + TAKEOVER_PATIENCE;
      if (until <= at) successions.push(this.#succeed(feed, heir, until, 'stale'));
    }
    return successions;
  }

  /** How many messages did what to the books. */
  get outcomes(): BookKeeper['stats'] {
    return this.#keeper.stats;
  }

  /** The symbols that wait for a snapshot. */
  broken(): ReturnType<BookKeeper['broken']> {
    const stateless = [...this.#stateless.values()].map(({ market, symbol }) => ({ market, symbol }));
    return [...this.#keeper.broken(), ...stateless];
  }

  finish(at: number, time: (market: Market) => number): readonly AnyRecord[] {
    return this.#keeper.finish(at, time);
  }

  #keep(feed: Feed, connection: string, message: BookMessage, at: number): readonly AnyRecord[] | 'kept' | undefined {
    const { heir, owner, isReleased } = feed;
    if (!heir && (owner === '' || isReleased)) this.#stateless.set(keyOf(message), message);
    if (heir?.connection !== connection) return undefined;
    heir.arrivals.push(at);
    if (heir.messages.push(message) - heir.reached > MOST_AHEAD) {
      feed.heir = undefined;
      return undefined;
    }
    return owner === '' && this.#keeper.isReachedBy(message) ? this.#succeed(feed, heir, at).records : 'kept';
  }

  /** The heir goes on at once, or as soon as it has come to where the owner ended. */
  #end(feed: Feed, heir: Heir, at: number, brokeOff?: GapReason): Succession[] {
    feed.owner = '';
    const last = heir.messages.at(-1) ?? heir.messages[0];
    return this.#keeper.isReachedBy(last) ? [this.#succeed(feed, heir, at, brokeOff)] : [];
  }

  #succeed(feed: Feed, { connection, messages }: Heir, at: number, brokeOff?: GapReason): Succession {
    feed.owner = connection;
    feed.isReleased = false;
    feed.heir = undefined;
    const records = this.#keeper.succeed(messages, at, brokeOff);
    return { connection, message: messages.at(-1) ?? messages[0], records };
  }
}

function isCarriedByOther({ owner, isReleased }: Feed, connection: string): boolean {
  return owner !== '' && owner !== connection && !isReleased;
}

function keyOf({ market, symbol }: BookMessage): string {
  return `${market} ${symbol}`;
}
