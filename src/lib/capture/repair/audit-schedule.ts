import { seriesKey } from '../../model/series.js';
import { SECOND } from '../../model/time.js';
import type { Feed } from './feed-table.js';

type Entry = {
  /** Local time of the last live trade. */
  lastTrade: number;
  /** Running mean of the time between two trades, and how many trades it is of. */
  interval: number;
  trades: number;
  next: number;
  /** Whether the silence since the last trade was checked. */
  isChecked: boolean;
};

/** A silence is unusual when it exceeds this multiple of the mean time between trades, and the minimum. */
const UNUSUAL = 20;
const MINIMUM_SILENCE = 5 * SECOND;
/** Trades before the mean says anything. */
const ENOUGH = 10;
/** Weight of the latest interval in the running mean. */
const WEIGHT = 0.1;

/**
 * The times at which each trade feed is compared with the exchange's own list; all are local, in microseconds.
 *
 * Every feed has its turn once per period, spread evenly. A busy feed must not wait for it: when it has been silent for
 * unusually long, it is compared at once, while the trades that it may have missed are still in the list.
 */
export class AuditSchedule {
  readonly #every: number;
  readonly #entries = new Map<string, Entry>();

  constructor(every: number) {
    this.#every = every;
  }

  /** Registers a live trade of a feed. */
  observe(feed: Feed, at: number): void {
    const entry = this.#entries.size === 0 ? undefined : this.#entries.get(seriesKey(feed));
    if (!entry) return;
    const interval = at - entry.lastTrade;
    entry.interval += Math.max(WEIGHT, 1 / (entry.trades + 1)) * (interval - entry.interval);
    entry.trades += 1;
    entry.lastTrade = at;
    entry.isChecked = false;
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
      entry.next = at + this.#every;
      due.push(feed);
    }
    return due;
  }

  #entryOf(feed: Feed, at: number, share: number): Entry {
    const key = seriesKey(feed);
    const known = this.#entries.get(key);
    if (known) return known;
    const next = at + this.#every * (0.5 + share);
    const entry: Entry = { lastTrade: at, interval: 0, trades: 0, next, isChecked: true };
    this.#entries.set(key, entry);
    return entry;
  }
}

function silenceLimit({ interval, trades }: Entry): number {
  return trades < ENOUGH ? Number.POSITIVE_INFINITY : Math.max(MINIMUM_SILENCE, UNUSUAL * interval);
}
