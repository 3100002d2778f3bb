import type { Exchange, Frame, ReaderContext } from '../../exchanges/exchange.js';
import type { BookMessage } from '../../model/book-message.js';
import { FailureError } from '../../model/errors.js';
import type { AnyRecord, Market, Trade } from '../../model/records.js';
import { ABNORMAL_CODE, STALE_CODE, type TapeEntry, type WireEvent } from '../../tape/tape.js';
import type { Feed } from '../repair/feed-table.js';
import type { TradePoint } from '../repair/known-trades.js';
import type { Pauses } from '../repair/pauses.js';
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
import { EventIntake } from './event-intake.js';
import { FrameNotes } from './frame-notes.js';
import { InstrumentTable } from './instrument-table.js';
import type { ClockTick } from './market-clock.js';
import { PolledIntake } from './polled.js';

export type { CaptureListener, CaptureOptions, DataFrame, FrameEvent } from './capture-options.js';

type Answer = Extract<Frame, { kind: 'acknowledged' }>;
type EventOf<Kind extends WireEvent['kind']> = Extract<WireEvent, { kind: Kind }>;

/**
 * Turns what happened on the wire into records: the one code path of live capture and replay. It knows time only from
 * its input, so the same events give the same records.
 */
export class Capture {
  readonly statistics: Statistics;
  /** What an earlier run into the same outputs left open. */
  readonly pauses: Pauses;
  readonly #options: CaptureOptions;
  readonly #connections: Connections;
  readonly #instruments = new InstrumentTable();
  readonly #intake: EventIntake;
  readonly #notes: FrameNotes;
  readonly #polls: PolledIntake;
  readonly #holdsClock = (market: string) => this.#intake.trades.holdsClock(market);
  #lastFrame = 0;

  constructor(options: CaptureOptions) {
    this.#options = options;
    const { selection } = options;
    this.#connections = new Connections(selection, this.#instruments);
    const intake = new EventIntake(options, this.#connections);
    const { statistics, pauses, clocks } = intake;
    this.#intake = intake;
    this.statistics = statistics;
    this.pauses = pauses;
    this.#notes = new FrameNotes(statistics, options);
    const emit = (record: AnyRecord, records: AnyRecord[]) => intake.emit(record, records);
    this.#polls = new PolledIntake({ selection, notes: this.#notes, clocks, pauses, emit });
  }

  /** What says which trades are to be fetched, and takes them; undefined where nothing is repaired. */
  get repair(): TradeRepair | undefined {
    return this.#intake.trades.repair;
  }

  /** Returns the records that one event on the wire of `exchange` leads to, in order. `listener` receives its frame. */
  apply(exchange: Exchange, entry: TapeEntry, listener?: CaptureListener): AnyRecord[] {
    if (entry.kind === 'broken') {
      this.#notes.broken(entry);
      return [];
    }
    const intake = this.#intake;
    if (entry.at < intake.now) this.statistics.unordered += 1;
    const records = this.advance(entry.at);
    if (entry.kind === 'frame') this.#frame(exchange, entry, records, listener);
    else if (entry.kind === 'connect') this.#opened(exchange, entry);
    else if (entry.kind === 'sent') this.#sent(exchange, entry, records);
    else if (entry.kind === 'close') this.#closed(exchange, entry, records);
    else this.#answered(exchange, entry, records);
    intake.trades.flush(records);
    return records;
  }

  /** Lets time pass up to `at`: returns the seconds that have passed and the book snapshots that have become due. */
  advance(at: number): AnyRecord[] {
    const records: AnyRecord[] = [];
    const intake = this.#intake;
    if (at <= intake.now) return records;
    intake.advance(at, records);
    for (const tick of intake.clocks.due(at, this.#holdsClock)) {
      this.#emitDue(tick.at, records);
      this.#tick(tick, tick.at, records);
    }
    this.#emitDue(at, records);
    intake.now = at;
    return records;
  }

  /**
   * Returns what was withheld: last states of books, and holes that nothing ended. What is lost after `stopped` is no hole;
   * a tape does not say when it was stopped, and ends with the losses that follow its last frame.
   */
  finish(stopped: number = this.#lastFrame): AnyRecord[] {
    const records: AnyRecord[] = [];
    this.#intake.finish(stopped, records);
    return records;
  }

  /** The symbols whose book waits for a snapshot that nobody will send unasked: they are to be subscribed anew. */
  brokenBooks(exchange: string): { market: Market; symbol: string }[] {
    return this.#intake.books.broken(exchange);
  }

  /** Notes that records of a book were lost on the way to the outputs: its next record is a whole book. */
  restartBook(exchange: string, market: Market, symbol: string): void {
    this.#intake.books.restart(exchange, market, symbol);
  }

  /** Returns the exchange's time on a market, 0 before anything was heard of it. */
  time(exchange: string, market: Market): number {
    return this.#intake.time({ exchange, market });
  }

  /** Returns the feeds of a channel that are received now, or whose hole will be told. */
  feedsOf(channel: Feed['channel']): Feed[] {
    return this.#intake.feedsOf(channel);
  }

  /** Returns what follows from what a repair was told beside the wire. */
  repaired(): AnyRecord[] {
    return this.#intake.trades.flush([]);
  }

  /** Tells the last trades of a feed that are stored: what came since is missing, and what comes again is known. */
  resume(feed: Feed, trades: readonly TradePoint[]): void {
    this.#intake.trades.resume(feed, trades, this.#intake.now);
  }

  /** Notes that a trade did not fit into the outputs: it will be fetched again. Returns whether it is the first. */
  overflow(trade: Trade): boolean {
    return this.#intake.trades.overflow(trade, this.#intake.now);
  }

  /** Whether a trade comes out of a repair: it was fetched, or held back. */
  hasRepaired(trade: Trade): boolean {
    return this.#intake.trades.hasGiven(trade);
  }

  #opened(exchange: Exchange, entry: EventOf<'connect'>): void {
    if (exchange.bookSnapshots) this.#intake.books.beginOverRest(exchange.id, exchange.bookSnapshots);
    this.#connections.open(exchange, entry, this.#intake.now);
  }

  /** Takes an answer over HTTP: instruments that readers need, a whole book, or what was polled. */
  #answered(exchange: Exchange, entry: EventOf<'http'>, records: AnyRecord[]): void {
    const { now, books } = this.#intake;
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
    const { now } = this.#intake;
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
    const ended = this.#connections.get(exchange, name)?.confirmations.sent(text) ?? [];
    this.#intake.released(exchange.id, ended, idOf(exchange, name), records);
  }

  #confirmed({ id, exchange, confirmations }: Connection, frame: Answer, records: AnyRecord[]): void {
    for (const feed of confirmations.confirmed(frame)) {
      if (!this.#options.selection.wantsFeed(exchange.id, feed)) continue;
      this.#intake.confirmed({ ...feed, exchange: exchange.id }, id, records);
    }
  }

  #closed(exchange: Exchange, { connection: name, code }: EventOf<'close'>, records: AnyRecord[]): void {
    const { heard } = this.#connections.get(exchange, name) ?? { heard: this.#intake.now };
    this.#connections.close(exchange, name);
    const reason = code === STALE_CODE ? 'stale' : 'disconnect';
    // A close frame comes after all that was sent before it; without one, nobody knows how much was on its way.
    const isBroken = code === STALE_CODE || code === ABNORMAL_CODE;
    this.#intake.lost(exchange.id, idOf(exchange, name), { heard, reason, isBroken }, records);
  }

  #data(connection: Connection, frame: DataFrame, records: AnyRecord[]): void {
    const intake = this.#intake;
    const { id, exchange } = connection;
    for (const reason of frame.rejected) this.#notes.trouble(this.statistics.rejected, 'record', reason);
    this.#options.onData?.(frame);
    if (!this.#options.selection.wantsMarket(frame.market)) return;
    const clock = intake.clocks.of(exchange.id, frame.market);
    if (frame.pushTimestamp !== undefined) clock.observe(frame.pushTimestamp, intake.now);
    if (frame.history) intake.history(exchange.id, id, frame, records);
    else for (const event of frame.events) intake.event(id, event, records);
    if (this.#holdsClock(clock.name)) return;
    for (const tick of clock.due(intake.now)) this.#tick(tick, intake.now, records);
  }

  #emitDue(at: number, records: AnyRecord[]): void {
    const { books, outlet } = this.#intake;
    for (const record of books.due(at)) outlet.emit(record, Math.min(record.localTimestamp ?? at, at), records);
  }

  #tick({ exchange, market, timestamp }: ClockTick, at: number, records: AnyRecord[]): void {
    this.#intake.outlet.emit({ type: 'clock', exchange, market, timestamp }, at, records);
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
