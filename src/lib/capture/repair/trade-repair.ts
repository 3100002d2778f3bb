import type { GapReason, Market, Trade } from '../../model/records.js';
import { marketKey, seriesKey } from '../../model/series.js';
import { CLOCK_TOLERANCE, ceilSecond } from './continuity.js';
import type { Feed } from './feed-table.js';
import { type Closing, Hole, type HoleOptions } from './hole.js';
import type { KnownTrades } from './known-trades.js';
import { MarketHolds } from './market-holds.js';
import { OpenRepair } from './open-repair.js';
import type { RepairJob, RepairLimits, RepairPage } from './repair-job.js';

/** A repair that took the exchange's word that nothing happened: the first trade after it shows whether that was so. */
type Doubt = Omit<HoleOptions, 'feed' | 'isDoubt'>;

/**
 * Repairs the holes in the trades of all symbols: says what is to be fetched, takes what was, holds back what came live
 * meanwhile, and gives all of it in order when a hole is closed. Pure: local times (`at`) are told, answers are handed in.
 */
export class TradeRepair {
  readonly #limits: RepairLimits;
  readonly #time: (exchange: string, market: Market) => number;
  readonly #repairs = new Map<string, OpenRepair>();
  readonly #doubts = new Map<string, Doubt>();
  readonly #holds: MarketHolds<OpenRepair>;
  #closings: Closing[] = [];
  #size = 0;
  #now = 0;

  /** `time` gives the exchange's time on a market. */
  constructor(limits: RepairLimits, time: (exchange: string, market: Market) => number) {
    this.#limits = limits;
    this.#time = time;
    this.#holds = new MarketHolds(limits.hold);
  }

  /** Whether there is nothing to repair and nothing to doubt. */
  get isIdle(): boolean {
    return this.#repairs.size === 0 && this.#doubts.size === 0;
  }

  /** Returns what was closed since the last time. */
  take(): readonly Closing[] {
    const closings = this.#closings;
    if (closings.length > 0) this.#closings = [];
    return closings;
  }

  /** Whether the seconds of a market (`exchange market`) have to wait. */
  holdsClock(market: string): boolean {
    return this.#holds.has(market);
  }

  /** Whether a trade of this symbol is to be handed to `hold`. */
  isHolding(key: string): boolean {
    return (this.#repairs.get(key)?.hole.wasTold ?? true) ? this.#doubts.has(key) : true;
  }

  /** The trades since the last one known, of an earlier run, are missing. */
  resume(feed: Feed, known: KnownTrades, at: number): void {
    const near = known.last;
    if (near) this.#open(feed, { reason: 'shutdown', from: near.timestamp, near, known, first: known.first }, at);
  }

  /** A feed was lost; `from` is the time of the last thing known of it. */
  lost(feed: Feed, known: KnownTrades, from: number, reason: GapReason, at: number): void {
    const key = seriesKey(feed);
    const repair = this.#repairs.get(key);
    if (repair && !repair.hole.wasTold) {
      repair.lost();
      return;
    }
    const given = repair && this.#close(repair).found.at(-1);
    const options = { reason, from, near: known.last, known, first: known.first, given };
    this.#holds.add(marketKey(feed), this.#open(feed, options, at), at);
  }

  /**
   * A trade did not fit into the outputs: all that comes of its symbol is dropped until there is room again. Returns
   * whether it is the first.
   */
  overflow(feed: Feed, known: KnownTrades, trade: Trade, at: number): boolean {
    known.forget(trade.id);
    const repair = this.#repairs.get(seriesKey(feed));
    if (repair?.isBlocked) {
      repair.hole.reachBack(trade);
      return false;
    }
    if (repair) this.#close(repair);
    const opened = this.#open(feed, { reason: 'overflow', from: trade.timestamp, near: trade, known, first: trade }, at);
    opened.isCarried = true;
    opened.isBlocked = true;
    this.#holds.add(marketKey(feed), opened, at);
    return true;
  }

  /** The outputs have room again. */
  room(at: number): void {
    for (const repair of this.#repairs.values()) {
      if (!repair.isBlocked) continue;
      repair.isBlocked = false;
      if (repair.isCarried) this.#return(repair, at);
    }
  }

  /** A feed is carried again. */
  back(feed: Feed, at: number): void {
    const repair = this.#repairs.get(seriesKey(feed));
    if (!repair || repair.isCarried) return;
    repair.isCarried = true;
    if (!repair.isBlocked) this.#return(repair, at);
  }

  /** Holds back a live trade of a symbol with a hole; it has its arrival, by which it is told from fetched ones. */
  hold(feed: Feed, trade: Trade, at: number): void {
    const repair = this.#repairs.get(seriesKey(feed)) ?? this.#doubt(feed, at);
    if (!repair) return;
    this.back(feed, at);
    if (repair.isBlocked) {
      repair.known.forget(trade.id);
      return;
    }
    if (!repair.hole.hasHeld) repair.hurry(at);
    this.#grow(repair, () => repair.hole.hold(trade));
    if (!this.#repairs.has(repair.key)) return;
    if (!this.#holds.holds(marketKey(feed), repair)) this.#release(repair);
  }

  /** Takes what a connection told of the past as it began; returns false where nobody has use for it. */
  snapshot(feed: Feed, trades: readonly Trade[], at: number): boolean {
    const repair = this.#repairs.get(seriesKey(feed));
    if (!repair || repair.isBlocked || trades.length === 0) return false;
    this.back(feed, at);
    this.#grow(repair, () => repair.hole.takeSnapshot(trades));
    return true;
  }

  /** Lets time pass: what has waited long enough is let go. */
  advance(at: number): void {
    this.#now = at;
    if (this.#repairs.size === 0) return;
    for (const repair of this.#holds.expired(at)) if (repair.hole.hasHeld) this.#release(repair);
    for (const repair of this.#repairs.values()) {
      if (repair.back !== undefined && at - repair.back >= this.#limits.within) this.#close(repair);
    }
  }

  /** Returns what is to be fetched now, at most so many. */
  jobs(at: number, most: number): RepairJob[] {
    const jobs: RepairJob[] = [];
    for (const repair of this.#repairs.values()) {
      if (jobs.length >= most) break;
      const { exchange, market } = repair.hole.feed;
      const job = repair.nextJob(at, this.#time(exchange, market) || at + CLOCK_TOLERANCE, this.#limits.most);
      if (job) jobs.push(job);
    }
    return jobs;
  }

  /** Takes one page of a job; `isNew` says that it begins a chain of pages. Returns whether the next page is of use. */
  page(job: RepairJob, page: RepairPage, isNew: boolean): boolean {
    const repair = this.#repairOf(job);
    if (!repair) return false;
    const chain = this.#grow(repair, () => repair.take(page, isNew));
    return !chain.touchesNear && this.#repairs.has(repair.key) && chain.from >= this.#oldest(repair);
  }

  /** A job has come to its end; `isFailed` when the exchange did not answer all of it. */
  ended(job: RepairJob, isFailed: boolean, at: number): void {
    const repair = this.#repairOf(job);
    if (repair?.ended(job, isFailed, at, this.#limits)) this.#close(repair);
  }

  /** Nothing more comes. What is open is told, but for what was lost after `last`: the end of a run is no hole. */
  finish(last: number): void {
    for (const repair of this.#repairs.values()) {
      const { hole, isCarried, since } = repair;
      const isSaid = hole.reason !== 'shutdown' && (isCarried || since < last);
      if (isSaid || !hole.isEmpty || hole.wasTold) this.#close(repair);
    }
  }

  #open(feed: Feed, options: Omit<HoleOptions, 'feed'>, at: number): OpenRepair {
    const key = seriesKey(feed);
    const hole = new Hole({ feed, ...options });
    const repair = new OpenRepair(hole, options.known, at);
    this.#repairs.set(key, repair);
    this.#doubts.delete(key);
    return repair;
  }

  #return(repair: OpenRepair, at: number): void {
    repair.returned(at);
    this.#holds.add(marketKey(repair.hole.feed), repair, at);
  }

  /** The first trade after a silence that was taken for one. */
  #doubt(feed: Feed, at: number): OpenRepair | undefined {
    const doubt = this.#doubts.get(seriesKey(feed));
    if (!doubt) return undefined;
    const repair = this.#open(feed, { ...doubt, isDoubt: true }, at);
    repair.isCarried = true;
    this.#return(repair, at);
    return repair;
  }

  #grow<Result>(repair: OpenRepair, change: () => Result): Result {
    const { hole } = repair;
    const before = hole.size;
    const result = change();
    this.#size += hole.size - before;
    if (hole.isWhole && repair.back !== undefined) this.#close(repair);
    else if (this.#size > this.#limits.records) this.#cut(repair);
    return result;
  }

  /** Gives up what is too large to be kept; a feed that is still lost goes on missing what comes next. */
  #cut(repair: OpenRepair): void {
    const { hole, known, since, back, isCarried, isBlocked } = repair;
    const { found } = this.#close(repair);
    if (back !== undefined) return;
    const given = found.at(-1);
    const near = given ?? hole.near;
    const from = near?.timestamp ?? hole.from;
    const options = { reason: hole.reason, from, near, known, first: near ?? hole.first, given };
    const opened = this.#open(hole.feed, options, since);
    opened.isCarried = isCarried;
    opened.isBlocked = isBlocked;
  }

  #release(repair: OpenRepair): void {
    const before = repair.hole.size;
    this.#closings.push(repair.hole.release());
    this.#size += repair.hole.size - before;
  }

  #close(repair: OpenRepair): Closing {
    const { hole, key, known } = repair;
    const { exchange, market } = hole.feed;
    const time = this.#time(exchange, market);
    const closing = hole.close(hole.isWhole ? time || this.#now : ceilSecond(time || this.#now + CLOCK_TOLERANCE));
    this.#repairs.delete(key);
    this.#holds.delete(marketKey(hole.feed), repair);
    this.#size -= hole.size;
    this.#closings.push(closing);
    const near = closing.found.at(-1) ?? hole.near;
    const { reason, from, first } = hole;
    if (hole.isSettled) this.#doubts.set(key, { reason, from: near?.timestamp ?? from, near, known, first: near ?? first });
    return closing;
  }

  #repairOf(job: RepairJob): OpenRepair | undefined {
    const repair = this.#repairs.get(seriesKey(job));
    return repair?.isAskedFor(job) ? repair : undefined;
  }

  #oldest({ hole: { feed } }: OpenRepair): number {
    return this.#time(feed.exchange, feed.market) - this.#limits.most;
  }
}
