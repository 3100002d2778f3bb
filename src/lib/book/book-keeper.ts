import type { BookMessage } from '../model/book-message.js';
import { buildGap } from '../model/gap.js';
import type { AnyRecord, BookDelta, BookSnapshot, GapReason, Market } from '../model/records.js';
import { Throttle } from './throttle.js';
import { OUTCOMES, type Outcome, TrackedBook } from './tracked-book.js';

export type BookKeeperOptions = {
  /** Levels of a top-N `book_snapshot`. */
  readonly depth: number;
  /** Minimum time between two top-N snapshots of a symbol, microseconds. */
  readonly interval: number;
  /** Whether top-N snapshots are wanted (channel `book`). */
  readonly snapshots: boolean;
  /** Whether changes are wanted (channel `book_delta`). */
  readonly deltas: boolean;
};

/**
 * Turns the book messages of one exchange into `book_snapshot`, `book_delta` and `gap` records.
 *
 * A book that missed a message looks like any other book, only its prices are wrong. So no book that is known to be wrong
 * is emitted: after a break a symbol stays silent until its next snapshot, which a gap per channel precedes.
 *
 * Times are passed in (arrival, microseconds; one that goes back counts as the latest before). A change within the
 * interval is withheld until it is due. The result does not depend on how often `due` is called: such a snapshot has the
 * moment at which it was due as `localTimestamp`; all other records have none. Each symbol must be fed by one feed.
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

  /** Number of messages by their outcome. */
  get stats(): Readonly<Record<Outcome, number>> {
    return this.#stats;
  }

  /** Returns the records that a message leads to, after those that became due before it. */
  apply(message: BookMessage, at: number): AnyRecord[] {
    const records = this.due(at);
    const book = this.#bookOf(message);
    this.#emit(book, book.apply(message), message, records);
    return records;
  }

  /**
   * Continues a book on another feed, whose `messages` so far begin with a snapshot. Messages that the book has reached
   * already become one whole snapshot, the rest become changes. `cutOff` is the reason why the feed before ended, where
   * its last messages may be missing: the time between them and the snapshot is then a gap.
   */
  takeOver(messages: readonly [BookMessage, ...BookMessage[]], at: number, cutOff?: GapReason): AnyRecord[] {
    const [first, ...others] = messages;
    const records = this.due(at);
    const book = this.#bookOf(first);
    if (cutOff !== undefined && !book.hasReached(first)) book.breakOff(cutOff);
    const unknown = others.findIndex((message) => !book.hasReached(message));
    const known = [first, ...(unknown < 0 ? others : others.slice(0, unknown))];
    this.#emit(book, book.restart(known), first, records);
    for (const message of messages.slice(known.length)) records.push(...this.apply(message, at));
    return records;
  }

  /** Whether a book contains the state of `message`, which another feed of the book delivered. */
  hasReached(message: BookMessage): boolean {
    return this.#bookOf(message).hasReached(message);
  }

  /** Whether another feed of the book, whose last message is `message`, has reached the state of the book. */
  isReachedBy(message: BookMessage): boolean {
    return this.#bookOf(message).isReachedBy(message);
  }

  /** Marks a book as broken until its next snapshot. */
  breakOff(market: Market, symbol: string, reason: GapReason): void {
    this.#books.get(`${market} ${symbol}`)?.breakOff(reason);
  }

  /** Whether a book has a state that the next delta may continue. */
  isTrusted(market: Market, symbol: string): boolean {
    return this.#books.get(`${market} ${symbol}`)?.isTrusted ?? false;
  }

  #emit(book: TrackedBook, outcome: Outcome, message: BookMessage, records: AnyRecord[]): void {
    this.#stats[outcome] += 1;
    if (outcome === 'snapshot') this.#begin(book, records);
    else if (outcome === 'delta') this.#continue(book, message, records);
    else if (outcome === 'sequence') this.#release(book, records);
    // A state that a checksum or a crossed book disproves may have been wrong already when it was withheld.
    else if (outcome === 'checksum' || outcome === 'crossed' || outcome === 'refused') this.#throttle.drop(book);
  }

  /** Returns the withheld snapshots that are due at `at`, in the order in which they became due. */
  due(at: number): AnyRecord[] {
    this.#now = Math.max(this.#now, at);
    const records: AnyRecord[] = [];
    // Called for every message, and most of the time nothing is due.
    if (!this.#throttle.isDue(this.#now)) return records;
    for (const [book, moment] of this.#throttle.due(this.#now)) records.push(this.#snapshot(book, moment));
    return records;
  }

  /**
   * Returns the last records of a run: withheld states, and a gap for every book that no snapshot repaired, until the
   * exchange's time on its market.
   */
  finish(at: number, time: (market: Market) => number): AnyRecord[] {
    const records = this.due(at);
    for (const book of this.#throttle.drain(this.#now)) records.push(this.#snapshot(book));
    for (const book of this.#books.values()) this.#closeGap(book, time(book.market), records);
    return records;
  }

  /** Returns the symbols whose book waits for a snapshot, which the exchange sends only on a new subscription. */
  broken(): { market: Market; symbol: string }[] {
    return [...this.#books.values()].filter(({ gap }) => gap).map(({ market, symbol }) => ({ market, symbol }));
  }

  #begin(book: TrackedBook, records: AnyRecord[]): void {
    if (book.gap?.isBeforeFirst) book.gap = undefined;
    this.#closeGap(book, book.timestamp, records);
    if (this.#emitsDeltas(book)) records.push({ type: 'book_snapshot', ...this.#identify(book), ...book.top() });
    this.#offer(book, records);
  }

  #continue(book: TrackedBook, message: BookMessage, records: AnyRecord[]): void {
    if (this.#emitsDeltas(book)) {
      const { previousSequence } = message;
      const delta: BookDelta = { type: 'book_delta', ...this.#identify(book), ...book.changes(message), previousSequence };
      records.push(delta);
    }
    this.#offer(book, records);
  }

  #offer(book: TrackedBook, records: AnyRecord[]): void {
    if (this.#options.snapshots && this.#throttle.offer(book, this.#now)) records.push(this.#snapshot(book));
  }

  /** Emits the last state before a missed message: it is correct, and no later one may follow for a while. */
  #release(book: TrackedBook, records: AnyRecord[]): void {
    if (this.#throttle.release(book, this.#now)) records.push(this.#snapshot(book));
  }

  #closeGap(book: TrackedBook, until: number, records: AnyRecord[]): void {
    const { gap, exchange, market, symbol } = book;
    if (!gap) return;
    const { reason, fromTimestamp: from } = gap;
    for (const channel of this.#channels(book))
      records.push(buildGap({ exchange, market, symbol, channel }, { from, until, reason }));
    book.gap = undefined;
  }

  #channels(book: TrackedBook): string[] {
    const channels = this.#options.snapshots ? ['book'] : [];
    return this.#emitsDeltas(book) ? [...channels, 'book_delta'] : channels;
  }

  /** Whether deltas are emitted: a channel of top-N snapshots has none. */
  #emitsDeltas(book: TrackedBook): boolean {
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
