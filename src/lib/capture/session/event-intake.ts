import type { FeedEvent } from '../../exchanges/exchange.js';
import type { TopicFeed } from '../../exchanges/live-protocol.js';
import type { BookMessage } from '../../model/book-message.js';
import type { AnyRecord, GapReason, Market, Trade } from '../../model/records.js';
import { CLOCK_TOLERANCE, Continuity, TAKEOVER_PATIENCE } from '../repair/continuity.js';
import type { Feed } from '../repair/feed-table.js';
import { Pauses } from '../repair/pauses.js';
import { TradeIntake } from '../repair/trade-intake.js';
import { channelOf, gapChannelOf } from '../selection.js';
import { Statistics } from '../statistics.js';
import { BookIntake, isOfBook } from './book-intake.js';
import type { CaptureOptions, DataFrame } from './capture-options.js';
import type { Connections } from './connections.js';
import { MarketClocks } from './market-clocks.js';
import { Outlet } from './outlet.js';

/** How a connection ended. */
export type Ending = {
  readonly reason: GapReason;
  /** Local time of its last frame. */
  readonly heard: number;
  /** Nobody said goodbye: how much was on its way is not known. */
  readonly isBroken: boolean;
};

/**
 * Takes what connections bring, feed by feed: each event once, from the connection that leads, and before it a gap where
 * something is missing. What waits for others is let go by `advance`, `flush` and `finish`.
 */
export class EventIntake {
  readonly statistics = new Statistics();
  readonly clocks = new MarketClocks();
  /** What an earlier run into the same outputs left open. */
  readonly pauses = new Pauses((feed, local) => this.clocks.at(feed, local));
  readonly outlet = new Outlet(this.statistics);
  readonly trades: TradeIntake;
  readonly books: BookIntake;
  /** Local time of what is at hand. */
  now = 0;
  readonly #options: CaptureOptions;
  readonly #connections: Connections;
  readonly #continuity = new Continuity((feed, local) => this.clocks.at(feed, local));

  constructor(options: CaptureOptions, connections: Connections) {
    this.#options = options;
    this.#connections = connections;
    const { selection, depth, bookInterval: interval, repair: limits } = options;
    const time = (exchange: string, market: Market) => this.time({ exchange, market });
    const emit = (record: AnyRecord, records: AnyRecord[]) => this.emit(record, records);
    const pass = (record: AnyRecord, records: AnyRecord[]) => this.outlet.pass(record, records);
    this.trades = new TradeIntake({ limits, statistics: this.statistics, time, emit, pass });
    const received = (feed: Feed, connection: string, timestamp: number, records: AnyRecord[]) =>
      this.#received(feed, connection, timestamp, records);
    this.books = new BookIntake({ depth, interval, selection, continuity: this.#continuity, received, emit });
  }

  /** Returns the exchange's time on a market, 0 before anything was heard of it. */
  time({ exchange, market }: Pick<Feed, 'exchange' | 'market'>): number {
    return this.clocks.of(exchange, market).time(this.now);
  }

  /** Returns the feeds of a channel that are received now, or whose hole will be told. */
  feedsOf(channel: Feed['channel']): Feed[] {
    return this.#continuity.feedsOf(channel);
  }

  /** Passes on a record that has just come to be. */
  emit(record: AnyRecord | FeedEvent, records: AnyRecord[]): void {
    this.outlet.emit(record, this.now, records);
  }

  /** Takes what the exchange confirmed: from now on silence of the feed is silence. */
  confirmed(feed: Feed, connection: string, records: AnyRecord[]): void {
    // A connection can go on with a book of another one when it has its snapshot, not before.
    if (isOfBook(feed) && this.#continuity.isCarried(feed)) return;
    this.pauses.confirmed(feed, this.now);
    const gap = this.#continuity.confirmed(feed, connection, this.now);
    if (gap) this.emit(gap, records);
    this.trades.back(feed, this.now);
  }

  /** Takes note that feeds were ended on purpose on a connection. */
  released(exchange: string, feeds: readonly TopicFeed[], connection: string, records: AnyRecord[]): void {
    for (const topic of feeds) {
      const feed = { exchange, ...topic };
      this.#continuity.released(feed, connection);
      if (isOfBook(feed)) this.books.released(feed, connection, this.now, records);
    }
    this.#goOn(records);
  }

  /** Takes one event; those of symbols, channels and intervals that are not wanted are left out. */
  event(connection: string, event: FeedEvent, records: AnyRecord[]): void {
    if (!this.#options.selection.wantsSymbol(event.exchange, event.market, event.symbol)) return;
    if (event.type === 'book_message') this.books.apply(connection, event, this.now, records);
    else this.#record(connection, event, records);
  }

  /** What a connection tells of the past as it begins helps to fill a hole; where there is none it is left out. */
  history(exchange: string, connection: string, { market, events }: DataFrame, records: AnyRecord[]): void {
    const trades = events.filter((event): event is Trade => event.type === 'trade');
    const feed: Feed = { exchange, market, channel: 'trade', symbol: trades[0]?.symbol ?? '' };
    if (this.#options.selection.wantsFeed(exchange, feed) && this.trades.snapshot(feed, trades, this.now)) {
      this.#continuity.carried(feed, connection, this.now);
      this.trades.flush(records);
    } else this.statistics.history += events.length;
  }

  /** Takes note that a connection has ended. */
  lost(exchange: string, connection: string, { heard, reason, isBroken }: Ending, records: AnyRecord[]): void {
    if (isBroken) for (const gap of this.#continuity.leftBehind(connection, heard, reason)) this.emit(gap, records);
    for (const feed of this.#continuity.lost(connection, this.now, reason)) {
      if (this.trades.lost(feed, reason, this.now)) this.#continuity.handedOver(feed);
    }
    this.books.lost(exchange, connection, this.now, isBroken ? reason : undefined, records);
    this.trades.waiting.lost(connection);
    this.#goOn(records);
  }

  /** Lets time pass up to `at`. */
  advance(at: number, records: AnyRecord[]): void {
    this.#overtake(at, records);
    this.trades.repair?.advance(at);
    this.trades.flush(records);
    for (const gap of this.pauses.due()) this.emit(gap, records);
  }

  /** Passes on what was withheld; what is lost after `stopped` is no hole. */
  finish(stopped: number, records: AnyRecord[]): void {
    this.#goOn(records, true);
    this.trades.repair?.finish(stopped);
    this.trades.flush(records);
    const passed = (feed: Pick<Feed, 'exchange' | 'market'>) => this.time(feed) || this.now + CLOCK_TOLERANCE;
    for (const record of this.books.finish(this.now, passed, this.statistics)) this.emit(record, records);
    for (const gap of this.#continuity.finish(stopped, passed)) this.emit(gap, records);
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
      this.#continuity.carried(feed, connection, this.now);
      if (this.trades.wait({ feed, connection, event, until: this.now + TAKEOVER_PATIENCE })) return;
    }
    if (event.type === 'liquidation') this.trades.waiting.told(event);
    if (event.type === 'trade' && !this.trades.isNew(event)) {
      this.statistics.duplicates += 1;
      this.#continuity.carried(feed, connection, this.now);
      this.trades.back(feed, this.now);
      return;
    }
    this.#received(feed, connection, event.timestamp, records, gapChannelOf(event));
    if (event.type === 'trade' && this.trades.hold(feed, event, this.now)) {
      this.trades.flush(records);
      return;
    }
    // While one connection replaces another, both deliver: what counts is what the one brings that leads.
    if (isSingle || this.#continuity.leads(feed, connection)) this.emit(event, records);
  }

  #received(feed: Feed, connection: string, timestamp: number, records: AnyRecord[], channel: string = feed.channel): void {
    if (this.#connections.find(connection)?.confirmations.hasEnded(feed)) return;
    const paused = this.pauses.ended(feed, channel, timestamp);
    if (paused) this.emit(paused, records);
    const gap = this.#continuity.received(feed, connection, timestamp, this.now);
    if (gap) this.emit(gap, records);
  }

  /** Lets a connection lead that has waited too long for the one that does: what that one has not brought counts as lost. */
  #overtake(at: number, records: AnyRecord[]): void {
    for (const { feed, connection, until } of this.trades.waiting.overdue(at)) {
      this.now = Math.max(this.now, until);
      const lost = this.#continuity.overtaken(feed, connection, this.now);
      if (lost && this.trades.lost(lost, 'stale', this.now)) this.#continuity.handedOver(feed);
      this.trades.back(feed, this.now);
    }
    this.books.overtake(at, records);
    this.#goOn(records);
  }

  /** Tells the events that waited for a connection that leads no more. */
  #goOn(records: AnyRecord[], isEnd = false): void {
    const due = this.trades.waiting.take(({ feed, connection }) => isEnd || this.#continuity.leads(feed, connection));
    for (const { connection, event } of due) this.#record(connection, event, records, false);
  }
}
