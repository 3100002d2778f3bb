import type { BookKeeperOptions } from '../../book/book-keeper.js';
import type { BookSnapshots } from '../../exchanges/exchange.js';
import type { BookMessage } from '../../model/book-message.js';
import type { AnyRecord, GapReason, Market } from '../../model/records.js';
import { type Continuity, ceilSecond } from '../repair/continuity.js';
import type { Feed } from '../repair/feed-table.js';
import type { Selection } from '../selection.js';
import type { Statistics } from '../statistics.js';
import { BookFeeds, type Succession } from './book-feeds.js';
import { BookJoins } from './book-joins.js';

export type BookIntakeOptions = Omit<BookKeeperOptions, 'snapshots' | 'deltas'> & {
  readonly selection: Selection;
  readonly continuity: Continuity;
  /** Told of what came of a feed before its records are. */
  readonly received: (feed: Feed, connection: string, timestamp: number, records: AnyRecord[]) => void;
  readonly emit: (record: AnyRecord, records: AnyRecord[]) => void;
};

const CHANNELS = ['book', 'book_delta'] as const;

/** Messages that changed a book as they should are not counted apart. */
const AS_THEY_SHOULD: ReadonlySet<string> = new Set(['snapshot', 'delta']);

export function isOfBook({ channel }: { readonly channel: string }): boolean {
  return channel === 'book' || channel === 'book_delta';
}

/** Takes the books of all exchanges into a capture. */
export class BookIntake {
  readonly #options: BookIntakeOptions;
  readonly #channels: readonly (typeof CHANNELS)[number][];
  readonly #books = new Map<string, BookFeeds>();
  readonly #overRest = new Map<string, BookSnapshots>();
  readonly #joins = new BookJoins();

  constructor(options: BookIntakeOptions) {
    this.#options = options;
    this.#channels = CHANNELS.filter((channel) => options.selection.wantsChannel(channel));
  }

  /** Notes that books of an exchange may begin over REST. */
  beginOverRest(exchange: string, snapshots: BookSnapshots): void {
    this.#overRest.set(exchange, snapshots);
  }

  /** Passes on what a message leads to. */
  apply(connection: string, message: BookMessage, at: number, records: AnyRecord[]): void {
    if (this.#channels.length === 0) return;
    if (this.#joins.keepsWaiting(connection, message)) return;
    this.#apply(connection, message, at, records);
    if (message.action === 'snapshot' || this.#of(message.exchange).isContinued(connection, message)) return;
    if (this.#overRest.get(message.exchange)?.request(message.market, message.symbol)) this.#joins.wait(connection, message);
  }

  /** Joins a whole book that arrived over REST with the deltas that waited for it. */
  join(snapshot: BookMessage, at: number, records: AnyRecord[]): void {
    for (const { connection, messages } of this.#joins.take(snapshot))
      for (const message of messages) this.apply(connection, message, at, records);
  }

  /** Notes that records of a book were lost on the way: it begins again. */
  restart(exchange: string, market: Market, symbol: string): void {
    this.#of(exchange).restart(market, symbol);
  }

  #apply(connection: string, message: BookMessage, at: number, records: AnyRecord[]): void {
    const applied = this.#of(message.exchange).apply(connection, message, at);
    if (applied === 'kept') for (const feed of this.#feedsOf(message)) this.#options.continuity.carried(feed, connection, at);
    else if (applied) this.#pass([{ connection, message, records: applied }], records);
  }

  /** Notes that a book was ended on a connection on purpose. */
  released({ exchange, market, symbol }: Feed, connection: string, at: number, records: AnyRecord[]): void {
    this.#joins.forget(connection, { exchange, market, symbol });
    this.#pass(this.#of(exchange).released(connection, market, symbol, at), records);
  }

  /** Lets connections go on with books that have waited too long for others. */
  overtake(at: number, records: AnyRecord[]): void {
    for (const books of this.#books.values()) this.#pass(books.overtake(at), records);
  }

  /** Forgets a connection; `brokeOff` says why, where it may have had more to tell. To be called after `Continuity.lost`. */
  lost(exchange: string, connection: string, at: number, brokeOff: GapReason | undefined, records: AnyRecord[]): void {
    this.#joins.lost(connection);
    const { continuity } = this.#options;
    const isCarried = (market: Market, symbol: string) =>
      CHANNELS.some((channel) => continuity.isCarried({ exchange, market, channel, symbol }));
    this.#pass(this.#of(exchange).lost(connection, at, isCarried, brokeOff), records);
  }

  /** The symbols whose book waits for a snapshot that nobody will send unasked. */
  broken(exchange: string): ReturnType<BookFeeds['broken']> {
    return [...this.#of(exchange).broken(), ...this.#joins.waiting(exchange)];
  }

  /** Returns the snapshots that were withheld and have become due. */
  due(at: number): readonly AnyRecord[] {
    const records: AnyRecord[] = [];
    for (const books of this.#books.values()) records.push(...books.due(at));
    return records;
  }

  /** Returns what is still withheld, and tells what the messages did; `passed` gives the exchange's time. */
  *finish(at: number, passed: (feed: Pick<Feed, 'exchange' | 'market'>) => number, statistics: Statistics): Generator<AnyRecord> {
    for (const [exchange, books] of this.#books) {
      yield* books.finish(at, (market) => ceilSecond(passed({ exchange, market })));
      for (const [outcome, count] of Object.entries(books.outcomes)) {
        if (count > 0 && !AS_THEY_SHOULD.has(outcome))
          statistics.books.set(outcome, count + (statistics.books.get(outcome) ?? 0));
      }
    }
  }

  #pass(successions: readonly Succession[], records: AnyRecord[]): void {
    const { received, emit } = this.#options;
    for (const { connection, message, records: applied } of successions) {
      for (const feed of this.#feedsOf(message)) received(feed, connection, message.timestamp, records);
      for (const record of applied) emit(record, records);
    }
  }

  #feedsOf({ exchange, market, symbol }: BookMessage): Feed[] {
    return this.#channels.map((channel) => ({ exchange, market, channel, symbol }));
  }

  #of(exchange: string): BookFeeds {
    const { depth, interval } = this.#options;
    const [snapshots, deltas] = [this.#channels.includes('book'), this.#channels.includes('book_delta')];
    const books = this.#books.get(exchange) ?? new BookFeeds({ depth, interval, snapshots, deltas });
    this.#books.set(exchange, books);
    return books;
  }
}
