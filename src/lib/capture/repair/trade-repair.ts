import type { GapReason, Market, Trade } from '../../model/records.js';
import { marketKey, seriesKey } from '../../model/series.js';
import { SECOND } from '../../model/time.js';
import { ClockHolds } from './clock-holds.js';
import { CLOCK_TOLERANCE, ceilSecond } from './continuity.js';
import type { Feed } from './feed-table.js';
import { type GapRepairOptions, GapRepairState, type RepairResult } from './gap-repair-state.js';
import type { KnownTrades, TradePoint } from './known-trades.js';
import { OpenRepair } from './open-repair.js';
import type { RepairJob, RepairLimits, RepairPage } from './repair-job.js';

/** How long a message may be on its way. */
const IN_FLIGHT = 2 * SECOND;

/** The options of a provisional repair, kept until the next trade of the symbol. */
type Provisional = Omit<GapRepairOptions, 'feed' | 'isProvisional'>;

/**
 * The repairs of the trade gaps of all symbols: decides which trades to fetch, takes the pages, holds back the live trades
 * that follow a gap, and returns everything in order when a repair ends. Pure: local times (`at`) and answers are passed in.
 *
 * A live trade must not be emitted before the missing ones are: a candle would close without them. But a repair may never
 * succeed, so a gap that is older than `limits.hold` is reported with `missing: true` and its trades go out; the repair
 * continues, and a later gap record replaces the first.
 *
 * Where no live trade follows a gap, its end cannot be proven. After `limits.settle` the exchange's answer is accepted as
 * all there is, and the next live trade opens a provisional repair that checks it.
 */
export class TradeRepair {
  readonly #limits: RepairLimits;
  readonly #time: (exchange: string, market: Market) => number;
  readonly #repairs = new Map<string, OpenRepair>();
  readonly #provisional = new Map<string, Provisional>();
  readonly #holds: ClockHolds<OpenRepair>;
  #results: RepairResult[] = [];
  #size = 0;
  #now = 0;

  /** `time` returns the exchange's time on a market, 0 while it is not known. */
  constructor(limits: RepairLimits, time: (exchange: string, market: Market) => number) {
    this.#limits = limits;
    this.#time = time;
    this.#holds = new ClockHolds(limits.hold);
  }

  /** Whether no repair is open or provisional. */
  get isIdle(): boolean {
    return this.#repairs.size === 0 && this.#provisional.size === 0;
  }

  /** Returns the results since the last call. */
  takeResults(): readonly RepairResult[] {
    const results = this.#results;
    if (results.length > 0) this.#results = [];
    return results;
  }

  /** Whether a repair holds back the clock of a market (`exchange market`). */
  holdsClock(market: string): boolean {
    return this.#holds.has(market);
  }

  /** Whether the live trades of this symbol must be passed to `hold`. */
  isHolding(key: string): boolean {
    return (this.#repairs.get(key)?.state.isReported ?? true) ? this.#provisional.has(key) : true;
  }

  /** Opens a repair of the trades since a stored one of an earlier run. */
  resume(feed: Feed, known: KnownTrades, start: TradePoint | undefined, at: number): void {
    if (!start) return;
    const { first } = known;
    this.#open(feed, { reason: 'shutdown', from: start.timestamp, start, since: first, known, earliest: first }, at);
  }

  /** Registers that a feed was lost; `from` is the time of its last known record. */
  lost(feed: Feed, known: KnownTrades, from: number, reason: GapReason, at: number): void {
    const key = seriesKey(feed);
    const repair = this.#repairs.get(key);
    if (repair && !repair.state.isReported) {
      repair.lost();
      return;
    }
    const lastRepaired = repair && this.#close(repair).recovered.at(-1);
    const options = { reason, from, start: known.last, known, earliest: known.first, lastRepaired };
    this.#holds.add(marketKey(feed), this.#open(feed, options, at), at);
  }

  /**
   * Registers a trade that the full outputs rejected. Until `unblock`, every trade of its symbol is dropped, to be fetched
   * later. Returns whether the trade is the first one dropped.
   */
  overflow(feed: Feed, known: KnownTrades, trade: Trade, at: number): boolean {
    known.forget(trade.id);
    const repair = this.#repairs.get(seriesKey(feed));
    if (repair?.isBlocked) {
      repair.state.extendBack(trade);
      return false;
    }
    if (repair) this.#close(repair);
    const options: Provisional = { reason: 'overflow', from: trade.timestamp, start: trade, known, earliest: trade };
    const opened = this.#open(feed, options, at);
    opened.isDelivered = true;
    opened.isBlocked = true;
    this.#holds.add(marketKey(feed), opened, at);
    return true;
  }

  /** Opens a repair of trades that a delivered feed did not deliver; nothing while another one is open. */
  recheck(feed: Feed, options: Omit<GapRepairOptions, 'feed'>, at: number): void {
    if (this.#repairs.has(seriesKey(feed))) return;
    const repair = this.#open(feed, options, at);
    repair.isDelivered = true;
    this.#startFetching(repair, at);
  }

  /** Number of feeds whose missing trades are still to be fetched. */
  get open(): number {
    return this.#repairs.size;
  }

  /** Whether a repair of a feed is open. */
  isOpen(feed: Feed): boolean {
    return this.#repairs.has(seriesKey(feed));
  }

  /** Registers that the outputs have room again. */
  unblock(at: number): void {
    for (const repair of this.#repairs.values()) {
      if (!repair.isBlocked) continue;
      repair.isBlocked = false;
      if (repair.isDelivered) this.#startFetching(repair, at);
    }
  }

  /** Registers that a connection delivers a feed again. */
  returned(feed: Feed, at: number): void {
    const repair = this.#repairs.get(seriesKey(feed));
    if (!repair || repair.isDelivered) return;
    repair.isDelivered = true;
    if (!repair.isBlocked) this.#startFetching(repair, at);
  }

  /** Holds back a live trade behind a gap. Its `localTimestamp` is set: fetched trades have none. */
  hold(feed: Feed, trade: Trade, at: number): void {
    const repair = this.#repairs.get(seriesKey(feed)) ?? this.#openProvisional(feed, at);
    if (!repair) return;
    this.returned(feed, at);
    if (repair.isBlocked) {
      repair.known.forget(trade.id);
      return;
    }
    if (!repair.state.hasHeld) repair.hurry(at);
    this.#change(repair, () => repair.state.hold(trade));
    if (!this.#repairs.has(repair.key)) return;
    if (!this.#holds.holds(marketKey(feed), repair)) this.#report(repair);
  }

  /** Adds the snapshot that a connection sends on subscribing. Returns false where no repair needs it. */
  addSnapshot(feed: Feed, trades: readonly Trade[], at: number): boolean {
    const repair = this.#repairs.get(seriesKey(feed));
    if (!repair || repair.isBlocked || trades.length === 0) return false;
    this.returned(feed, at);
    this.#change(repair, () => repair.state.addSnapshot(trades));
    return true;
  }

  /** Advances the time: reports gaps that have held back the clock for too long and gives up repairs out of time. */
  advance(at: number): void {
    this.#now = at;
    if (this.#repairs.size === 0) return;
    for (const repair of this.#holds.expired(at)) if (repair.state.hasHeld) this.#report(repair);
    for (const repair of this.#repairs.values()) if (repair.isOverdue(at, this.#limits.within)) this.#close(repair);
  }

  /** Returns up to `most` fetch jobs that are due at `at`, those first that have been due the longest. */
  jobs(at: number, most: number): RepairJob[] {
    if (most <= 0 || this.#repairs.size === 0) return [];
    const dueAt = ({ dueAt = Number.POSITIVE_INFINITY }: OpenRepair) => dueAt;
    const due = [...this.#repairs.values()].filter((repair) => dueAt(repair) <= at);
    const jobs: RepairJob[] = [];
    for (const repair of due.sort((a, b) => dueAt(a) - dueAt(b)).slice(0, most)) {
      const { exchange, market } = repair.state.feed;
      const job = repair.nextJob(at, this.#time(exchange, market) || at + CLOCK_TOLERANCE, this.#limits.most);
      if (job) jobs.push(job);
    }
    return jobs;
  }

  /** Adds one page of a job; `isNew` starts a new chain of pages. Returns whether the next page is of use. */
  takePage(job: RepairJob, page: RepairPage, isNew: boolean): boolean {
    const repair = this.#repairOf(job);
    if (!repair) return false;
    const isOfUse = this.#change(repair, () => repair.takePage(page, isNew, this.#oldest(repair)));
    return isOfUse && this.#repairs.has(repair.key);
  }

  /** Registers the end of a job; `isFailed` when the exchange did not answer all of it. */
  jobEnded(job: RepairJob, isFailed: boolean, at: number): void {
    const repair = this.#repairOf(job);
    if (repair?.jobEnded(job, isFailed, at, this.#limits)) this.#close(repair);
  }

  /** Closes what is open at the end of a run, but for feeds that were lost after `last`: the end of a run is no gap. */
  finish(last: number): void {
    for (const repair of this.#repairs.values()) {
      const { state, isDelivered, lostAt } = repair;
      const isGap = state.reason !== 'shutdown' && (isDelivered || lostAt < last);
      if (isGap || !state.isEmpty || state.isReported) this.#close(repair);
    }
  }

  #open(feed: Feed, options: Omit<GapRepairOptions, 'feed'>, at: number): OpenRepair {
    const key = seriesKey(feed);
    const repair = new OpenRepair(new GapRepairState({ feed, ...options }), options.known, at);
    this.#repairs.set(key, repair);
    this.#provisional.delete(key);
    return repair;
  }

  #startFetching(repair: OpenRepair, at: number): void {
    repair.returned(at);
    this.#holds.add(marketKey(repair.state.feed), repair, at);
  }

  /** Opens the repair that checks an accepted answer against the first trade after it. */
  #openProvisional(feed: Feed, at: number): OpenRepair | undefined {
    const options = this.#provisional.get(seriesKey(feed));
    if (!options) return undefined;
    const repair = this.#open(feed, { ...options, isProvisional: true }, at);
    repair.isDelivered = true;
    this.#startFetching(repair, at);
    return repair;
  }

  #change<Result>(repair: OpenRepair, change: () => Result): Result {
    const { state } = repair;
    const before = state.size;
    const result = change();
    this.#size += state.size - before;
    if (state.isComplete && repair.returnedAt !== undefined && !repair.isLookingBack) this.#close(repair);
    else if (this.#size > this.#limits.records) this.#giveUp(repair);
    return result;
  }

  /** Gives up a repair that needs too much memory. A feed that is still lost goes on missing trades: its repair reopens. */
  #giveUp(repair: OpenRepair): void {
    const { state, known, lostAt, returnedAt, isDelivered, isBlocked } = repair;
    const lastRepaired = this.#close(repair).recovered.at(-1);
    if (returnedAt !== undefined) return;
    const start = lastRepaired ?? state.start;
    const from = start?.timestamp ?? state.from;
    const options = { reason: state.reason, from, start, known, earliest: start ?? state.earliest, lastRepaired };
    const opened = this.#open(state.feed, options, lostAt);
    opened.isDelivered = isDelivered;
    opened.isBlocked = isBlocked;
  }

  #report(repair: OpenRepair): void {
    const before = repair.state.size;
    this.#results.push(repair.state.report());
    this.#size += repair.state.size - before;
  }

  #close(repair: OpenRepair): RepairResult {
    const { state, key, known } = repair;
    const result = state.close(this.#end(repair));
    this.#repairs.delete(key);
    this.#holds.delete(marketKey(state.feed), repair);
    this.#size -= state.size;
    this.#results.push(result);
    if (state.isSettled) {
      const start = result.recovered.at(-1) ?? state.start;
      const { reason, from, earliest } = state;
      this.#provisional.set(key, { reason, from: start?.timestamp ?? from, start, known, earliest: start ?? earliest });
    }
    return result;
  }

  /**
   * The exchange's time at which a gap ends that no live trade has followed. If a whole gap ended now, it would claim trades
   * that have happened since the feed returned: they are on their way, and a run that is killed never gets them. A snapshot
   * even shows only what had happened when it was sent; an answer that was accepted was asked for long after the return.
   */
  #end({ state, known, returnedAt = this.#now }: OpenRepair): number {
    const clock = this.#time(state.feed.exchange, state.feed.market);
    const unproven = Math.max(0, this.#now - returnedAt) + (state.isSettled ? 0 : IN_FLIGHT);
    // A busy machine knows the clock late: without the last trade, the gap would end before what was already given.
    const last = known.last?.timestamp ?? 0;
    if (state.isComplete) return Math.max((clock || this.#now) - unproven, last);
    return ceilSecond(clock ? Math.max(clock, last) : this.#now + CLOCK_TOLERANCE);
  }

  #repairOf(job: RepairJob): OpenRepair | undefined {
    const repair = this.#repairs.get(seriesKey(job));
    return repair?.isCurrent(job) ? repair : undefined;
  }

  #oldest({ state: { feed } }: OpenRepair): number {
    return this.#time(feed.exchange, feed.market) - this.#limits.most;
  }
}
