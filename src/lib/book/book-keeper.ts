import type { BookMessage } from '../model/book-message.js';
import { buildGap } from '../model/gap.js';
import type { AnyRecord, BookDelta, BookSnapshot, GapReason, Market } from '../model/records.js';
import { Throttle } from './throttle.js';
import { OUTCOMES, type Outcome, TrackedBook } from './tracked-book.js';

export type BookKeeperOptions = {
  /** Levels of a top-N `book_snapshot`. */
  readonly depth: number;
  /** Least time between two top-N snapshots of a symbol, microseconds. */
  readonly interval: number;
  /** Whether top-N snapshots are wanted (channel `book`). */
  readonly snapshots: boolean;
  /** Whether changes are wanted (channel `book_delta`). */
  readonly deltas: boolean;
};

/**
 * Turns the book messages of one exchange into `book_snapshot`, `book_delta` and `gap` records, and emits no book that is
 * known to be wrong: after a break a symbol stays silent until its next snapshot, before which comes a gap per channel.
 *
 * Time is what the calls say (arrival, microseconds; one that goes back counts as the latest before). A change within the
 * interval is withheld and comes out when it is due, even if nobody asked in between. Such a snapshot carries that moment
 * as `localTimestamp`; all other records carry none. The messages of one symbol must come from one feed.
 */
export class BookKeeper {
  readonly #options: BookKeeperOptions;
  readonly #books = new Map<string, TrackedBook>();
  readonly #throttle: Throttle<TrackedBook>;
  readonly #stats = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0])) as Record<Outcome, number>;
  #now = 0;

  constructor(options: BookKeeperOptions) {
    this.#options = options;
    this.#throttle = new Throttle(options.interval);
  }

  /** How many messages did what. */
  get stats(): Readonly<Record<Outcome, number>> {
    return this.#stats;
  }

  /** Returns the records that a message leads to, those that became due before it first. */
  apply(message: BookMessage, at: number): AnyRecord[] {
    const records = this.due(at);
    const book = this.#bookOf(message);
    this.#tell(book, book.apply(message), message, records);
    return records;
  }

  /**
   * Goes on with another feed of a book, which has told `messages` so far, a snapshot first. What of it is known from the
   * feed before comes as one whole snapshot, the rest as changes. `brokeOff` says why the feed before ended, where what it
   * told last may not be all: what lies between it and the snapshot is then told by a gap.
   */
  succeed(messages: readonly [BookMessage, ...BookMessage[]], at: number, brokeOff?: GapReason): AnyRecord[] {
    const [first, ...others] = messages;
    const records = this.due(at);
    const book = this.#bookOf(first);
    if (brokeOff !== undefined && !book.hasReached(first)) book.breakOff(brokeOff);
    const unknown = others.findIndex((message) => !book.hasReached(message));
    const known = [first, ...(unknown < 0 ? others : others.slice(0, unknown))];
    this.#tell(book, book.restart(known), first, records);
    for (const message of messages.slice(known.length)) records.push(...this.apply(message, at));
    return records;
  }

  /** Whether a book contains what `message` of another feed of it tells. */
  hasReached(message: BookMessage): boolean {
    return this.#bookOf(message).hasReached(message);
  }

  /** Whether another feed of a book, which told `message` last, can go on with it without telling twice what is known. */
  isReachedBy(message: BookMessage): boolean {
    return this.#bookOf(message).isReachedBy(message);
  }

  /** Notes that nothing continues a book until its next snapshot. */
  breakOff(market: Market, symbol: string, reason: GapReason): void {
    this.#books.get(`${market} ${symbol}`)?.breakOff(reason);
  }

  /** Whether a book has a state that the next delta may continue. */
  isTrusted(market: Market, symbol: string): boolean {
    return this.#books.get(`${market} ${symbol}`)?.isTrusted ?? false;
  }

  #tell(book: TrackedBook, outcome: Outcome, message: BookMessage, records: AnyRecord[]): void {
    this.#stats[outcome] += 1;
    if (outcome === 'snapshot') this.#begin(book, records);
    else if (outcome === 'delta') this.#continue(book, message, records);
    else if (outcome === 'sequence') this.#release(book, records);
    // What a checksum or a crossed book disproves may have been wrong already when it was withheld.
    else if (outcome === 'checksum' || outcome === 'crossed' || outcome === 'refused') this.#throttle.drop(book);
  }

  /** Returns the snapshots that were withheld and have become due by `at`, in the order in which they did. */
  due(at: number): AnyRecord[] {
    this.#now = Math.max(this.#now, at);
    const records: AnyRecord[] = [];
    // Asked for every message, and most of the time there is nothing.
    if (!this.#throttle.isDue(this.#now)) return records;
    for (const [book, moment] of this.#throttle.due(this.#now)) records.push(this.#snapshot(book, moment));
    return records;
  }

  /**
   * Returns what is still to be told at the end: the last states, and a gap for every book that no snapshot repaired, up to
   * the exchange's time on its market.
   */
  finish(at: number, time: (market: Market) => number): AnyRecord[] {
    const records = this.due(at);
    for (const book of this.#throttle.drain(this.#now)) records.push(this.#snapshot(book));
    for (const book of this.#books.values()) this.#closeHole(book, time(book.market), records);
    return records;
  }

  /** The symbols whose book waits for a snapshot that nobody will send unasked: they are to be subscribed anew. */
  broken(): { market: Market; symbol: string }[] {
    return [...this.#books.values()].filter(({ hole }) => hole).map(({ market, symbol }) => ({ market, symbol }));
  }

  #begin(book: TrackedBook, records: AnyRecord[]): void {
    if (book.hole?.early) book.hole = undefined;
    this.#closeHole(book, book.timestamp, records);
    if (this.#givesDeltas(book)) records.push({ type: 'book_snapshot', ...this.#identify(book), ...book.top() });
    this.#offer(book, records);
  }

  #continue(book: TrackedBook, message: BookMessage, records: AnyRecord[]): void {
    if (this.#givesDeltas(book)) {
      const { previousSequence } = message;
      const delta: BookDelta = { type: 'book_delta', ...this.#identify(book), ...book.changes(message), previousSequence };
      records.push(delta);
    }
    this.#offer(book, records);
  }

  #offer(book: TrackedBook, records: AnyRecord[]): void {
    if (this.#options.snapshots && this.#throttle.offer(book, this.#now)) records.push(this.#snapshot(book));
  }

  /** A missed message does not make the state before it wrong: it is the last one known, and is not kept back. */
  #release(book: TrackedBook, records: AnyRecord[]): void {
    if (this.#throttle.release(book, this.#now)) records.push(this.#snapshot(book));
  }

  #closeHole(book: TrackedBook, until: number, records: AnyRecord[]): void {
    const { hole, exchange, market, symbol } = book;
    if (!hole) return;
    const { reason, fromTimestamp: from } = hole;
    for (const channel of this.#channels(book))
      records.push(buildGap({ exchange, market, symbol, channel }, { from, until, reason }));
    book.hole = undefined;
  }

  #channels(book: TrackedBook): string[] {
    const channels = this.#options.snapshots ? ['book'] : [];
    return this.#givesDeltas(book) ? [...channels, 'book_delta'] : channels;
  }

  /** A channel of top-N snapshots has no changes to give. */
  #givesDeltas(book: TrackedBook): boolean {
    return this.#options.deltas && book.topLevels === undefined;
  }

  #snapshot(book: TrackedBook, localTimestamp?: number): BookSnapshot {
    const { depth } = this.#options;
    const { exchange, market, symbol, timestamp, sequence } = book;
    const { bids, asks } = book.top(depth);
    return { type: 'book_snapshot', exchange, market, symbol, timestamp, localTimestamp, bids, asks, sequence, depth };
  }

  #identify({ exchange, market, symbol, timestamp, sequence }: TrackedBook) {
    return { exchange, market, symbol, timestamp, sequence };
  }

  #bookOf(message: BookMessage): TrackedBook {
    const key = `${message.market} ${message.symbol}`;
    const known = this.#books.get(key);
    if (known) return known;
    const book = new TrackedBook(message);
    this.#books.set(key, book);
    return book;
  }
}
