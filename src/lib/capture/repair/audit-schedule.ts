import { seriesKey } from '../../model/series.js';
import { SECOND } from '../../model/time.js';
import { type Feed, FeedTable } from './feed-table.js';
import type { TradePoint } from './known-trades.js';

/** A silence that has ended: the trades before and after it. What lies between them is not proven. */
export type Seam = { readonly before: TradePoint; readonly after: TradePoint };

type Entry = {
  /** Local time of the last live trade, and the trade, undefined after a loss. */
  lastTrade: number;
  last: TradePoint | undefined;
  /** Running mean of the time between two trades, and how many trades it is of. */
  interval: number;
  trades: number;
  next: number;
  /** Whether the silence since the last trade was checked. */
  isChecked: boolean;
  /** Whether trades of an earlier run come before, which nothing has compared with the exchange yet. */
  isResumed: boolean;
  /** The silence from the subscription to the first trade, 0 when it is proven. */
  startSilence: number;
  /** The unproven silences, as one span, and the longest of them. */
  seam: Seam | undefined;
  seamLength: number;
  /** The longest silence in which the exchange has shown that nothing happened. */
  proven: number;
};

/** A silence is unusual when it exceeds this multiple of the mean time between trades, and the minimum. */
const UNUSUAL = 20;
const MINIMUM_SILENCE = 5 * SECOND;
/** The same for a silence that has ended. Shorter: its check costs one request, and is not repeated. */
const UNUSUAL_SEAM = 8;
const MINIMUM_SEAM = SECOND;
/** From the trade that ends a silence to its check: the exchange's list lags a little. And between two checks of a feed. */
const SEAM_DELAY = 0.5 * SECOND;
const SEAM_RETRY = 10 * SECOND;
/** Trades before the mean says anything. */
const ENOUGH = 10;
/** Weight of the latest interval in the running mean. */
const WEIGHT = 0.1;
/** A market changes its rhythm: at each regular turn the longest proven silence counts for less. */
const FADING = 0.5;

/**
 * The times at which each trade feed is compared with the exchange's own list; all are local, in microseconds.
 *
 * Every feed has its turn once per period, spread evenly. A busy feed must not wait for it: when it has been silent for
 * unusually long, it is compared at once, while the trades that it may have missed are still in the list. So is a feed that
 * speaks again after such a silence. A silence no longer than one that was proven is usual for its feed: hundreds of quiet
 * symbols would otherwise ask for every pause of theirs.
 */
export class AuditSchedule {
  readonly #every: number;
  readonly #entries = new FeedTable<Feed & Entry>();
  readonly #resumed = new Set<string>();

  constructor(every: number) {
    this.#every = every;
  }

  /**
   * Registers that a feed continues an earlier run. If that was killed, its last silences were never proven: the feed is
   * compared as soon as it is delivered, while the exchange's list still holds them. Call before that.
   */
  resumed(feed: Feed): void {
    this.#resumed.add(seriesKey(feed));
  }

  /** Registers a live trade of a feed. */
  observe(feed: Feed, { id, timestamp, sequence }: TradePoint, at: number): void {
    const entry = this.#find(feed);
    if (!entry) return;
    const after = { id, timestamp, sequence };
    const interval = at - entry.lastTrade;
    if (entry.last && isUnusual(entry, interval)) {
      entry.seam = { before: entry.seam?.before ?? entry.last, after };
      entry.seamLength = Math.max(entry.seamLength, interval);
      entry.next = Math.min(entry.next, at + SEAM_DELAY);
    }
    if (!entry.last && entry.trades === 0) entry.startSilence = interval;
    if (entry.last) {
      entry.interval += Math.max(WEIGHT, 1 / (entry.trades + 1)) * (interval - entry.interval);
      entry.trades += 1;
      // Only now the mean says whether the first silence was unusual.
      if (entry.trades === ENOUGH && isUnusual(entry, entry.startSilence)) entry.next = Math.min(entry.next, at + SEAM_DELAY);
    }
    entry.lastTrade = at;
    entry.last = after;
    entry.isChecked = false;
  }

  /** Registers that a feed was lost: its repair proves the time up to its next trade. */
  lost(feed: Feed): void {
    const entry = this.#find(feed);
    if (!entry) return;
    entry.last = undefined;
    settle(entry);
  }

  /** Returns the ended silence of a feed that is not proven, if any. */
  seam(feed: Feed): Seam | undefined {
    return this.#find(feed)?.seam;
  }

  /** Registers that the exchange's list agrees with what the feed delivered up to the local time `at`. */
  proven(feed: Feed, at: number): void {
    const entry = this.#find(feed);
    if (!entry) return;
    entry.proven = Math.max(entry.proven, entry.seamLength, at - entry.lastTrade);
    settle(entry);
    entry.isResumed = false;
    entry.next = at + this.#every;
  }

  /** Returns the feeds with a silence that is not proven at `at`, ended or not. */
  unproven(feeds: readonly Feed[], at: number): Feed[] {
    return feeds.filter((feed) => {
      const entry = this.#find(feed);
      if (!entry?.last) return false;
      return entry.seam !== undefined || at - entry.lastTrade > Math.max(silenceLimit(entry), entry.proven);
    });
  }

  /** Returns up to `most` of the feeds whose comparison is due at `at`, and counts them as compared. */
  due(feeds: readonly Feed[], at: number, most: number): Feed[] {
    const due: Feed[] = [];
    for (const [index, feed] of feeds.entries()) {
      const entry = this.#entryOf(feed, at, index / feeds.length);
      if (due.length >= most) break;
      const isSilent = !entry.isChecked && at - entry.lastTrade > silenceLimit(entry);
      if (at < entry.next && !isSilent) continue;
      entry.isChecked = true;
      if (!entry.seam) entry.proven *= FADING;
      entry.next = at + (entry.seam || entry.isResumed ? Math.min(SEAM_RETRY, this.#every) : this.#every);
      due.push(feed);
    }
    return due;
  }

  #entryOf(feed: Feed, at: number, share: number): Entry {
    const known = this.#find(feed);
    if (known) return known;
    const isResumed = this.#resumed.delete(seriesKey(feed));
    const next = at + (isResumed ? SEAM_DELAY : this.#every * (0.5 + share));
    const { exchange, market, channel, symbol } = feed;
    const silence = { last: undefined, startSilence: 0, seam: undefined, seamLength: 0, proven: 0 };
    const state: Entry = { lastTrade: at, interval: 0, trades: 0, next, isChecked: true, isResumed, ...silence };
    const entry = { exchange, market, channel, symbol, ...state };
    this.#entries.add(entry);
    return entry;
  }

  #find({ exchange, market, channel, symbol }: Feed): Entry | undefined {
    return this.#entries.get(exchange, market, channel, symbol);
  }
}

/** Returns the trade before the first silence among some trades, in order, that is unusual for them; undefined without one. */
export function beforeSilence(trades: readonly TradePoint[]): TradePoint | undefined {
  const [first, last] = [trades[0], trades.at(-1)];
  if (!first || !last || trades.length <= ENOUGH) return undefined;
  const intervals = trades.slice(1).map(({ timestamp }, at) => timestamp - (trades[at] as TradePoint).timestamp);
  const usual = [...intervals].sort((a, b) => a - b)[Math.floor(0.9 * intervals.length)] ?? 0;
  const limit = Math.max(MINIMUM_SEAM, UNUSUAL_SEAM * usual);
  const at = intervals.findIndex((interval) => interval > limit);
  return at < 0 ? undefined : trades[at];
}

function settle(entry: Entry): void {
  entry.seam = undefined;
  entry.seamLength = 0;
  entry.startSilence = 0;
}

function silenceLimit({ interval, trades }: Entry): number {
  return trades < ENOUGH ? Number.POSITIVE_INFINITY : Math.max(MINIMUM_SILENCE, UNUSUAL * interval);
}

function isUnusual({ interval, trades, proven }: Entry, silence: number): boolean {
  return trades >= ENOUGH && silence > Math.max(MINIMUM_SEAM, UNUSUAL_SEAM * interval, proven);
}
