import type { FeedEvent } from '../../exchanges/exchange.js';
import type { TopicFeed } from '../../exchanges/live-protocol.js';
import type { BookMessage } from '../../model/book-message.js';
import type { AnyRecord, GapReason, Market, Trade } from '../../model/records.js';
import { SECOND } from '../../model/time.js';
import { AuditSchedule } from '../repair/audit-schedule.js';
import { CLOCK_TOLERANCE, Continuity, TAKEOVER_TIMEOUT } from '../repair/continuity.js';
import { Downtime } from '../repair/downtime.js';
import type { Feed } from '../repair/feed-table.js';
import { TradeFilter } from '../repair/trade-filter.js';
import { channelOf, gapChannelOf } from '../selection.js';
import { Statistics } from '../statistics.js';
import { BookFilter, isOfBook } from './book-filter.js';
import type { CaptureOptions, DataFrame } from './capture-options.js';
import type { Connections } from './connections.js';
import { MarketClocks } from './market-clock.js';

/** The end of a connection. */
type ConnectionEnd = {
  readonly reason: GapReason;
  /** Local time of its last frame. */
  readonly heard: number;
  /** Whether it ended without a close frame, so that messages may have been on their way. */
  readonly isCutOff: boolean;
};

/** A trade that happened so recently may still be on its way to us, microseconds. */
const IN_FLIGHT = 3 * SECOND;
/** The same in the last audit of a run. Shorter: there is no later one, and a trade that is fetched and arrives counts once. */
const IN_FLIGHT_AT_END = 0.5 * SECOND;

/** Whether an audit may have a mute feed subscribed again, and whether the run ends after it. */
export type AuditTerms = { readonly mayResubscribe: boolean; readonly isLast: boolean };

/** The exit of a capture: stamps records with their arrival and counts them. */
class Emitter {
  readonly #statistics: Statistics;
  #stamped = 0;

  constructor(statistics: Statistics) {
    this.#statistics = statistics;
  }

  /** Stamps a record with its arrival, strictly increasing within the writer, and adds it to `records`. */
  emit(record: AnyRecord | FeedEvent, at: number, records: AnyRecord[]): void {
    this.#stamped = Math.max(at, this.#stamped + 1);
    (record as { localTimestamp?: number | undefined }).localTimestamp = this.#stamped;
    this.emitFetched(record, records);
  }

  /** Adds a fetched record, which has no arrival. */
  emitFetched(record: AnyRecord | FeedEvent, records: AnyRecord[]): void {
    this.#statistics.count(record as AnyRecord);
    records.push(record as AnyRecord);
  }
}

/**
 * The filter between connections and records. Two connections may deliver one feed, and each may be lost: the filter emits
 * every event once, from the connection that leads, and a gap before the first event after a loss. Events that must wait
 * for others are emitted by `advance` and `finish`.
 */
export class EventFilter {
  readonly statistics = new Statistics();
  readonly clocks = new MarketClocks();
  /** The gaps since an earlier run into the same outputs. */
  readonly downtime = new Downtime((feed, local) => this.clocks.at(feed, local));
  readonly emitter = new Emitter(this.statistics);
  readonly trades: TradeFilter;
  readonly audits: AuditSchedule;
  readonly books: BookFilter;
  /** Local time of the event that is processed. */
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
    const emitFetched = (record: AnyRecord, records: AnyRecord[]) => this.emitter.emitFetched(record, records);
    this.trades = new TradeFilter({ limits, statistics: this.statistics, time, emit, emitFetched });
    this.audits = new AuditSchedule(options.auditEvery ?? Number.POSITIVE_INFINITY);
    const received = (feed: Feed, connection: string, timestamp: number, records: AnyRecord[]) =>
      this.#received(feed, connection, timestamp, records);
    this.books = new BookFilter({ depth, interval, selection, continuity: this.#continuity, received, emit });
  }

  /** Returns the exchange's time on a market, 0 while it is not known. */
  time({ exchange, market }: Pick<Feed, 'exchange' | 'market'>): number {
    return this.clocks.of(exchange, market).time(this.now);
  }

  /** Returns the feeds of a channel that are delivered or have an open gap. */
  feedsOf(channel: Feed['channel']): Feed[] {
    return this.#continuity.feedsOf(channel);
  }

  /** Returns up to `most` trade feeds that are due for an audit. While a repair is open, an audit would say nothing. */
  dueAudits(most: number): Feed[] {
    const { repair } = this.trades;
    const feeds = this.deliveredTrades();
    const whole = repair && repair.open > 0 ? feeds.filter((feed) => !repair.isOpen(feed)) : feeds;
    return this.audits.due(whole, this.now, most);
  }

  /** Returns the trade feeds that are delivered. */
  deliveredTrades(): Feed[] {
    return this.#continuity.feedsOf('trade').filter((feed) => this.#continuity.isDelivered(feed));
  }

  /** Returns the trade feeds with a silence that nothing has proven, and those that are being repaired. */
  unprovenFeeds(): Feed[] {
    return this.audits.unproven(this.deliveredTrades(), this.now);
  }

  /** Emits a record that arrives now. */
  emit(record: AnyRecord | FeedEvent, records: AnyRecord[]): void {
    this.emitter.emit(record, this.now, records);
  }

  /** Registers a subscription that the exchange confirmed: from now on silence means that nothing happened. */
  confirmed(feed: Feed, connection: string, records: AnyRecord[]): void {
    // A connection can take over a book only after its snapshot has arrived.
    if (isOfBook(feed) && this.#continuity.isDelivered(feed)) return;
    this.#rejoin(feed);
    this.downtime.confirmed(feed, this.now);
    const gap = this.#continuity.confirmed(feed, connection, this.now);
    if (gap) this.emit(gap, records);
    this.trades.returned(feed, this.now);
  }

  /** Registers feeds that we unsubscribed on a connection. */
  unsubscribed(exchange: string, feeds: readonly TopicFeed[], connection: string, records: AnyRecord[]): void {
    for (const topic of feeds) {
      const feed = { exchange, ...topic };
      this.#continuity.unsubscribed(feed, connection, this.now);
      if (isOfBook(feed)) this.books.unsubscribed(feed, connection, this.now, records);
    }
    this.#emitTakenOver(records);
  }

  /** Processes one event; events of unwanted symbols, channels and intervals are ignored. */
  event(connection: string, event: FeedEvent, records: AnyRecord[]): void {
    if (!this.#options.selection.wantsEvent(event.exchange, event.market, event.symbol)) return;
    if (event.type === 'book_message') this.books.apply(connection, event, this.now, records);
    else this.#record(connection, event, records);
  }

  /** Processes the snapshot of past trades that a connection sends on subscribing: it helps to fill a gap, or is ignored. */
  snapshot(exchange: string, connection: string, { market, events }: DataFrame, records: AnyRecord[]): void {
    const trades = events.filter((event): event is Trade => event.type === 'trade');
    const feed: Feed = { exchange, market, channel: 'trade', symbol: trades[0]?.symbol ?? '' };
    if (this.#options.selection.wantsFeed(exchange, feed) && this.trades.addSnapshot(feed, trades, this.now)) {
      this.#continuity.delivering(feed, connection, this.now);
      this.trades.flush(records);
    } else this.statistics.history += events.length;
  }

  /** Registers that a connection has ended. */
  lost(exchange: string, connection: string, { heard, reason, isCutOff }: ConnectionEnd, records: AnyRecord[]): void {
    if (isCutOff) this.#lostInTakeover(connection, heard, reason, records);
    for (const feed of this.#continuity.lost(connection, this.now, reason)) {
      if (feed.channel === 'trade') this.audits.lost(feed);
      if (this.trades.lost(feed, reason, this.now)) this.#continuity.handedOver(feed);
    }
    this.books.lost(exchange, connection, this.now, isCutOff ? reason : undefined, records);
    this.trades.takeovers.connectionLost(connection);
    this.#emitTakenOver(records);
  }

  /** Fetches the trades that a dead connection took with it before its successor began; of other feeds they are a gap. */
  #lostInTakeover(connection: string, heard: number, reason: GapReason, records: AnyRecord[]): void {
    for (const { feed, successor, gap } of this.#continuity.lostInTakeover(connection, heard, reason)) {
      const isFetched = feed.channel === 'trade' && this.trades.repair !== undefined;
      if (isFetched) this.#takeOver(feed, successor, reason);
      else this.emit(gap, records);
    }
  }

  /** Lets a connection lead a feed: the events of those that led so far count as missing. */
  #takeOver(feed: Feed, connection: string, reason: GapReason): void {
    const lost = this.#continuity.takenOver(feed, connection, this.now);
    if (lost && feed.channel === 'trade') this.audits.lost(feed);
    if (lost && this.trades.lost(lost, reason, this.now)) this.#continuity.handedOver(feed);
    this.trades.returned(feed, this.now);
  }

  /** Registers that a feed is mute on its open connection: its records are missing until it is subscribed again. */
  muted(feed: Feed): void {
    const lost = this.#continuity.muted(feed, this.now);
    if (feed.channel === 'trade') this.audits.lost(feed);
    if (lost && this.trades.lost(lost, 'stale', this.now)) this.#continuity.handedOver(feed);
  }

  /** Audits a feed, as `Capture.audit`. */
  audit(feed: Feed, listed: readonly Trade[], { mayResubscribe, isLast }: AuditTerms): boolean {
    const begun = this.#continuity.begun(feed);
    if (begun === undefined || !this.#continuity.isDelivered(feed)) return false;
    const seam = this.audits.seam(feed);
    const until = this.time(feed) - (isLast ? IN_FLIGHT_AT_END : IN_FLIGHT);
    const result = this.trades.audit(feed, listed, { until, begun, mayResubscribe, at: this.now, seam });
    if (result === 'complete') this.audits.proven(feed, this.now);
    if (result === 'missing') this.audits.lost(feed);
    if (result === 'mute') this.muted(feed);
    return result === 'mute';
  }

  /** Advances the time to `at`. */
  advance(at: number, records: AnyRecord[]): void {
    this.#checkTimeouts(at, records);
    this.trades.repair?.advance(at);
    this.trades.flush(records);
    for (const gap of this.downtime.due()) this.emit(gap, records);
  }

  /** Emits everything that is still withheld; a feed that was lost after `stopped` has no gap. */
  finish(stopped: number, records: AnyRecord[]): void {
    this.#emitTakenOver(records, true);
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
    // Bitget's topic of liquidations carries all symbols of a product line.
    if (event.type === 'liquidation' && !selection.wantsOfMany(event.exchange, event.market, event.symbol)) return;
    const feed: Feed = { exchange: event.exchange, market: event.market, channel, symbol: event.symbol };
    if (!this.#isUnsubscribed(feed, connection)) this.#rejoin(feed);
    const isSingle = event.type === 'trade' || event.type === 'liquidation';
    if (isSingle && mayWait && !this.#continuity.leads(feed, connection)) {
      this.#continuity.delivering(feed, connection, this.now);
      if (this.trades.wait({ feed, connection, event, until: this.now + TAKEOVER_TIMEOUT })) return;
    }
    if (event.type === 'liquidation') this.trades.takeovers.emitted(event);
    if (event.type === 'trade' && !this.trades.isNew(event)) {
      this.statistics.duplicates += 1;
      this.#continuity.delivering(feed, connection, this.now);
      this.trades.returned(feed, this.now);
      return;
    }
    if (event.type === 'trade') this.audits.observe(feed, event, this.now);
    this.#received(feed, connection, event.timestamp, records, gapChannelOf(event));
    if (event.type === 'trade' && this.trades.hold(feed, event, this.now)) {
      this.trades.flush(records);
      return;
    }
    // During a takeover both connections deliver every state: only those of the leading one are emitted.
    if (isSingle || this.#continuity.leads(feed, connection)) this.emit(event, records);
  }

  #received(feed: Feed, connection: string, timestamp: number, records: AnyRecord[], channel: string = feed.channel): void {
    if (this.#isUnsubscribed(feed, connection)) return;
    const downtimeGap = this.downtime.ended(feed, channel, timestamp);
    if (downtimeGap) this.emit(downtimeGap, records);
    const gap = this.#continuity.received(feed, connection, timestamp, this.now);
    if (gap) this.emit(gap, records);
  }

  /** Opens the gap of a feed that was unsubscribed for a time and is delivered again; missing trades are fetched. */
  #rejoin(feed: Feed): void {
    const lost = this.#continuity.rejoined(feed);
    if (lost && this.trades.lost(lost, 'disconnect', this.now)) this.#continuity.handedOver(feed);
  }

  /** Whether we unsubscribed a feed on a connection: its events that still arrive were on their way. */
  #isUnsubscribed(feed: Feed, connection: string): boolean {
    return this.#connections.find(connection)?.confirmations.isUnsubscribed(feed) ?? false;
  }

  /** Lets successors take over from connections that are behind for too long: the events of those count as missing. */
  #checkTimeouts(at: number, records: AnyRecord[]): void {
    for (const { feed, connection, until } of this.trades.takeovers.overdue(at)) {
      this.now = Math.max(this.now, until);
      this.#takeOver(feed, connection, 'stale');
    }
    this.books.checkTimeouts(at, records);
    this.#emitTakenOver(records);
  }

  /** Emits the waiting events of connections that lead now. */
  #emitTakenOver(records: AnyRecord[], isEnd = false): void {
    const due = this.trades.takeovers.take(({ feed, connection }) => isEnd || this.#continuity.leads(feed, connection));
    for (const { connection, event } of due) this.#record(connection, event, records, false);
  }
}
