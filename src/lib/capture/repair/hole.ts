import { buildGap } from '../../model/gap.js';
import type { Gap, GapReason, Trade } from '../../model/records.js';
import { floorToSecond, SECOND } from '../../model/time.js';
import type { Feed } from './feed-table.js';
import { isBefore, type KnownTrades, latest, type TradePoint } from './known-trades.js';
import { inOrder } from './source-times.js';

export type HoleOptions = {
  readonly feed: Feed;
  readonly reason: GapReason;
  /** Time of the last thing known before the hole. */
  readonly from: number;
  /** The trade at its beginning: the last one known before it, or the first one that is known to be missing. */
  readonly near: TradePoint | undefined;
  readonly known: KnownTrades;
  /** The earliest trade that is not known only if it is missing; without one, what comes after `from` is. */
  readonly first: TradePoint | undefined;
  /** The last trade of a repair that ended as this hole began. */
  readonly given?: TradePoint | undefined;
  /** A hole that is only feared: where nothing turns out to be missing, nobody is told. */
  readonly isDoubt?: boolean | undefined;
};

/** A stretch of the past that an answer vouches for, `[from, until)`. */
export type Covered = { readonly from: number; readonly until: number };

/** What closing a hole gives, in this order. */
export type Closing = {
  /** Absent where nothing was missing and nobody was told of a hole. */
  readonly gap: Gap | undefined;
  /** Whether the gap replaces one with `missing: true` that was told before. */
  readonly replaces: boolean;
  /** What was missing, in order. Fetched trades have no `localTimestamp`, live ones that of their arrival. */
  readonly found: readonly Trade[];
  /** Live trades that were held back. */
  readonly held: readonly Trade[];
};

/** Pages that follow one another without a hole between them: one answer of the exchange to "what happened?". */
export class Chain {
  readonly ids = new Set<string>();
  readonly round: number;
  touchesNear = false;
  touchesFar = false;
  from = Number.POSITIVE_INFINITY;
  last = 0;

  constructor(round: number) {
    this.round = round;
  }
}

/**
 * One hole in the trades of one symbol and what is known of it. Ids are not contiguous on any exchange, so a hole is whole
 * again when one chain of pages, or several that overlap, contains what is known at both of its ends: the last trade before
 * it (or reaches behind it) and one that came live after it. Pure: it knows neither time nor network.
 */
export class Hole {
  readonly feed: Feed;
  readonly reason: GapReason;
  from: number;
  near: TradePoint | undefined;
  first: TradePoint | undefined;
  readonly #isDoubt: boolean;
  /** Ids known when it began: what is held back meanwhile may be more than is remembered. */
  readonly #before: Set<string>;
  /** Up to here no trade is missing that is not known. */
  readonly #floor: TradePoint | undefined;
  readonly #nearSide = new Set<string>();
  readonly #farSide = new Set<string>();
  readonly #found = new Map<string, Trade>();
  #held: Trade[] = [];
  /** The first trade after the hole. */
  #far: TradePoint | undefined;
  #isWhole = false;
  #isSettled = false;
  /** How often the feed was lost. */
  #round = 0;
  #nearUntil: number;
  #farFrom = Number.POSITIVE_INFINITY;
  #wasTold = false;

  constructor({ feed, reason, from, near, known, first, given, isDoubt = false }: HoleOptions) {
    this.feed = feed;
    this.reason = reason;
    this.from = from;
    this.near = near;
    this.#isDoubt = isDoubt;
    this.#before = known.ids;
    this.#floor = given ? latest(known.floor, given) : known.floor;
    this.first = first;
    this.#nearUntil = from;
    if (near) this.#nearSide.add(near.id);
  }

  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** Trades in memory because of this hole. */
  get size(): number {
    return this.#found.size + this.#held.length;
  }

  /** Whether it is whole because an answer was taken for all there is. */
  get isSettled(): boolean {
    return this.#isSettled;
  }

  get isEmpty(): boolean {
    return this.size === 0;
  }

  get hasHeld(): boolean {
    return this.#held.length > 0;
  }

  get far(): TradePoint | undefined {
    return this.#far;
  }

  /** Whether it was told as a gap that remains, while its repair went on. */
  get wasTold(): boolean {
    return this.#wasTold;
  }

  /** Holds back a trade that came live after the hole. One that an answer had before it came shows where the hole ends. */
  hold(trade: Trade): void {
    this.#far ??= trade;
    this.#held.push(trade);
    this.#found.delete(trade.id);
    this.#farSide.add(trade.id);
    if (this.#nearSide.has(trade.id)) this.#isWhole = true;
  }

  /** A trade that is missing as well, and may be the earliest. */
  reachBack(trade: TradePoint): void {
    this.#before.delete(trade.id);
    if (this.first && !isBefore(trade, this.first)) return;
    this.from = Math.min(this.from, trade.timestamp);
    this.near = trade;
    this.first = trade;
    this.#nearSide.clear();
    this.#nearSide.add(trade.id);
    this.#nearUntil = this.from;
  }

  /** The feed was lost again before the hole was repaired: what came meanwhile lies within one longer hole. */
  lostAgain(): void {
    for (const trade of this.#held) this.#found.set(trade.id, trade);
    this.#held = [];
    this.#far = undefined;
    this.#round += 1;
    this.#farSide.clear();
    this.#isWhole = false;
    this.#farFrom = Number.POSITIVE_INFINITY;
  }

  /** Takes what the connection itself tells of the past as it begins: it is followed by what comes live. */
  takeSnapshot(trades: readonly Trade[]): void {
    const chain = this.chain();
    chain.touchesFar = true;
    const times = trades.map(({ timestamp }) => timestamp);
    this.take(chain, trades, { from: Math.min(...times), until: Math.max(...times) });
  }

  /** Returns a chain to be filled. */
  chain(): Chain {
    return new Chain(this.#round);
  }

  /** Takes the trades of one page of a chain; of one from before the feed was lost again only the trades count. */
  take(chain: Chain, trades: readonly Trade[], covered: Covered | undefined): void {
    for (const trade of trades) this.#takeTrade(chain, trade);
    if (covered && covered.from < chain.from) chain.from = covered.from;
    if (notBefore(chain.from) <= (this.near?.timestamp ?? this.from)) chain.touchesNear = true;
    this.#join(chain);
  }

  /**
   * Takes the newest of a chain for the newest there is: nothing came live for so long that it would be in it. An answer
   * that lacks what is known to have happened is no such answer; one without any trade is where none is known.
   */
  settle(chain: Chain): void {
    let latest = this.near;
    for (const trade of this.#found.values()) if (!latest || isBefore(latest, trade)) latest = trade;
    if (this.#farSide.size > 0 || (latest && !chain.ids.has(latest.id))) return;
    if (!latest && chain.ids.size === 0) chain.touchesNear = true;
    chain.touchesFar = true;
    this.#join(chain);
    this.#isSettled = this.#isWhole;
  }

  #join(chain: Chain): void {
    if (chain.round !== this.#round) return;
    chain.touchesFar ||= this.#held.some(({ id }) => chain.ids.has(id));
    if (chain.touchesNear) {
      for (const id of chain.ids) this.#nearSide.add(id);
      this.#nearUntil = Math.max(this.#nearUntil, chain.last);
    }
    if (chain.touchesFar) {
      for (const id of chain.ids) this.#farSide.add(id);
      this.#farFrom = Math.min(this.#farFrom, chain.from);
    }
    if (chain.touchesNear && chain.touchesFar) this.#isWhole = true;
  }

  /** Tells the hole as one that remains for now and lets go of what came after it; the repair may go on. */
  release(): Closing {
    const held = this.#held;
    this.#held = [];
    this.#wasTold = true;
    return { gap: this.#gap(this.from, this.#far?.timestamp ?? this.from, 0), replaces: false, found: [], held };
  }

  /** Closes the hole; `until` is the exchange's time where no trade came after it. */
  close(until: number): Closing {
    const end = Math.max(this.from, this.#far?.timestamp ?? until);
    const found = inOrder(
      [...this.#found.values()].filter((trade) => !this.#isAfter(trade)),
      this.near,
    );
    const fetched = found.filter(({ localTimestamp }) => localTimestamp === undefined).length;
    const [from, to] = this.#isWhole || this.#wasTold ? [this.from, end] : this.#remaining(end);
    const isNothing = (this.#isDoubt && this.#isWhole && fetched === 0) || (this.#wasTold && !this.#isWhole && fetched === 0);
    const gap = isNothing ? undefined : this.#gap(from, to, fetched);
    return { gap, replaces: this.#wasTold && gap !== undefined, found, held: this.#held };
  }

  /** What an answer knows earlier than the connection is no part of the hole: it will come live. */
  #isAfter(trade: Trade): boolean {
    return this.#far !== undefined && trade.localTimestamp === undefined && isBefore(this.#far, trade);
  }

  #takeTrade(chain: Chain, trade: Trade): void {
    const { id } = trade;
    chain.ids.add(id);
    chain.last = Math.max(chain.last, trade.timestamp);
    if (this.#nearSide.has(id) || (this.near && isBefore(trade, this.near))) chain.touchesNear = true;
    if (this.#farSide.has(id)) chain.touchesFar = true;
    if (this.#before.has(id) || this.#found.has(id) || this.#farSide.has(id)) return;
    // Once the hole was told, what comes live passes it by: it is not lost again, and needs no more than what lies within.
    if (this.#wasTold && this.#isAfter(trade)) return;
    if (this.#floor && !isBefore(this.#floor, trade)) return;
    if (this.first ? isBefore(trade, this.first) : trade.timestamp < floorToSecond(this.from)) return;
    this.#found.set(id, trade);
  }

  /** What remains: from the end of what is contiguous with before, to the beginning of what is with after. */
  #remaining(end: number): [from: number, until: number] {
    const until = Math.min(end, notBefore(this.#farFrom));
    return [Math.min(this.#nearUntil, until), until];
  }

  #gap(from: number, until: number, repaired: number): Gap {
    const { exchange, market, channel, symbol } = this.feed;
    const { reason } = this;
    const missing = !this.#isWhole;
    return buildGap({ exchange, market, symbol, channel }, { from, until, reason, repaired, missing });
  }
}

/** A time that may have been rounded down to its second, at its latest; any other is what it says, and something may share it. */
function notBefore(time: number): number {
  return time % SECOND === 0 ? time + SECOND : time + 1;
}
