import type { Exchange, FeedEvent, Frame } from '../../exchanges/exchange.js';
import type { BookMessage } from '../../model/book-message.js';
import type { AnyRecord, Market, Trade } from '../../model/records.js';
import { Continuity, TAKEOVER_PATIENCE } from '../repair/continuity.js';
import type { Feed } from '../repair/feed-table.js';
import type { TradePoint } from '../repair/known-trades.js';
import { Pauses } from '../repair/pauses.js';
import { TradeIntake } from '../repair/trade-intake.js';
import type { TradeRepair } from '../repair/trade-repair.js';
import { channelOf, gapChannelOf } from '../selection.js';
import { Statistics } from '../statistics.js';
import { ABNORMAL_CODE, STALE_CODE, type TapeEntry, type WireEvent } from '../tape/tape.js';
import { BookIntake, isOfBook } from './book-intake.js';
import { type CaptureOptions, type DataFrame, FOREIGN, UNOPENED } from './capture-options.js';
import { type Connection, Connections, idOf } from './connections.js';
import { FrameNotes } from './frame-notes.js';
import type { ClockTick } from './market-clock.js';
import { MarketClocks } from './market-clocks.js';
import { Outlet } from './outlet.js';
import { PolledIntake } from './polled.js';

export type { CaptureListener, CaptureOptions, DataFrame } from './capture-options.js';

type Answer = Extract<Frame, { kind: 'acknowledged' }>;
type EventOf<Kind extends WireEvent['kind']> = Extract<WireEvent, { kind: Kind }>;

/**
 * Turns what happened on the wire into records: the one code path of live capture and replay. It knows time only from
 * its input, so the same events give the same records.
 */
export class Capture {
  readonly statistics = new Statistics();
  /** What an earlier run into the same outputs left open. */
  readonly pauses = new Pauses((feed, local) => this.#clocks.at(feed, local));
  /** Returns the feeds of a channel that are received now, or whose hole will be told. */
  readonly feedsOf = (channel: Feed['channel']): Feed[] => this.#continuity.feedsOf(channel);
  readonly #outlet = new Outlet(this.statistics);
  readonly #options: CaptureOptions;
  readonly #connections: Connections;
  readonly #notes: FrameNotes;
  readonly #clocks = new MarketClocks();
  readonly #books: BookIntake;
  readonly #trades: TradeIntake;
  readonly #holdsClock = (market: string) => this.#trades.holdsClock(market);
  readonly #continuity = new Continuity((feed, local) => this.#clocks.at(feed, local));
  readonly #polls: PolledIntake;
  #now = 0;
  #lastFrame = 0;

  constructor(options: CaptureOptions) {
    this.#options = options;
    this.#connections = new Connections(options.selection);
    this.#notes = new FrameNotes(this.statistics, options);
    const { selection, depth, bookInterval: interval } = options;
    const time = (exchange: string, market: Market) => this.time(exchange, market);
    const emit = (record: AnyRecord, records: AnyRecord[]) => this.#outlet.emit(record, this.#now, records);
    this.#books = new BookIntake({
      depth,
      interval,
      selection,
      continuity: this.#continuity,
      received: (feed, connection, timestamp, records) => this.#received(feed, connection, timestamp, records),
      emit,
    });
    this.#polls = new PolledIntake({ selection, notes: this.#notes, clocks: this.#clocks, pauses: this.pauses, emit });
    const pass = (record: AnyRecord, records: AnyRecord[]) => this.#outlet.pass(record, records);
    this.#trades = new TradeIntake({ limits: options.repair, statistics: this.statistics, time, emit, pass });
  }

  /** What says which trades are to be fetched, and takes them; undefined where nothing is repaired. */
  get repair(): TradeRepair | undefined {
    return this.#trades.repair;
  }

  /** Returns the records that one event on the wire of `exchange` leads to, in order. */
  apply(exchange: Exchange, entry: TapeEntry): AnyRecord[] {
    if (entry.kind === 'broken') {
      this.#notes.broken(entry);
      return [];
    }
    if (entry.at < this.#now) this.statistics.unordered += 1;
    const records = this.advance(entry.at);
    if (entry.kind === 'frame') this.#frame(exchange, entry, records);
    else if (entry.kind === 'connect') this.#connections.open(exchange, entry, this.#now);
    else if (entry.kind === 'sent') this.#sent(exchange, entry, records);
    else if (entry.kind === 'close') this.#lost(exchange, entry, records);
    else this.#polls.apply(exchange, entry, this.#now, records);
    this.#trades.flush(records);
    return records;
  }

  /** Lets time pass up to `at`: returns the seconds that have passed and the book snapshots that have become due. */
  advance(at: number): AnyRecord[] {
    const records: AnyRecord[] = [];
    if (at <= this.#now) return records;
    this.#overtake(at, records);
    this.repair?.advance(at);
    this.#trades.flush(records);
    for (const gap of this.pauses.due()) this.#outlet.emit(gap, this.#now, records);
    for (const tick of this.#clocks.due(at, this.#holdsClock)) {
      this.#emitDue(tick.at, records);
      this.#tick(tick, tick.at, records);
    }
    this.#emitDue(at, records);
    this.#now = at;
    return records;
  }

  /**
   * Returns what was withheld: last states of books, and holes that nothing ended. What is lost after `stopped` is no hole;
   * a tape does not say when it was stopped, and ends with the losses that follow its last frame.
   */
  finish(stopped: number = this.#lastFrame): AnyRecord[] {
    const records: AnyRecord[] = [];
    this.#goOn(records, true);
    this.repair?.finish(stopped);
    this.#trades.flush(records);
    const passed = ({ exchange, market }: Pick<Feed, 'exchange' | 'market'>) => this.time(exchange, market) || this.#now;
    for (const record of this.#books.finish(this.#now, passed, this.statistics)) this.#outlet.emit(record, this.#now, records);
    for (const gap of this.#continuity.finish(stopped, passed)) this.#outlet.emit(gap, this.#now, records);
    return records;
  }

  /** The symbols whose book waits for a snapshot that nobody will send unasked: they are to be subscribed anew. */
  brokenBooks(exchange: string): { market: Market; symbol: string }[] {
    return this.#books.broken(exchange);
  }

  /** Returns the exchange's time on a market, 0 before anything was heard of it. */
  time(exchange: string, market: Market): number {
    return this.#clocks.of(exchange, market).time(this.#now);
  }

  /** Returns what follows from what a repair was told beside the wire. */
  repaired(): AnyRecord[] {
    return this.#trades.flush([]);
  }

  /** Tells the last trades of a feed that are stored: what came since is missing, and what comes again is known. */
  resume(feed: Feed, trades: readonly TradePoint[]): void {
    this.#trades.resume(feed, trades, this.#now);
  }

  /** Notes that a trade did not fit into the outputs: it will be fetched again. Returns whether it is the first. */
  overflow(trade: Trade): boolean {
    return this.#trades.overflow(trade, this.#now);
  }

  /** Whether a trade comes out of a repair: it was fetched, or held back. */
  hasRepaired(trade: Trade): boolean {
    return this.#trades.hasGiven(trade);
  }

  #frame(exchange: Exchange, { connection: name, content }: EventOf<'frame'>, records: AnyRecord[]): void {
    this.statistics.frames += 1;
    this.statistics.bytes += content.length;
    this.#lastFrame = this.#now;
    const connection = this.#connections.get(exchange, name);
    if (connection) connection.heard = this.#now;
    const frame = connection ? (connection.reader?.read(content, this.#now) ?? FOREIGN) : UNOPENED;
    if (frame.kind === 'data' && connection) this.#data(connection, frame, records);
    else this.#notes.frame(idOf(exchange, name), frame, content);
    if (frame.kind === 'acknowledged' && connection) this.#confirmed(connection, frame, records);
  }

  #sent(exchange: Exchange, { connection: name, text }: EventOf<'sent'>, records: AnyRecord[]): void {
    const connection = this.#connections.get(exchange, name);
    for (const topic of connection?.confirmations.sent(text) ?? []) {
      const feed = { exchange: exchange.id, ...topic };
      this.#continuity.released(feed, idOf(exchange, name));
      if (isOfBook(feed)) this.#books.released(feed, idOf(exchange, name), this.#now, records);
    }
    this.#goOn(records);
  }

  #confirmed({ id, exchange, confirmations }: Connection, frame: Answer, records: AnyRecord[]): void {
    const { selection } = this.#options;
    for (const feed of confirmations.confirmed(frame)) {
      if (!selection.wantsFeed(exchange.id, feed)) continue;
      const carried = { ...feed, exchange: exchange.id };
      // A connection can go on with a book of another one when it has its snapshot, not before.
      if (isOfBook(carried) && this.#continuity.isCarried(carried)) continue;
      this.pauses.confirmed(carried, this.#now);
      const gap = this.#continuity.confirmed(carried, id, this.#now);
      if (gap) this.#outlet.emit(gap, this.#now, records);
      this.#trades.back(carried, this.#now);
    }
  }

  #data(connection: Connection, frame: DataFrame, records: AnyRecord[]): void {
    for (const reason of frame.rejected) this.#notes.trouble(this.statistics.rejected, 'record', reason);
    this.#options.listener?.delivered(connection.id, frame);
    this.#options.onData?.(frame);
    if (!this.#options.selection.wantsMarket(frame.market)) return;
    const clock = this.#clocks.of(connection.exchange.id, frame.market);
    if (frame.pushTimestamp !== undefined) clock.observe(frame.pushTimestamp, this.#now);
    if (frame.history) this.#history(connection, frame, records);
    else for (const event of frame.events) this.#event(connection.id, event, records);
    if (this.#holdsClock(clock.name)) return;
    for (const tick of clock.due(this.#now)) this.#tick(tick, this.#now, records);
  }

  #event(connection: string, event: FeedEvent, records: AnyRecord[]): void {
    if (!this.#options.selection.wantsSymbol(event.exchange, event.market, event.symbol)) return;
    if (event.type === 'book_message') this.#books.apply(connection, event, this.#now, records);
    else this.#record(connection, event, records);
  }

  #record(connection: string, event: Exclude<FeedEvent, BookMessage>, records: AnyRecord[], mayWait = true): void {
    const { selection } = this.#options;
    const channel = channelOf(event.type);
    if (!channel || !selection.wantsChannel(channel)) return;
    if (event.type === 'candle' && !selection.wantsInterval(event.interval)) return;
    // The one feed that may be of a whole product line (Bitget).
    if (event.type === 'liquidation' && !selection.wantsOfMany(event.exchange, event.market, event.symbol)) return;
    const feed: Feed = { exchange: event.exchange, market: event.market, channel, symbol: event.symbol };
    const isSingle = event.type === 'trade' || event.type === 'liquidation';
    if (isSingle && mayWait && !this.#continuity.leads(feed, connection)) {
      this.#continuity.carried(feed, connection, this.#now);
      if (this.#trades.wait({ feed, connection, event, until: this.#now + TAKEOVER_PATIENCE })) return;
    }
    if (event.type === 'liquidation') this.#trades.waiting.told(event);
    if (event.type === 'trade' && !this.#trades.isNew(event)) {
      this.statistics.duplicates += 1;
      this.#continuity.carried(feed, connection, this.#now);
      this.#trades.back(feed, this.#now);
      return;
    }
    this.#received(feed, connection, event.timestamp, records, gapChannelOf(event));
    if (event.type === 'trade' && this.#trades.hold(feed, event, this.#now)) {
      this.#trades.flush(records);
      return;
    }
    // While one connection replaces another, both deliver: what counts is what the one brings that leads.
    if (isSingle || this.#continuity.leads(feed, connection)) this.#outlet.emit(event, this.#now, records);
  }

  #received(feed: Feed, connection: string, timestamp: number, records: AnyRecord[], channel: string = feed.channel): void {
    if (this.#connections.find(connection)?.confirmations.hasEnded(feed)) return;
    const paused = this.pauses.ended(feed, channel, timestamp);
    if (paused) this.#outlet.emit(paused, this.#now, records);
    const gap = this.#continuity.received(feed, connection, timestamp, this.#now);
    if (gap) this.#outlet.emit(gap, this.#now, records);
  }

  #lost(exchange: Exchange, { connection: name, code }: EventOf<'close'>, records: AnyRecord[]): void {
    const connection = idOf(exchange, name);
    const { heard } = this.#connections.get(exchange, name) ?? { heard: this.#now };
    this.#connections.close(exchange, name);
    const reason = code === STALE_CODE ? 'stale' : 'disconnect';
    // A close frame comes after all that was sent before it; without one, nobody knows how much was on its way.
    const brokeOff = code === STALE_CODE || code === ABNORMAL_CODE ? reason : undefined;
    if (brokeOff)
      for (const gap of this.#continuity.leftBehind(connection, heard, brokeOff)) this.#outlet.emit(gap, this.#now, records);
    for (const feed of this.#continuity.lost(connection, this.#now, reason)) {
      if (this.#trades.lost(feed, reason, this.#now)) this.#continuity.handedOver(feed);
    }
    this.#books.lost(exchange.id, connection, this.#now, brokeOff, records);
    this.#trades.waiting.lost(connection);
    this.#goOn(records);
  }

  /** Lets a connection lead that has waited too long for the one that does: what that one has not brought counts as lost. */
  #overtake(at: number, records: AnyRecord[]): void {
    for (const { feed, connection, until } of this.#trades.waiting.overdue(at)) {
      this.#now = Math.max(this.#now, until);
      const lost = this.#continuity.overtaken(feed, connection, this.#now);
      if (lost && this.#trades.lost(lost, 'stale', this.#now)) this.#continuity.handedOver(feed);
      this.#trades.back(feed, this.#now);
    }
    this.#books.overtake(at, records);
    this.#goOn(records);
  }

  /** Tells the events that waited for a connection that leads no more. */
  #goOn(records: AnyRecord[], isEnd = false): void {
    const due = this.#trades.waiting.take(({ feed, connection }) => isEnd || this.#continuity.leads(feed, connection));
    for (const { connection, event } of due) this.#record(connection, event, records, false);
  }

  /** What a connection tells of the past as it begins helps to fill a hole; where there is none it is left out. */
  #history({ id, exchange }: Connection, { market, events }: DataFrame, records: AnyRecord[]): void {
    const trades = events.filter((event): event is Trade => event.type === 'trade');
    const feed: Feed = { exchange: exchange.id, market, channel: 'trade', symbol: trades[0]?.symbol ?? '' };
    if (this.#options.selection.wantsFeed(exchange.id, feed) && this.#trades.snapshot(feed, trades, this.#now)) {
      this.#continuity.carried(feed, id, this.#now);
      this.#trades.flush(records);
    } else this.statistics.history += events.length;
  }

  #emitDue(at: number, records: AnyRecord[]): void {
    for (const record of this.#books.due(at)) this.#outlet.emit(record, Math.min(record.localTimestamp ?? at, at), records);
  }

  #tick({ exchange, market, timestamp }: ClockTick, at: number, records: AnyRecord[]): void {
    this.#outlet.emit({ type: 'clock', exchange, market, timestamp }, at, records);
  }
}
