import { buildGap } from '../../model/gap.js';
import type { Gap, GapReason } from '../../model/records.js';
import { MINUTE, SECOND } from '../../model/time.js';
import { type Feed, FeedTable } from './feed-table.js';

/** A feed that no connection delivers any more. `lastKnown` is the exchange's time of its last record. */
export type LostFeed = Feed & { readonly lastKnown: number };

type State = Feed & {
  /** Exchange's time of the last record, `NEVER` before the first. */
  lastKnown: number;
  /** Local time at which a connection first delivered the feed. */
  readonly begun: number;
  /** The connections that deliver the feed, and the local time since which each does. The one that leads is first. */
  readonly deliveredBy: Map<string, number>;
  /** The connection of the last record: it is in `deliveredBy` already. */
  lastDeliverer: string | undefined;
  /** Set while nothing delivers the feed, until the next record ends the gap. `since` is a local time. */
  gap: { readonly since: number; readonly reason: GapReason } | undefined;
  /** Local time at which we unsubscribed the feed, until it is delivered again. */
  leftAt: number | undefined;
};

/** A number like the times that follow, so that the engine keeps one representation of the field. */
const NEVER = Number.NEGATIVE_INFINITY;

/** Returns the exchange's time on a feed's market at a local time, undefined before its clock is known. */
export type ExchangeTime = (feed: Pick<Feed, 'exchange' | 'market'>, local: number) => number | undefined;

/**
 * The channel that is too sparse for its last record to show until when it was covered: hours may pass without a
 * liquidation. The time until which it was covered is therefore stored separately.
 */
export const SPARSE_CHANNEL = 'liquidation';

/** How long an event of a successor connection waits for the connection that leads, microseconds. */
export const TAKEOVER_TIMEOUT = 2 * SECOND;

/** Assumed maximum difference between an exchange's clock and ours while the difference is not known. */
export const CLOCK_TOLERANCE = MINUTE;

/** What a dead connection took with it before its successor began: the successor, and the gap where nothing fetches it. */
type TakeoverLoss = { readonly feed: Feed; readonly successor: string; readonly gap: Gap };

/**
 * The connections that deliver each feed, and the gaps between them.
 *
 * When a connection drops, records are missing until another one delivers the feed. Without a note of that, the next
 * record would look like the direct successor of the last one and candles over the silence would count as complete. So
 * the loss of a feed's last connection opens a gap, and the next record of the feed ends it. A connection that is
 * replaced before it closes leaves no gap: the old and the new one overlap.
 *
 * ```
 * connection 1   ──●──●──●──╳
 * connection 2                    ●──●──       gap from the last ● of 1 to the first ● of 2
 * connection 3                 ●──●──●──       subscribed before 2 closes: no gap
 * ```
 */
export class Continuity {
  readonly #states = new FeedTable<State>();
  readonly #exchangeTime: ExchangeTime;
  /** Number of feeds with a `leftAt`. */
  #left = 0;

  constructor(exchangeTime: ExchangeTime) {
    this.#exchangeTime = exchangeTime;
  }

  /** Registers a record of `feed` with the exchange's time `timestamp`. Returns the gap that it ends, if any. */
  received(feed: Feed, connection: string, timestamp: number, at: number): Gap | undefined {
    const state = this.#stateOf(feed, at);
    const last = state.lastKnown === NEVER ? timestamp : state.lastKnown;
    const gap = state.gap ? gapOf(state, Math.min(this.#gapStart(state), last), timestamp) : undefined;
    state.gap = undefined;
    if (state.lastDeliverer !== connection) addDeliverer(state, connection, at);
    state.lastDeliverer = connection;
    if (timestamp > state.lastKnown) state.lastKnown = timestamp;
    return gap;
  }

  /** Registers that `connection` delivers `feed` from the local time `at` on: from now on its loss opens a gap. */
  delivering(feed: Feed, connection: string, at: number): void {
    addDeliverer(this.#stateOf(feed, at), connection, at);
  }

  /**
   * Registers that the exchange confirmed the subscription. Returns the gap that this ends: on the sparse channel the next
   * record may be hours away.
   */
  confirmed(feed: Feed, connection: string, at: number): Gap | undefined {
    const state = this.#stateOf(feed, at);
    addDeliverer(state, connection, at);
    if (feed.channel !== SPARSE_CHANNEL || !state.gap) return undefined;
    const gap = gapOf(state, this.#gapStart(state), this.#latest(state, at));
    state.gap = undefined;
    return gap;
  }

  /** Returns the feeds of a channel that are delivered or have an open gap. */
  feedsOf(channel: Feed['channel']): Feed[] {
    return [...this.#states].filter((state) => state.channel === channel && state.leftAt === undefined);
  }

  /** Returns the time of a feed's last record, else of its first subscription; undefined for an unknown feed. */
  lastKnown(feed: Feed): number | undefined {
    const state = this.#find(feed);
    return state && this.#gapStart(state);
  }

  /** Returns the exchange's time from which a feed is owed, that of its first subscription; undefined for an unknown feed. */
  begun(feed: Feed): number | undefined {
    const state = this.#find(feed);
    return state && this.#earliest(state, state.begun);
  }

  /** Whether any connection delivers a feed. */
  isDelivered(feed: Feed): boolean {
    return (this.#find(feed)?.deliveredBy.size ?? 0) > 0;
  }

  /** Whether the records of `connection` count: it has delivered the feed for the longest time. */
  leads(feed: Feed, connection: string): boolean {
    const leader = this.#find(feed)?.deliveredBy.keys().next().value;
    return leader === undefined || leader === connection;
  }

  /**
   * Makes `connection` lead a feed: the connections that led so far count as lost. Returns the feed, undefined where
   * `connection` leads already.
   */
  takenOver(feed: Feed, connection: string, at: number): LostFeed | undefined {
    const state = this.#find(feed);
    if (!state || this.leads(feed, connection)) return undefined;
    state.lastDeliverer = undefined;
    state.deliveredBy.clear();
    state.deliveredBy.set(connection, at);
    state.gap ??= { since: at, reason: 'stale' };
    return { ...feed, lastKnown: this.#gapStart(state) };
  }

  /**
   * Registers that a feed is mute although its connections are open: they count as lost. Returns the feed, undefined where
   * nothing delivers it.
   */
  muted(feed: Feed, at: number): LostFeed | undefined {
    const state = this.#find(feed);
    if (!state || state.deliveredBy.size === 0) return undefined;
    state.lastDeliverer = undefined;
    state.deliveredBy.clear();
    state.gap ??= { since: at, reason: 'stale' };
    return { ...feed, lastKnown: this.#gapStart(state) };
  }

  /**
   * Registers that we unsubscribed a feed at the local time `at`. A delisted symbol leaves no gap. When it is listed again,
   * what was sent meanwhile is missing: `rejoined` opens the gap then. A book starts anew with its snapshot.
   */
  unsubscribed(feed: Feed, connection: string, at: number): void {
    const state = this.#find(feed);
    if (!state) return;
    const wasDelivered = removeDeliverer(state, connection);
    if (state.deliveredBy.size > 0 || state.gap || state.leftAt !== undefined) return;
    if (feed.channel.startsWith('book') || !wasDelivered) this.#states.delete(state);
    else {
      state.leftAt = at;
      this.#left += 1;
    }
  }

  /** Opens the gap of a feed that we had unsubscribed and that is delivered again. Returns the feed, undefined for others. */
  rejoined({ exchange, market, channel, symbol }: Feed): LostFeed | undefined {
    if (this.#left === 0) return undefined;
    const state = this.#states.get(exchange, market, channel, symbol);
    if (state?.leftAt === undefined) return undefined;
    state.gap = { since: state.leftAt, reason: 'disconnect' };
    state.leftAt = undefined;
    this.#left -= 1;
    return { exchange, market, channel, symbol, lastKnown: this.#gapStart(state) };
  }

  /** Registers that a connection was lost at the local time `at`. Returns the feeds that no connection delivers now. */
  lost(connection: string, at: number, reason: GapReason): LostFeed[] {
    const lost: LostFeed[] = [];
    for (const state of this.#states) {
      if (!removeDeliverer(state, connection) || state.deliveredBy.size > 0) continue;
      state.gap ??= { since: at, reason };
      const { exchange, market, channel, symbol } = state;
      lost.push({ exchange, market, channel, symbol, lastKnown: this.#gapStart(state) });
    }
    return lost;
  }

  /**
   * Returns the losses of feeds whose other connections all began after `connection` fell silent. Call before `lost`.
   *
   * A dead connection is noticed only after its time-out. If its successor subscribed 30 s after it died, the records of
   * those 30 s were sent to the dead one and nobody has them, although the feed never was without a connection. `heard` is
   * the local time of the last frame.
   */
  lostInTakeover(connection: string, heard: number, reason: GapReason): TakeoverLoss[] {
    const losses: TakeoverLoss[] = [];
    for (const state of this.#states) {
      // A book's sequence shows by itself whether a message is missing.
      if (state.channel.startsWith('book') || !state.deliveredBy.has(connection) || state.deliveredBy.size === 1) continue;
      const others = [...state.deliveredBy].filter(([id]) => id !== connection).sort(([, a], [, b]) => a - b);
      const [successor, begun] = others[0] as [string, number];
      if (begun <= heard) continue;
      const from = this.#earliest(state, heard) - SECOND;
      const gap = gapOf({ ...state, gap: { since: heard, reason } }, from, this.#latest(state, begun));
      const { exchange, market, channel, symbol } = state;
      losses.push({ feed: { exchange, market, channel, symbol }, successor, gap });
    }
    return losses;
  }

  /** Drops the open gap of a feed: the trade repair emits it instead. */
  handedOver(feed: Feed): void {
    const state = this.#find(feed);
    if (state) state.gap = undefined;
  }

  /**
   * Returns the gaps that are still open at the end of a run, of feeds that were lost before the local time `at`: what
   * follows the last event of a run is no gap. `passed` returns the exchange's time on a feed's market.
   */
  finish(at: number, passed: (feed: Feed) => number): Gap[] {
    const gaps: Gap[] = [];
    for (const state of this.#states) {
      if (state.gap && state.gap.since < at) gaps.push(gapOf(state, this.#gapStart(state), ceilSecond(passed(state))));
    }
    return gaps;
  }

  /** Returns the time of the last record, else the time at which a connection first delivered the feed. */
  #gapStart(state: State): number {
    return state.lastKnown === NEVER ? this.#earliest(state, state.begun) : state.lastKnown;
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
    const deliveredBy = new Map<string, number>();
    const state: State = {
      ...feed,
      lastKnown: NEVER,
      begun,
      deliveredBy,
      lastDeliverer: undefined,
      gap: undefined,
      leftAt: undefined,
    };
    this.#states.add(state);
    return state;
  }

  #find({ exchange, market, channel, symbol }: Feed): State | undefined {
    return this.#states.get(exchange, market, channel, symbol);
  }
}

function addDeliverer({ deliveredBy }: State, connection: string, at: number): void {
  if (!deliveredBy.has(connection)) deliveredBy.set(connection, at);
}

/** Returns whether the connection delivered the feed. */
function removeDeliverer(state: State, connection: string): boolean {
  if (state.lastDeliverer === connection) state.lastDeliverer = undefined;
  return state.deliveredBy.delete(connection);
}

/** Returns a time rounded up to its second: clocks are compared over the network, so a time is known to a second at best. */
export function ceilSecond(time: number): number {
  return Math.ceil(time / SECOND) * SECOND;
}

function gapOf({ gap, ...feed }: State, from: number, until: number): Gap {
  return buildGap(feed, { from, until, reason: gap?.reason ?? 'disconnect' });
}
