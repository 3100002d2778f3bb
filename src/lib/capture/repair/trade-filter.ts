import type { AnyRecord, GapReason, Market, Trade } from '../../model/records.js';
import { seriesKey } from '../../model/series.js';
import type { Statistics } from '../statistics.js';
import { beforeSilence, type Seam } from './audit-schedule.js';
import type { LostFeed } from './continuity.js';
import { type Feed, FeedTable } from './feed-table.js';
import { isBefore, KnownTrades, type TradePoint } from './known-trades.js';
import type { RepairLimits } from './repair-job.js';
import { TakeoverQueue, type WaitingEvent } from './takeover-queue.js';
import { TradeRepair } from './trade-repair.js';

/** Trade ids remembered per symbol: more than two overlapping connections differ by. 500 symbols then need some 30 MB. */
const REMEMBERED_TRADES = 250;

type TradeFilterOptions = {
  /** Undefined where gaps are reported and not repaired. */
  readonly limits: RepairLimits | undefined;
  /** Minimum of trade ids remembered per symbol; `REMEMBERED_TRADES` when absent. */
  readonly remembered?: number | undefined;
  readonly statistics: Statistics;
  /** Returns the exchange's time on a market, 0 while it is not known. */
  readonly time: (exchange: string, market: Market) => number;
  /** Stamps a record with its arrival and emits it. */
  readonly emit: (record: AnyRecord, records: AnyRecord[]) => void;
  /** Emits a fetched record, which has no arrival. */
  readonly emitFetched: (record: AnyRecord, records: AnyRecord[]) => void;
};

/** The terms of an audit; `at` is a local time, the others are the exchange's. */
type AuditOptions = {
  readonly until: number;
  /** From here on every trade is owed: the time of the feed's first subscription. */
  readonly begun: number;
  readonly at: number;
  readonly mayResubscribe: boolean;
  /** A silence of the feed that has ended and is to be proven. */
  readonly seam?: Seam | undefined;
};

/** The filter of live trades: lets each through once by its id and in order, and holds them back behind an open gap. */
export class TradeFilter {
  /** Undefined where gaps are reported and not repaired. */
  readonly repair: TradeRepair | undefined;
  /** Events that a successor connection delivers before the leading one does. */
  readonly takeovers = new TakeoverQueue();
  readonly #options: TradeFilterOptions;
  /** Trades that were held back and then emitted. */
  readonly #released = new WeakSet<Trade>();
  readonly #trades = new FeedTable<Feed & { readonly known: KnownTrades }>();

  constructor(options: TradeFilterOptions) {
    this.#options = options;
    if (options.limits) this.repair = new TradeRepair(options.limits, options.time);
  }

  /** Whether the clock of a market (`exchange market`) must wait. */
  holdsClock(market: string): boolean {
    return (this.repair?.holdsClock(market) ?? false) || this.takeovers.holdsClock(market);
  }

  /** Registers a trade that is about to be emitted. Returns whether it is new. */
  isNew(trade: Trade): boolean {
    if (this.takeovers.emitted(trade)) this.#options.statistics.duplicates += 1;
    return this.#known(trade).add(trade);
  }

  /** Queues an event of a successor connection unless it is a known trade. Returns whether it waits. */
  wait(waiting: WaitingEvent): boolean {
    const { event } = waiting;
    return !(event.type === 'trade' && this.#known(event).has(event.id)) && this.takeovers.add(waiting);
  }

  /**
   * Registers the last stored trades of a feed: every later trade is missing. A run that was killed may not have proven its last
   * silences: then trades are fetched from the first of these on, and only those that are not stored count.
   */
  resume(feed: Feed, trades: readonly TradePoint[], at: number): void {
    const known = this.#known(feed);
    for (const trade of trades) known.add(trade);
    this.repair?.resume(feed, known, beforeSilence(trades) ?? known.last, at);
  }

  /** Opens a repair for a feed that was lost. Returns false where gaps of its channel are not repaired. */
  lost({ exchange, market, channel, symbol, lastKnown }: LostFeed, reason: GapReason, at: number): boolean {
    if (channel !== 'trade' || !this.repair) return false;
    const feed = { exchange, market, channel, symbol };
    this.repair.lost(feed, this.#known(feed), lastKnown, reason, at);
    return true;
  }

  /** Registers that the trades of a feed arrive live from now on. */
  returned(feed: Feed, at: number): void {
    if (feed.channel === 'trade') this.repair?.returned(feed, at);
  }

  /** Holds back a trade that follows an open gap. Returns false where there is none. */
  hold(feed: Feed, trade: Trade, at: number): boolean {
    const { repair } = this;
    if (!repair || repair.isIdle || !repair.isHolding(seriesKey(feed))) return false;
    repair.hold(feed, Object.assign(trade, { localTimestamp: at }), at);
    return true;
  }

  /** Adds the snapshot that a connection sends on subscribing. Returns false where no repair needs it. */
  addSnapshot(feed: Feed, trades: readonly Trade[], at: number): boolean {
    return this.repair?.addSnapshot(feed, trades, at) ?? false;
  }

  /** Registers a trade that the full outputs rejected, to be fetched later. Returns whether it is the first one dropped. */
  overflow(trade: Trade, at: number): boolean {
    const { exchange, market, symbol } = trade;
    return this.repair?.overflow({ exchange, market, symbol, channel: 'trade' }, this.#known(trade), trade, at) ?? false;
  }

  /**
   * Compares trades that the exchange lists, oldest first, with those that the feed delivered. Opens a repair where a trade
   * was not delivered that happened up to the exchange's time `until`, or before a delivered one. Where the newest ones were not and the feed may be subscribed again,
   * it opens none and returns `mute`: the caller must count the feed as lost. `unknown`: the list says nothing about the
   * silence, or a repair is open, which has yet to give what it fetches.
   */
  audit(
    feed: Feed,
    listed: readonly Trade[],
    { until, begun, at, mayResubscribe, seam }: AuditOptions,
  ): 'complete' | 'missing' | 'mute' | 'unknown' {
    const known = this.#known(feed);
    if (this.repair?.isOpen(feed)) return 'unknown';
    const { first, last, floor } = known;
    // A topic that is mute from its subscription on loses what comes before the first trade that arrives.
    const isOwed = (trade: Trade) => trade.timestamp > begun || (first !== undefined && !isBefore(trade, first));
    // Trades before one that has arrived are not on their way any more.
    const isDue = (trade: Trade) => trade.timestamp <= until || (last !== undefined && isBefore(trade, last));
    const isMissing = (trade: Trade) =>
      isDue(trade) && !known.has(trade.id) && isOwed(trade) && (!floor || isBefore(floor, trade));
    const missing = listed.filter(isMissing);
    const [earliest] = missing;
    if (!earliest) return seam ? this.#proofOf(seam, feed, listed, at) : 'complete';
    const isMute = missing.some((trade) => !last || isBefore(last, trade));
    if (isMute && mayResubscribe) return 'mute';
    const isEarlier = (point: TradePoint | undefined) => point !== undefined && isBefore(point, earliest);
    const start = listed.findLast((trade) => known.has(trade.id) && isEarlier(trade)) ?? [last, floor, first].find(isEarlier);
    const from = start?.timestamp ?? begun;
    this.repair?.recheck(feed, { reason: 'stale', from, start, known, earliest: start && first }, at);
    return 'missing';
  }

  /**
   * Returns `complete` where a list that lacks nothing contains both ends of a silence. A list that begins later shows
   * nothing about the silence: then a repair fetches it, which reports no gap where nothing was missing.
   */
  #proofOf({ before, after }: Seam, feed: Feed, listed: readonly Trade[], at: number): 'complete' | 'missing' | 'unknown' {
    const [oldest, newest] = [listed[0], listed.at(-1)];
    if (!oldest || !newest || isBefore(newest, after)) return 'unknown';
    if (!isBefore(before, oldest)) return 'complete';
    const known = this.#known(feed);
    const options = { reason: 'stale', from: before.timestamp, start: before, known, earliest: known.first } as const;
    this.repair?.recheck(feed, { ...options, isProvisional: true }, at);
    return 'missing';
  }

  /** Emits the results of repairs: each gap, then the trades that were missing in it, then the trades that follow it. */
  flush(records: AnyRecord[]): AnyRecord[] {
    const { emit, emitFetched, statistics } = this.#options;
    for (const { gap, replaces, recovered, held } of this.repair?.takeResults() ?? []) {
      const fresh = this.#register(recovered, held, replaces);
      // A second record of a gap that is still missing is stored beside the first: both count, as in the store.
      if (gap && replaces && !gap.missing) statistics.withdraw(gap);
      if (gap) emit({ ...gap, repaired: gap.repaired - (recovered.length - fresh.length) }, records);
      for (const trade of [...fresh, ...held]) {
        if (trade.localTimestamp !== undefined) this.#released.add(trade);
        (trade.localTimestamp === undefined ? emitFetched : emit)(trade, records);
      }
    }
    return records;
  }

  /** Whether a trade was fetched or held back by a repair. */
  isRepaired(trade: Trade): boolean {
    return trade.localTimestamp === undefined || this.#released.has(trade);
  }

  /**
   * Registers repaired trades as seen, in emission order, so that held-back ids are evicted last. Returns the recovered
   * trades that are still new. `isLate`: the trades after the gap were already emitted.
   */
  #register(recovered: readonly Trade[], held: readonly Trade[], isLate: boolean): readonly Trade[] {
    for (const trade of [...recovered, ...held]) if (trade.localTimestamp !== undefined) this.#known(trade).forget(trade.id);
    const fresh = recovered.filter((trade) => (isLate ? this.#known(trade).addForgotten(trade) : this.isNew(trade)));
    for (const trade of held) this.#known(trade).add(trade);
    return fresh;
  }

  #known({ exchange, market, symbol }: Pick<Feed, 'exchange' | 'market' | 'symbol'>): KnownTrades {
    const found = this.#trades.get(exchange, market, 'trade', symbol);
    if (found) return found.known;
    const known = new KnownTrades(this.#options.remembered ?? REMEMBERED_TRADES);
    this.#trades.add({ exchange, market, channel: 'trade', symbol, known });
    return known;
  }
}
