import { buildGap } from '../../model/gap.js';
import { compareTrades } from '../../model/order.js';
import type { Gap, GapReason, Trade } from '../../model/records.js';
import { floorToSecond, SECOND } from '../../model/time.js';
import type { Feed } from './feed-table.js';
import { isBefore, type KnownTrades, latest, type TradePoint } from './known-trades.js';

export type GapRepairOptions = {
  readonly feed: Feed;
  readonly reason: GapReason;
  /** Time of the last record known before the gap. */
  readonly from: number;
  /** The trade at the start of the gap: the last known one before it, or the first one known to be missing. */
  readonly start: TradePoint | undefined;
  /**
   * A trade before `start` from which on answers are looked through: a run that was killed had not compared its last trades with
   * the exchange. The proof of the gap does not need it.
   */
  readonly since?: TradePoint | undefined;
  readonly known: KnownTrades;
  /** Any unknown trade at or after this one counts as missing. Without it, every unknown trade after `from` does. */
  readonly earliest: TradePoint | undefined;
  /** The last trade of a repair that ended as this gap began. */
  readonly lastRepaired?: TradePoint | undefined;
  /** A provisional repair only checks: where nothing turns out to be missing, no gap is emitted. */
  readonly isProvisional?: boolean | undefined;
};

/** The span of an answer that has trades from both of its sides: it contains every trade of `[from, until)`. */
export type CoveredSpan = { readonly from: number; readonly until: number };

/** The outcome of a repair, emitted in the order of the fields. */
export type RepairResult = {
  /** Absent where nothing was missing and no gap was emitted before. */
  readonly gap: Gap | undefined;
  /** Whether the gap replaces one with `missing: true` that was emitted before. */
  readonly replaces: boolean;
  /** The trades that were missing, in order. Fetched ones have no `localTimestamp`, live ones that of their arrival. */
  readonly recovered: readonly Trade[];
  /** The live trades that were held back. */
  readonly held: readonly Trade[];
};

/** Consecutive pages without a gap between them: the exchange's answer to one request for history. */
export class PageChain {
  readonly ids = new Set<string>();
  /** How often the feed had been lost when the chain was started. */
  readonly losses: number;
  /** Whether the chain contains the trade at the start of the gap, or one before it. */
  reachesStart = false;
  /** Whether the chain contains a live trade from after the gap. */
  reachesEnd = false;
  /** Whether the chain contains everything from the trade `since` on. */
  reachesSince = false;
  from = Number.POSITIVE_INFINITY;
  last = 0;

  constructor(losses: number) {
    this.losses = losses;
  }
}

/**
 * One gap in the trades of one symbol, and what is known about it. Knows neither time nor network.
 *
 * An answer of the exchange may end too early (the endpoint lags behind) or begin too late (it serves only the newest
 * 100 trades). If such an answer closed the gap, the trades beyond it would be lost and the gap would claim that nothing
 * is missing. An empty answer says nothing at all: an endpoint that lags or fails gives it too. Ids are not contiguous on
 * any exchange, so counting them proves nothing either. The proof is overlap: the gap is complete when one chain of pages,
 * or several that share trades, contains a known trade, or an older one, before the gap and a live one after it.
 *
 * ```
 * known before    ● ● ●                        ○ ○ ○   live, held back
 *                     ↑ start              end ↑
 * chain 1             ● ● ● ● ●                        reaches the start only: the end remains missing
 * chain 2                   ● ● ● ● ● ● ● ● ● ●○       shares trades with chain 1 and reaches the end: complete
 * ```
 */
export class GapRepairState {
  readonly feed: Feed;
  readonly reason: GapReason;
  from: number;
  start: TradePoint | undefined;
  earliest: TradePoint | undefined;
  readonly since: TradePoint | undefined;
  readonly #isProvisional: boolean;
  /** Ids known when the gap began: more trades may be held back meanwhile than the filter remembers. */
  readonly #knownIds: Set<string>;
  /** Unknown trades up to this one are not missing, only forgotten. */
  readonly #floor: TradePoint | undefined;
  /** Ids that are connected to the start of the gap without a gap between them, and ids connected to its end. */
  readonly #startIds = new Set<string>();
  readonly #endIds = new Set<string>();
  readonly #recovered = new Map<string, Trade>();
  #held: Trade[] = [];
  /** The chains of the request that runs. */
  #chains: PageChain[] = [];
  /** The first live trade after the gap. */
  #end: TradePoint | undefined;
  #isComplete = false;
  #isSettled = false;
  #losses = 0;
  /** Between these two times trades may still be missing. */
  #coveredUntil: number;
  #coveredFrom = Number.POSITIVE_INFINITY;
  #isReported = false;

  constructor({ feed, reason, from, start, since, known, earliest, lastRepaired, isProvisional = false }: GapRepairOptions) {
    this.feed = feed;
    this.reason = reason;
    this.from = from;
    this.start = start;
    this.since = since;
    this.#isProvisional = isProvisional;
    this.#knownIds = known.ids;
    this.#floor = lastRepaired ? latest(known.floor, lastRepaired) : known.floor;
    this.earliest = earliest;
    this.#coveredUntil = from;
    if (start) this.#startIds.add(start.id);
  }

  /** Whether no trade is missing any more. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Number of trades kept in memory because of this gap. */
  get size(): number {
    return this.#recovered.size + this.#held.length;
  }

  /** Whether it is complete only because an answer was accepted as all there is. */
  get isSettled(): boolean {
    return this.#isSettled;
  }

  get isEmpty(): boolean {
    return this.size === 0;
  }

  get hasHeld(): boolean {
    return this.#held.length > 0;
  }

  get end(): TradePoint | undefined {
    return this.#end;
  }

  /** Whether a gap with `missing: true` was emitted while the repair went on. */
  get isReported(): boolean {
    return this.#isReported;
  }

  /** Holds back a live trade from after the gap. Where an answer contained it before it arrived, it proves the end. */
  hold(trade: Trade): void {
    this.#end ??= trade;
    this.#held.push(trade);
    this.#recovered.delete(trade.id);
    this.#endIds.add(trade.id);
    if (this.#startIds.has(trade.id)) this.#isComplete = true;
  }

  /** Extends the gap back to a trade that is missing too, if it is the earliest. */
  extendBack(trade: TradePoint): void {
    this.#knownIds.delete(trade.id);
    if (this.earliest && !isBefore(trade, this.earliest)) return;
    this.from = Math.min(this.from, trade.timestamp);
    this.start = trade;
    this.earliest = trade;
    this.#startIds.clear();
    this.#startIds.add(trade.id);
    this.#coveredUntil = this.from;
  }

  /** Registers that the feed was lost again before the repair ended: the gap now contains the trades held back so far. */
  lostAgain(): void {
    for (const trade of this.#held) this.#recovered.set(trade.id, trade);
    this.#held = [];
    this.#end = undefined;
    this.#losses += 1;
    this.#chains = [];
    this.#endIds.clear();
    this.#isComplete = false;
    this.#coveredFrom = Number.POSITIVE_INFINITY;
  }

  /** Adds the snapshot that a connection sends on subscribing; live trades follow it directly. */
  addSnapshot(trades: readonly Trade[]): void {
    const chain = this.startChain();
    chain.reachesEnd = true;
    const times = trades.map(({ timestamp }) => timestamp);
    this.addPage(chain, trades, { from: Math.min(...times), until: Math.max(...times) });
  }

  /** Starts a chain of pages. */
  startChain(): PageChain {
    const chain = new PageChain(this.#losses);
    this.#chains.push(chain);
    return chain;
  }

  /** Whether a chain of the request that runs contains the start of the gap, or its end. */
  get reaches(): { readonly start: boolean; readonly end: boolean } {
    return {
      start: this.#chains.some(({ reachesStart }) => reachesStart),
      end: this.#chains.some(({ reachesEnd }) => reachesEnd),
    };
  }

  /** Ends the request: later chains are joined by the ids that reach the start or the end. */
  endRequest(): void {
    this.#chains = [];
  }

  /**
   * Adds one page of a chain. A chain that was started before the feed was lost again contributes its trades, but proves
   * nothing about the end of the longer gap.
   */
  addPage(chain: PageChain, trades: readonly Trade[], covered: CoveredSpan | undefined): void {
    for (const trade of trades) this.#addTrade(chain, trade);
    if (covered && covered.from < chain.from) chain.from = covered.from;
    if (notBefore(chain.from) <= (this.start?.timestamp ?? this.from)) chain.reachesStart = true;
    if (this.since && notBefore(chain.from) <= this.since.timestamp) chain.reachesSince = true;
    if (chain.losses === this.#losses) this.#join();
  }

  /**
   * Accepts the newest trade of the answer as the newest there is, because no live trade has arrived for longer than
   * answers lag. A chain that lacks a trade which is known to have happened is stale and is not accepted; a chain without
   * any trade is accepted only where no trade is known at all and `believesEmpty`.
   */
  settle(believesEmpty: boolean): void {
    let newest = this.start;
    for (const trade of this.#recovered.values()) if (!newest || isBefore(newest, trade)) newest = trade;
    if (this.#endIds.size > 0) return;
    for (const chain of this.#chains) {
      if (newest ? !chain.ids.has(newest.id) : chain.ids.size === 0 && !believesEmpty) continue;
      if (!newest && chain.ids.size === 0) chain.reachesStart = true;
      chain.reachesEnd = true;
    }
    this.#join();
    this.#isSettled = this.#isComplete;
  }

  /** Connects the chains to the start and to the end of the gap, directly or through trades that they share. */
  #join(): void {
    for (let before = -1; before < this.#startIds.size + this.#endIds.size; ) {
      before = this.#startIds.size + this.#endIds.size;
      for (const chain of this.#chains) this.#connect(chain);
    }
  }

  #connect(chain: PageChain): void {
    chain.reachesStart ||= sharesId(chain.ids, this.#startIds);
    chain.reachesEnd ||= sharesId(chain.ids, this.#endIds);
    if (chain.reachesStart) {
      for (const id of chain.ids) this.#startIds.add(id);
      this.#coveredUntil = Math.max(this.#coveredUntil, chain.last);
    }
    if (chain.reachesEnd) {
      for (const id of chain.ids) this.#endIds.add(id);
      this.#coveredFrom = Math.min(this.#coveredFrom, chain.from);
    }
    if (chain.reachesStart && chain.reachesEnd) this.#isComplete = true;
  }

  /** Returns a gap with `missing: true` and the trades held back, so that they need not wait longer. The repair goes on. */
  report(): RepairResult {
    const held = this.#held;
    this.#held = [];
    this.#isReported = true;
    return { gap: this.#gap(this.from, this.#end?.timestamp ?? this.from, 0), replaces: false, recovered: [], held };
  }

  /**
   * Ends the repair. `until` is the exchange's time, for a gap that no live trade has followed. A reported gap that turns
   * out to be complete is always corrected: readers would keep it as missing.
   */
  close(until: number): RepairResult {
    const recovered = orderTrades(
      [...this.#recovered.values()].filter((trade) => !this.#isAfterGap(trade)),
      this.start,
    );
    const end = Math.max(this.from, recovered.at(-1)?.timestamp ?? 0, this.#end?.timestamp ?? until);
    // What an earlier run lacked lies before its last trade.
    this.from = Math.min(this.from, recovered[0]?.timestamp ?? this.from);
    const fetched = recovered.filter(({ localTimestamp }) => localTimestamp === undefined).length;
    const [from, to] = this.#isComplete || this.#isReported ? [this.from, end] : this.#remaining(end);
    const isSuperfluous = fetched === 0 && (this.#isComplete ? this.#isProvisional && !this.#isReported : this.#isReported);
    const gap = isSuperfluous ? undefined : this.#gap(from, to, fetched);
    return { gap, replaces: this.#isReported && gap !== undefined, recovered, held: this.#held };
  }

  /** Whether an answer contained a trade from after the gap, which the connection will deliver itself. */
  #isAfterGap(trade: Trade): boolean {
    return this.#end !== undefined && trade.localTimestamp === undefined && isBefore(this.#end, trade);
  }

  #addTrade(chain: PageChain, trade: Trade): void {
    const { id } = trade;
    chain.ids.add(id);
    chain.last = Math.max(chain.last, trade.timestamp);
    if (this.#startIds.has(id) || (this.start && isBefore(trade, this.start))) chain.reachesStart = true;
    if (this.#endIds.has(id)) chain.reachesEnd = true;
    if (this.since && !isBefore(this.since, trade)) chain.reachesSince = true;
    if (this.#knownIds.has(id) || this.#recovered.has(id) || this.#endIds.has(id)) return;
    // After the gap was reported, live trades are no longer held back: only trades inside the gap are still missing.
    if (this.#isReported && this.#isAfterGap(trade)) return;
    if (this.#floor && !isBefore(this.#floor, trade)) return;
    if (this.earliest ? isBefore(trade, this.earliest) : trade.timestamp < floorToSecond(this.from)) return;
    this.#recovered.set(id, trade);
  }

  /** Returns the span that may still lack trades: between what is connected to the start and what is connected to the end. */
  #remaining(end: number): [from: number, until: number] {
    const until = Math.min(end, notBefore(this.#coveredFrom));
    return [Math.min(this.#coveredUntil, until), until];
  }

  #gap(from: number, until: number, repaired: number): Gap {
    const { feed, reason } = this;
    return buildGap(feed, { from, until, reason, repaired, missing: !this.#isComplete });
  }
}

/**
 * Returns trades in the order of trades. Some histories round times down to whole seconds (Bitget `fills-history`), which
 * would put a fetched trade before live ones that precede it. Such a trade takes the time of the trade before it in the
 * exchange's order where both lie in the same second. `before` is the last trade known before them.
 *
 * Of the trades emitted before the gap only the last is compared. Where a later trade of its second was emitted (the
 * outputs were full for some trades among others), a fetched trade may precede it by time although it follows by sequence;
 * so may a trade that `backfill` adds beside live ones. No time is wrong by a second, and no trade is lost or duplicated.
 */
function orderTrades(trades: readonly Trade[], before: TradePoint | undefined): Trade[] {
  let previous = before;
  const raised = [...trades].sort(compareBySequence).map((trade) => {
    const isRounded = trade.localTimestamp === undefined && trade.timestamp % SECOND === 0;
    const minimum = previous !== undefined && !isBefore(trade, previous) ? previous.timestamp : trade.timestamp;
    const isRaised = isRounded && minimum > trade.timestamp && minimum < trade.timestamp + SECOND;
    const timestamp = isRaised ? minimum : trade.timestamp;
    previous = { ...trade, timestamp };
    return timestamp === trade.timestamp ? trade : { ...trade, timestamp };
  });
  return raised.sort(compareTrades);
}

function compareBySequence(a: Trade, b: Trade): number {
  return isBefore(a, b) ? -1 : isBefore(b, a) ? 1 : compareTrades(a, b);
}

function sharesId(ids: ReadonlySet<string>, others: ReadonlySet<string>): boolean {
  const [few, many] = ids.size < others.size ? [ids, others] : [others, ids];
  for (const id of few) if (many.has(id)) return true;
  return false;
}

/** Returns the latest moment that a time may stand for. A whole second may be rounded down; another trade may share any time. */
function notBefore(time: number): number {
  return time % SECOND === 0 ? time + SECOND : time + 1;
}
