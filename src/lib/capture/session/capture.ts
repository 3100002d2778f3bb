import type { Exchange, Frame, ReaderContext } from '../../exchanges/exchange.js';
import type { BookMessage } from '../../model/book-message.js';
import { FailureError } from '../../model/errors.js';
import type { AnyRecord, Market, Trade } from '../../model/records.js';
import { ABNORMAL_CODE, STALE_CODE, type TapeEntry, type WireEvent } from '../../tape/tape.js';
import type { Downtime } from '../repair/downtime.js';
import type { Feed } from '../repair/feed-table.js';
import type { TradePoint } from '../repair/known-trades.js';
import type { TradeRepair } from '../repair/trade-repair.js';
import type { Statistics } from '../statistics.js';
import {
  type CaptureListener,
  type CaptureOptions,
  type DataFrame,
  FOREIGN,
  type FrameEvent,
  UNOPENED,
} from './capture-options.js';
import { type Connection, Connections, idOf } from './connections.js';
import { type AuditTerms, EventFilter } from './event-filter.js';
import { FrameNotes } from './frame-notes.js';
import { InstrumentTable } from './instrument-table.js';
import type { ClockTick } from './market-clock.js';
import { PollFilter } from './poll-filter.js';

export type { CaptureOptions, DataFrame, FrameEvent } from './capture-options.js';

type Answer = Extract<Frame, { kind: 'acknowledged' }>;
type EventOf<Kind extends WireEvent['kind']> = Extract<WireEvent, { kind: Kind }>;

/**
 * The one code path of live capture and replay: turns the events of the wire into records. It knows time only from its
 * input, so the same events lead to the same records.
 */
export class Capture {
  readonly statistics: Statistics;
  /** The gaps since an earlier run into the same outputs. */
  readonly downtime: Downtime;
  readonly #options: CaptureOptions;
  readonly #connections: Connections;
  readonly #instruments = new InstrumentTable();
  readonly #filter: EventFilter;
  readonly #notes: FrameNotes;
  readonly #polls: PollFilter;
  readonly #holdsClock = (market: string) => this.#filter.trades.holdsClock(market) || this.#connections.isDisconnected(market);
  #lastFrame = 0;

  constructor(options: CaptureOptions) {
    this.#options = options;
    const { selection } = options;
    this.#connections = new Connections(selection, this.#instruments);
    const filter = new EventFilter(options, this.#connections);
    const { statistics, downtime, clocks } = filter;
    this.#filter = filter;
    this.statistics = statistics;
    this.downtime = downtime;
    this.#notes = new FrameNotes(statistics, options);
    const emit = (record: AnyRecord, records: AnyRecord[]) => filter.emit(record, records);
    this.#polls = new PollFilter({ selection, notes: this.#notes, clocks, downtime, emit });
  }

  /** The repair of trade gaps, undefined where gaps are not repaired. */
  get repair(): TradeRepair | undefined {
    return this.#filter.trades.repair;
  }

  /** Returns the records that one event on the wire of `exchange` leads to, in order. `listener` receives its frame. */
  apply(exchange: Exchange, entry: TapeEntry, listener?: CaptureListener): AnyRecord[] {
    if (entry.kind === 'broken') {
      this.#notes.broken(entry);
      return [];
    }
    const filter = this.#filter;
    if (entry.at < filter.now) this.statistics.unordered += 1;
    const records = this.advance(entry.at);
    if (entry.kind === 'frame') this.#frame(exchange, entry, records, listener);
    else if (entry.kind === 'connect') this.#opened(exchange, entry);
    else if (entry.kind === 'sent') this.#sent(exchange, entry, records);
    else if (entry.kind === 'close') this.#closed(exchange, entry, records);
    else this.#answered(exchange, entry, records);
    filter.trades.flush(records);
    return records;
  }

  /** Advances the time to `at`. Returns the seconds that have passed and the book snapshots that are due. */
  advance(at: number): AnyRecord[] {
    const records: AnyRecord[] = [];
    const filter = this.#filter;
    if (at <= filter.now) return records;
    filter.advance(at, records);
    for (const tick of filter.clocks.due(at, this.#holdsClock)) {
      this.#emitDue(tick.at, records);
      this.#tick(tick, tick.at, records);
    }
    this.#emitDue(at, records);
    filter.now = at;
    return records;
  }

  /**
   * Returns the records that are still withheld: last states of books, and open gaps. A feed that was lost after `stopped`
   * has no gap; a tape does not say when its run was stopped, so its last frame counts.
   */
  finish(stopped: number = this.#lastFrame): AnyRecord[] {
    const records: AnyRecord[] = [];
    this.#filter.finish(stopped, records);
    return records;
  }

  /** Returns the symbols whose book waits for a snapshot, which the exchange sends only on a new subscription. */
  brokenBooks(exchange: string): { market: Market; symbol: string }[] {
    return this.#filter.books.broken(exchange);
  }

  /** Registers that records of a book were lost on the way to the outputs: its next record is a whole book. */
  restartBook(exchange: string, market: Market, symbol: string): void {
    this.#filter.books.restart(exchange, market, symbol);
  }

  /** Returns the exchange's time on a market, 0 before its first frame. */
  time(exchange: string, market: Market): number {
    return this.#filter.time({ exchange, market });
  }

  /** Returns the feeds of a channel that are delivered or have an open gap. */
  feedsOf(channel: Feed['channel']): Feed[] {
    return this.#filter.feedsOf(channel);
  }

  /** Returns the records that follow from pages passed to the repair. */
  repaired(): AnyRecord[] {
    return this.#filter.trades.flush([]);
  }

  /** Registers that a feed is mute on its open connection: its records are missing until it is subscribed again. */
  muted(feed: Feed): void {
    this.#filter.muted(feed);
  }

  /** Returns up to `most` trade feeds that are due for an audit. */
  dueAudits(most: number): Feed[] {
    return this.#filter.dueAudits(most);
  }

  /** Returns the trade feeds that are delivered. */
  deliveredTrades(): Feed[] {
    return this.#filter.deliveredTrades();
  }

  /** Returns the trade feeds with a silence that nothing has proven. */
  unprovenFeeds(): Feed[] {
    return this.#filter.unprovenFeeds();
  }

  /**
   * Compares trades that the exchange lists with those that a feed delivered. Returns whether the feed is mute and must be
   * subscribed again; never where it may not be: then its trades are only fetched.
   */
  audit(feed: Feed, listed: readonly Trade[], terms: AuditTerms): boolean {
    return this.#filter.audit(feed, listed, terms);
  }

  /** Registers the last stored trades of a feed: every later trade is missing, and their copies are duplicates. */
  resume(feed: Feed, trades: readonly TradePoint[]): void {
    this.#filter.trades.resume(feed, trades, this.#filter.now);
    this.#filter.audits.resumed(feed);
  }

  /** Registers a trade that the full outputs rejected, to be fetched later. Returns whether it is the first one dropped. */
  overflow(trade: Trade): boolean {
    return this.#filter.trades.overflow(trade, this.#filter.now);
  }

  /** Whether a trade was fetched or held back by a repair. */
  isRepaired(trade: Trade): boolean {
    return this.#filter.trades.isRepaired(trade);
  }

  #opened(exchange: Exchange, entry: EventOf<'connect'>): void {
    if (exchange.bookSnapshots) this.#filter.books.beginOverRest(exchange.id, exchange.bookSnapshots);
    this.#connections.open(exchange, entry, this.#filter.now);
  }

  /** Takes an answer over HTTP: instruments that readers need, a whole book, or what was polled. */
  #answered(exchange: Exchange, entry: EventOf<'http'>, records: AnyRecord[]): void {
    const { now, books } = this.#filter;
    try {
      this.#instruments.apply(exchange, entry);
      const book = wholeBook(exchange, entry, this.#instruments.contextOf(exchange));
      if (typeof book === 'string') this.#notes.trouble(this.statistics.rejected, 'book', book);
      else if (book) books.join(book, now, records);
    } catch (error) {
      if (!(error instanceof FailureError)) throw error;
      this.#notes.trouble(this.statistics.rejected, 'answer', error.message);
    }
    this.#polls.apply(exchange, entry, now, records);
  }

  #frame(exchange: Exchange, event: FrameEvent, records: AnyRecord[], listener: CaptureListener | undefined): void {
    const { connection: name, content } = event;
    const { now } = this.#filter;
    this.statistics.frames += 1;
    this.statistics.bytes += content.length;
    this.#lastFrame = now;
    const connection = this.#connections.get(exchange, name);
    if (connection) connection.heard = now;
    const frame = connection ? (connection.reader?.read(content, now) ?? FOREIGN) : UNOPENED;
    if (frame.kind === 'data' && connection) {
      listener?.delivered(connection.id, frame, event);
      this.#data(connection, frame, records);
    } else {
      listener?.answered(idOf(exchange, name), frame);
      // The connection supervisor of a live run reports refusals itself.
      if (frame.kind !== 'refused' || !listener) this.#notes.frame(frame, content);
    }
    if (frame.kind === 'acknowledged' && connection) this.#confirmed(connection, frame, records);
  }

  #sent(exchange: Exchange, { connection: name, text }: EventOf<'sent'>, records: AnyRecord[]): void {
    const unsubscribed = this.#connections.get(exchange, name)?.confirmations.sent(text) ?? [];
    this.#filter.unsubscribed(exchange.id, unsubscribed, idOf(exchange, name), records);
  }

  #confirmed(connection: Connection, frame: Answer, records: AnyRecord[]): void {
    const { id, exchange, confirmations } = connection;
    for (const feed of confirmations.confirmed(frame)) {
      if (!this.#options.selection.wantsFeed(exchange.id, feed)) continue;
      this.#connections.delivers(connection, feed.market);
      this.#filter.confirmed({ ...feed, exchange: exchange.id }, id, records);
    }
  }

  #closed(exchange: Exchange, { connection: name, code }: EventOf<'close'>, records: AnyRecord[]): void {
    const { heard } = this.#connections.get(exchange, name) ?? { heard: this.#filter.now };
    this.#connections.close(exchange, name);
    const reason = code === STALE_CODE ? 'stale' : 'disconnect';
    // A close frame follows everything that was sent; without one, messages may have been on their way.
    const isCutOff = code === STALE_CODE || code === ABNORMAL_CODE;
    this.#filter.lost(exchange.id, idOf(exchange, name), { heard, reason, isCutOff }, records);
  }

  #data(connection: Connection, frame: DataFrame, records: AnyRecord[]): void {
    const filter = this.#filter;
    const { id, exchange } = connection;
    for (const reason of frame.rejected) this.#notes.trouble(this.statistics.rejected, 'record', reason);
    this.#options.onData?.(frame);
    if (!this.#options.selection.wantsMarket(frame.market)) return;
    this.#connections.delivers(connection, frame.market);
    const clock = filter.clocks.of(exchange.id, frame.market);
    if (frame.pushTimestamp !== undefined) clock.observe(frame.pushTimestamp, filter.now);
    if (frame.history) filter.snapshot(exchange.id, id, frame, records);
    else for (const event of frame.events) filter.event(id, event, records);
    if (this.#holdsClock(clock.name)) return;
    for (const tick of clock.due(filter.now)) this.#tick(tick, filter.now, records);
  }

  #emitDue(at: number, records: AnyRecord[]): void {
    const { books, emitter } = this.#filter;
    for (const record of books.due(at)) emitter.emit(record, Math.min(record.localTimestamp ?? at, at), records);
  }

  #tick({ exchange, market, timestamp }: ClockTick, at: number, records: AnyRecord[]): void {
    this.#filter.emitter.emit({ type: 'clock', exchange, market, timestamp }, at, records);
  }
}

/** Returns the whole book that an answer over HTTP holds, or why it cannot be read; undefined where it is no book. */
function wholeBook(
  { bookSnapshots }: Exchange,
  { at, url, status, body }: EventOf<'http'>,
  context: ReaderContext,
): BookMessage | string | undefined {
  if (!bookSnapshots || status !== 200 || !URL.canParse(url)) return undefined;
  const { pathname: path, searchParams } = new URL(url);
  return bookSnapshots.parse({ path, query: Object.fromEntries(searchParams) }, body, at, context);
}
