import type { BookKeeperOptions } from '../../book/book-keeper.js';
import type { BookSnapshots } from '../../exchanges/exchange.js';
import type { BookMessage } from '../../model/book-message.js';
import type { AnyRecord, GapReason, Market } from '../../model/records.js';
import { type Continuity, ceilSecond } from '../repair/continuity.js';
import type { Feed } from '../repair/feed-table.js';
import type { Selection } from '../selection.js';
import type { Statistics } from '../statistics.js';
import { BookFeeds, type BookTakeover } from './book-feeds.js';
import { BookJoins } from './book-joins.js';

type BookFilterOptions = Omit<BookKeeperOptions, 'snapshots' | 'deltas'> & {
  readonly selection: Selection;
  readonly continuity: Continuity;
  /** Registers a message of a feed before its records are emitted. */
  readonly received: (feed: Feed, connection: string, timestamp: number, records: AnyRecord[]) => void;
  readonly emit: (record: AnyRecord, records: AnyRecord[]) => void;
};

const CHANNELS = ['book', 'book_delta'] as const;

/** Outcomes of messages that changed a book as expected: the statistics do not count them. */
const EXPECTED_OUTCOMES: ReadonlySet<string> = new Set(['snapshot', 'delta']);

export function isOfBook({ channel }: { readonly channel: string }): boolean {
  return channel === 'book' || channel === 'book_delta';
}

/** The filter of book messages of all exchanges: turns them into records and gaps. */
export class BookFilter {
  readonly #options: BookFilterOptions;
  readonly #channels: readonly (typeof CHANNELS)[number][];
  readonly #books = new Map<string, BookFeeds>();
  readonly #overRest = new Map<string, BookSnapshots>();
  readonly #joins = new BookJoins();

  constructor(options: BookFilterOptions) {
    this.#options = options;
    this.#channels = CHANNELS.filter((channel) => options.selection.wantsChannel(channel));
  }

  /** Registers that books of an exchange may begin with a REST snapshot. */
  beginOverRest(exchange: string, snapshots: BookSnapshots): void {
    this.#overRest.set(exchange, snapshots);
  }

  /** Emits the records that a message leads to. */
  apply(connection: string, message: BookMessage, at: number, records: AnyRecord[]): void {
    if (this.#channels.length === 0) return;
    if (this.#joins.keepsWaiting(connection, message)) return;
    this.#apply(connection, message, at, records);
    const snapshots = message.action === 'delta' ? this.#overRest.get(message.exchange) : undefined;
    if (!snapshots || this.#booksOf(message.exchange).isContinued(connection, message)) return;
    if (snapshots.request(message.market, message.symbol)) this.#joins.wait(connection, message);
  }

  /** Joins a whole book that arrived over REST with the deltas that waited for it. */
  join(snapshot: BookMessage, at: number, records: AnyRecord[]): void {
    for (const { connection, messages } of this.#joins.take(snapshot))
      for (const message of messages) this.apply(connection, message, at, records);
  }

  /** Registers that records of a book were lost on the way to the outputs: it begins again. */
  restart(exchange: string, market: Market, symbol: string): void {
    this.#booksOf(exchange).restart(market, symbol);
  }

  #apply(connection: string, message: BookMessage, at: number, records: AnyRecord[]): void {
    const applied = this.#booksOf(message.exchange).apply(connection, message, at);
    if (applied === 'queued')
      for (const feed of this.#feedsOf(message)) this.#options.continuity.delivering(feed, connection, at);
    else if (applied) this.#emit([{ connection, message, records: applied }], records);
  }

  /** Registers that we unsubscribed a book on a connection. */
  unsubscribed({ exchange, market, symbol }: Feed, connection: string, at: number, records: AnyRecord[]): void {
    this.#joins.forget(connection, { exchange, market, symbol });
    this.#emit(this.#booksOf(exchange).unsubscribed(connection, market, symbol, at), records);
  }

  /** Lets successors take over from connections that are behind for too long. */
  checkTimeouts(at: number, records: AnyRecord[]): void {
    for (const books of this.#books.values()) this.#emit(books.checkTimeouts(at), records);
  }

  /**
   * Registers that a connection was lost; `cutOff` is the reason where messages may have been on their way. Call after
   * `Continuity.lost`.
   */
  lost(exchange: string, connection: string, at: number, cutOff: GapReason | undefined, records: AnyRecord[]): void {
    this.#joins.lost(connection);
    const { continuity } = this.#options;
    const isDelivered = (market: Market, symbol: string) =>
      CHANNELS.some((channel) => continuity.isDelivered({ exchange, market, channel, symbol }));
    this.#emit(this.#booksOf(exchange).lost(connection, at, isDelivered, cutOff), records);
  }

  /** Returns the symbols whose book waits for a snapshot, which the exchange sends only on a new subscription. */
  broken(exchange: string): ReturnType<BookFeeds['broken']> {
    return [...this.#booksOf(exchange).broken(), ...this.#joins.waiting(exchange)];
  }

  /** Returns the withheld snapshots that are due at `at`. */
  due(at: number): readonly AnyRecord[] {
    const records: AnyRecord[] = [];
    for (const books of this.#books.values()) records.push(...books.due(at));
    return records;
  }

  /** Returns the records that are still withheld, and counts the outcomes. `passed` returns the exchange's time. */
  *finish(at: number, passed: (feed: Pick<Feed, 'exchange' | 'market'>) => number, statistics: Statistics): Generator<AnyRecord> {
    for (const [exchange, books] of this.#books) {
      yield* books.finish(at, (market) => ceilSecond(passed({ exchange, market })));
      for (const [outcome, count] of Object.entries(books.outcomes)) {
        if (count > 0 && !EXPECTED_OUTCOMES.has(outcome))
          statistics.books.set(outcome, count + (statistics.books.get(outcome) ?? 0));
      }
    }
  }

  #emit(takeovers: readonly BookTakeover[], records: AnyRecord[]): void {
    const { received, emit } = this.#options;
    for (const { connection, message, records: applied } of takeovers) {
      for (const feed of this.#feedsOf(message)) received(feed, connection, message.timestamp, records);
      for (const record of applied) emit(record, records);
    }
  }

  #feedsOf({ exchange, market, symbol }: BookMessage): Feed[] {
    return this.#channels.map((channel) => ({ exchange, market, channel, symbol }));
  }

  #booksOf(exchange: string): BookFeeds {
    const { depth, interval } = this.#options;
    const [snapshots, deltas] = [this.#channels.includes('book'), this.#channels.includes('book_delta')];
    const books = this.#books.get(exchange) ?? new BookFeeds({ depth, interval, snapshots, deltas });
    this.#books.set(exchange, books);
    return books;
  }
}
