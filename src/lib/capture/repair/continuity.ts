import { buildGap } from '../../model/gap.js';
import type { Gap, GapReason } from '../../model/records.js';
import { MINUTE, SECOND } from '../../model/time.js';
import { type Feed, FeedTable } from './feed-table.js';

/** `last` is the time of the last thing known of it. */
export type LostFeed = Feed & { readonly last: number };

type State = Feed & {
  /** Exchange's time of the last thing that came, `NEVER` before the first. */
  last: number;
  /** Local time at which it was carried first. */
  readonly begun: number;
  /** The connections that carry it, and the local time since which each does; the longest first. */
  readonly carriers: Map<string, number>;
  /** The carrier that delivered last; it need not be noted again. */
  latest: string | undefined;
  hole: { readonly since: number; readonly reason: GapReason } | undefined;
};

/** A number like the times that follow, which the engine then keeps in one place. */
const NEVER = Number.NEGATIVE_INFINITY;

/** Returns the exchange's time on a feed's market at a local time, undefined before anything is known of its clock. */
export type ExchangeTime = (feed: Pick<Feed, 'exchange' | 'market'>, local: number) => number | undefined;

/** The channel in which so seldom anything comes that its last record does not tell how far it is known. */
export const SELDOM = 'liquidation';

/** What a connection brings while another one leads waits for that one to bring it as well, microseconds. */
export const TAKEOVER_PATIENCE = 2 * SECOND;

/** Before anything is known of an exchange's clock, it is taken to differ from ours by no more than this. */
export const CLOCK_TOLERANCE = MINUTE;

/**
 * Knows which connections carry which feed, and turns the loss of the last one into a `gap` before the next record of
 * that feed. A connection that is replaced before it closes leaves no hole.
 */
export class Continuity {
  readonly #states = new FeedTable<State>();
  readonly #exchangeTime: ExchangeTime;

  constructor(exchangeTime: ExchangeTime) {
    this.#exchangeTime = exchangeTime;
  }

  /** Notes that `connection` delivered something of `feed` that happened at `timestamp`; returns the gap it ends, if any. */
  received(feed: Feed, connection: string, timestamp: number, at: number): Gap | undefined {
    const state = this.#stateOf(feed, at);
    const latest = state.last === NEVER ? timestamp : state.last;
    const gap = state.hole ? gapOf(state, Math.min(this.#from(state), latest), timestamp) : undefined;
    state.hole = undefined;
    if (state.latest !== connection) carry(state, connection, at);
    state.latest = connection;
    if (timestamp > state.last) state.last = timestamp;
    return gap;
  }

  /** Notes that `connection` will deliver `feed` from now on (local time): silence after it is silence, its loss a hole. */
  carried(feed: Feed, connection: string, at: number): void {
    carry(this.#stateOf(feed, at), connection, at);
  }

  /** As `carried`, by the exchange's word; returns the gap that ends here, of a feed too seldom to end it by a record. */
  confirmed(feed: Feed, connection: string, at: number): Gap | undefined {
    const state = this.#stateOf(feed, at);
    carry(state, connection, at);
    if (feed.channel !== SELDOM || !state.hole) return undefined;
    const gap = gapOf(state, this.#from(state), this.#latest(state, at));
    state.hole = undefined;
    return gap;
  }

  /** Returns the feeds of a channel that are carried, or whose hole will be told. */
  feedsOf(channel: Feed['channel']): Feed[] {
    return [...this.#states].filter((state) => state.channel === channel);
  }

  /** Whether any connection carries a feed. */
  isCarried(feed: Feed): boolean {
    return (this.#find(feed)?.carriers.size ?? 0) > 0;
  }

  /** Whether `connection` is the one of a feed's carriers whose records count, the one that has carried it longest. */
  leads(feed: Feed, connection: string): boolean {
    const leader = this.#find(feed)?.carriers.keys().next().value;
    return leader === undefined || leader === connection;
  }

  /** Lets `connection` lead a feed: those that did so far count as lost. Returns the feed, undefined where it leads already. */
  overtaken(feed: Feed, connection: string, at: number): LostFeed | undefined {
    const state = this.#find(feed);
    if (!state || this.leads(feed, connection)) return undefined;
    state.latest = undefined;
    state.carriers.clear();
    state.carriers.set(connection, at);
    state.hole ??= { since: at, reason: 'stale' };
    return { ...feed, last: this.#from(state) };
  }

  /** Notes that a feed was ended on purpose: that leaves no hole. */
  released(feed: Feed, connection: string): void {
    const state = this.#find(feed);
    if (!state) return;
    drop(state, connection);
    if (state.carriers.size === 0 && !state.hole) this.#states.delete(state);
  }

  /** Notes that a connection was lost `at` (local time); returns the feeds that nothing carries now. */
  lost(connection: string, at: number, reason: GapReason): LostFeed[] {
    const lost: LostFeed[] = [];
    for (const state of this.#states) {
      if (!drop(state, connection) || state.carriers.size > 0) continue;
      state.hole ??= { since: at, reason };
      const { exchange, market, channel, symbol } = state;
      lost.push({ exchange, market, channel, symbol, last: this.#from(state) });
    }
    return lost;
  }

  /**
   * Returns the gaps of feeds that `connection`, of which nothing was heard after the local time `heard`, has left to others
   * that all began later: what happened in between was sent to the one that was dead. To be called before `lost`.
   */
  leftBehind(connection: string, heard: number, reason: GapReason): Gap[] {
    const gaps: Gap[] = [];
    for (const state of this.#states) {
      // What a book goes on with shows by its sequence whether anything is missing.
      if (state.channel.startsWith('book') || !state.carriers.has(connection) || state.carriers.size === 1) continue;
      const begun = Math.min(...[...state.carriers].flatMap(([id, since]) => (id === connection ? [] : [since])));
      if (begun <= heard) continue;
      const from = this.#earliest(state, heard) - SECOND;
      gaps.push(gapOf({ ...state, hole: { since: heard, reason } }, from, this.#latest(state, begun)));
    }
    return gaps;
  }

  /** Forgets the hole of a feed: somebody else tells it. */
  handedOver(feed: Feed): void {
    const state = this.#find(feed);
    if (state) state.hole = undefined;
  }

  /** Returns the holes that nothing ended, of feeds lost before `at`: what follows the last event of a run is no hole. */
  finish(at: number, passed: (feed: Feed) => number): Gap[] {
    const gaps: Gap[] = [];
    for (const state of this.#states) {
      if (state.hole && state.hole.since < at) gaps.push(gapOf(state, this.#from(state), ceilSecond(passed(state))));
    }
    return gaps;
  }

  /** What is known of a feed ends with what came last, or where it was carried first. */
  #from(state: State): number {
    return state.last === NEVER ? this.#earliest(state, state.begun) : state.last;
  }

  #earliest(feed: Feed, local: number): number {
    return this.#exchangeTime(feed, local) ?? local - CLOCK_TOLERANCE;
  }

  #latest(feed: Feed, local: number): number {
    return ceilSecond(this.#exchangeTime(feed, local) ?? local + CLOCK_TOLERANCE);
  }

  #stateOf(feed: Feed, begun: number): State {
    const known = this.#find(feed);
    if (known) return known;
    const state: State = { ...feed, last: NEVER, begun, carriers: new Map(), latest: undefined, hole: undefined };
    this.#states.add(state);
    return state;
  }

  #find({ exchange, market, channel, symbol }: Feed): State | undefined {
    return this.#states.get(exchange, market, channel, symbol);
  }
}

function carry({ carriers }: State, connection: string, at: number): void {
  if (!carriers.has(connection)) carriers.set(connection, at);
}

/** Returns whether it was one of the carriers. */
function drop(state: State, connection: string): boolean {
  if (state.latest === connection) state.latest = undefined;
  return state.carriers.delete(connection);
}

/** What happened last is known to a second at best: clocks are compared over the network. */
export function ceilSecond(time: number): number {
  return Math.ceil(time / SECOND) * SECOND;
}

function gapOf({ hole, ...feed }: State, from: number, until: number): Gap {
  return buildGap(feed, { from, until, reason: hole?.reason ?? 'disconnect' });
}
