import { BookKeeper, type BookKeeperOptions } from '../../book/book-keeper.js';
import type { BookMessage } from '../../model/book-message.js';
import type { AnyRecord, GapReason, Market } from '../../model/records.js';
import { SECOND } from '../../model/time.js';
import { TAKEOVER_TIMEOUT } from '../repair/continuity.js';

/** A connection that delivers a book beside the leading one, and its messages since its last snapshot, which is first. */
type Successor = {
  readonly connection: string;
  readonly messages: [BookMessage, ...BookMessage[]];
  /** Local times of the messages. */
  readonly arrivals: number[];
  /** Number of messages whose state the leading connection has reached. */
  reached: number;
};

/** The feed of one book. `leader` is the connection whose messages count, empty when that was lost. */
type Feed = { readonly depth: number; leader: string; isUnsubscribed: boolean; successor: Successor | undefined };

/** The continuation of a book on another connection: its last message, and the records that follow from the takeover. */
export type BookTakeover = {
  readonly connection: string;
  readonly message: BookMessage;
  readonly records: readonly AnyRecord[];
};

/** Maximum of messages by which a successor may be ahead. One that is further ahead is no successor any more. */
const MAX_AHEAD = 5_000;
/** How often successors are checked for their time-out, microseconds: there may be hundreds of books. */
const CHECK_EVERY = SECOND / 10;

/**
 * The books of one exchange, each followed on one connection at a time.
 *
 * While one connection replaces another, both deliver the same book. If the book switched to the new one at its first
 * snapshot, changes that are still on their way on the old one would be applied to it a second time or be missing. So
 * the old connection leads until it ends, the messages of the new one are queued, and the takeover replays the queue from
 * where the old one stopped.
 *
 * ```
 * leader      s d1 d2 d3 d4 ╳
 * successor            S  D4 D5 D6      queued; at ╳ the book continues with D5
 * ```
 *
 * A leader that is two seconds behind its successor is taken for dead. A symbol that is delivered at several depths is
 * followed at the deepest.
 */
export class BookFeeds {
  readonly #keeper: BookKeeper;
  readonly #feeds = new Map<string, Feed>();
  /** The last delta of each book whose only connection never sent a snapshot. */
  readonly #withoutSnapshot = new Map<string, BookMessage>();
  #nextCheck = 0;

  constructor(options: BookKeeperOptions) {
    this.#keeper = new BookKeeper(options);
  }

  /**
   * Returns the records that a message leads to; `queued` when another connection leads and this one is its successor;
   * undefined when messages of this connection are ignored.
   */
  apply(connection: string, message: BookMessage, at: number): readonly AnyRecord[] | 'queued' | undefined {
    const key = keyOf(message);
    const depth = message.topLevels ?? message.maxLevels ?? Number.POSITIVE_INFINITY;
    const feed = this.#feeds.get(key);
    if (feed && depth < feed.depth) return undefined;
    if (message.action === 'delta') {
      // Before the first snapshot there is no other connection either: the keeper counts the delta as early.
      if (feed === undefined || feed.leader === connection) return this.#keeper.apply(message, at);
      return this.#queue(feed, connection, message, at);
    }
    if (feed && depth === feed.depth && hasOtherLeader(feed, connection)) {
      feed.successor = { connection, messages: [message], arrivals: [at], reached: 0 };
      return 'queued';
    }
    const successor = feed?.leader === connection && feed.depth === depth ? feed.successor : undefined;
    this.#withoutSnapshot.delete(key);
    this.#feeds.set(key, { depth, leader: connection, isUnsubscribed: false, successor });
    return this.#keeper.apply(message, at);
  }

  /** Whether deltas of this connection continue a state: that of the book, or that of a successor. */
  isContinued(connection: string, message: BookMessage): boolean {
    const feed = this.#feeds.get(keyOf(message));
    if (feed?.successor?.connection === connection) return true;
    return feed?.leader === connection && this.#keeper.isTrusted(message.market, message.symbol);
  }

  /** Registers that records of a book were lost on the way to the outputs: its next record must be a whole book. */
  restart(market: Market, symbol: string): void {
    this.#keeper.breakOff(market, symbol, 'overflow');
  }

  /** Returns the withheld snapshots that are due at `at`. */
  due(at: number): readonly AnyRecord[] {
    return this.#keeper.due(at);
  }

  /** Registers that we unsubscribed a book on a connection: a successor may continue it. */
  unsubscribed(connection: string, market: Market, symbol: string, at: number): BookTakeover[] {
    const feed = this.#feeds.get(`${market} ${symbol}`);
    if (feed?.successor?.connection === connection) feed.successor = undefined;
    if (feed?.leader !== connection) return [];
    feed.isUnsubscribed = true;
    return feed.successor ? this.#endLeader(feed, feed.successor, at) : [];
  }

  /**
   * Registers that a connection was lost. Its books continue on their successors; a book without one is unknown until the
   * next snapshot. `cutOff` is the reason of the loss where messages may have been on their way. `isDelivered` returns
   * whether another connection has subscribed the book.
   */
  lost(
    connection: string,
    at: number,
    isDelivered: (market: Market, symbol: string) => boolean,
    cutOff?: GapReason,
  ): BookTakeover[] {
    const takeovers: BookTakeover[] = [];
    for (const [key, feed] of this.#feeds) {
      if (feed.successor?.connection === connection) feed.successor = undefined;
      if (feed.leader !== connection) continue;
      feed.leader = '';
      if (feed.successor) {
        takeovers.push(...this.#endLeader(feed, feed.successor, at, cutOff));
        continue;
      }
      const [market, symbol = ''] = key.split(' ') as [Market, string?];
      if (isDelivered(market, symbol)) this.#keeper.breakOff(market, symbol, cutOff ?? 'disconnect');
    }
    return takeovers;
  }

  /** Lets successors take over from leaders that are behind for too long: the messages of those count as missing. */
  checkTimeouts(at: number): BookTakeover[] {
    if (at < this.#nextCheck) return [];
    this.#nextCheck = at + CHECK_EVERY;
    const takeovers: BookTakeover[] = [];
    for (const feed of this.#feeds.values()) {
      const { successor } = feed;
      if (!successor) continue;
      for (let next = successor.messages[successor.reached]; next; next = successor.messages[successor.reached]) {
        if (!this.#keeper.hasReached(next)) break;
        successor.reached += 1;
      }
      const until = (successor.arrivals[successor.reached] ?? Number.POSITIVE_INFINITY) + TAKEOVER_TIMEOUT;
      if (until <= at) takeovers.push(this.#takeOver(feed, successor, until, 'stale'));
    }
    return takeovers;
  }

  /** Number of messages by their outcome. */
  get outcomes(): BookKeeper['stats'] {
    return this.#keeper.stats;
  }

  /** Returns the symbols that wait for a snapshot. */
  broken(): ReturnType<BookKeeper['broken']> {
    const withoutSnapshot = [...this.#withoutSnapshot.values()].map(({ market, symbol }) => ({ market, symbol }));
    return [...this.#keeper.broken(), ...withoutSnapshot];
  }

  finish(at: number, time: (market: Market) => number): readonly AnyRecord[] {
    return this.#keeper.finish(at, time);
  }

  #queue(feed: Feed, connection: string, message: BookMessage, at: number): readonly AnyRecord[] | 'queued' | undefined {
    const { successor, leader, isUnsubscribed } = feed;
    if (!successor && (leader === '' || isUnsubscribed)) this.#withoutSnapshot.set(keyOf(message), message);
    if (successor?.connection !== connection) return undefined;
    successor.arrivals.push(at);
    if (successor.messages.push(message) - successor.reached > MAX_AHEAD) {
      feed.successor = undefined;
      return undefined;
    }
    return leader === '' && this.#keeper.isReachedBy(message) ? this.#takeOver(feed, successor, at).records : 'queued';
  }

  /** Ends the leader. The successor takes over at once, or as soon as it has reached the state of the leader. */
  #endLeader(feed: Feed, successor: Successor, at: number, cutOff?: GapReason): BookTakeover[] {
    feed.leader = '';
    const last = successor.messages.at(-1) ?? successor.messages[0];
    return this.#keeper.isReachedBy(last) ? [this.#takeOver(feed, successor, at, cutOff)] : [];
  }

  #takeOver(feed: Feed, { connection, messages }: Successor, at: number, cutOff?: GapReason): BookTakeover {
    feed.leader = connection;
    feed.isUnsubscribed = false;
    feed.successor = undefined;
    const records = this.#keeper.takeOver(messages, at, cutOff);
    return { connection, message: messages.at(-1) ?? messages[0], records };
  }
}

function hasOtherLeader({ leader, isUnsubscribed }: Feed, connection: string): boolean {
  return leader !== '' && leader !== connection && !isUnsubscribed;
}

function keyOf({ market, symbol }: BookMessage): string {
  return `${market} ${symbol}`;
}
