import { buildGap } from '../../model/gap.js';
import type { Gap } from '../../model/records.js';
import { channelKey } from '../../model/series.js';
import { ceilSecond, type ExchangeTime, SELDOM } from './continuity.js';
import type { Feed } from './feed-table.js';

/** What a gap can be of: the records of one channel and symbol, of candles those of one interval. */
export type Series = Omit<Feed, 'channel'> & { readonly channel: string };

type Pause = Series & {
  readonly from: number;
  /** Local time at which the exchange confirmed that all comes again. */
  back: number | undefined;
};

/** Here a record says what has just happened, and silence that nothing has; elsewhere it says how things stand. */
const EVENTS: ReadonlySet<string> = new Set(['trade', SELDOM]);

/**
 * What lies between an earlier run into the same store and this one, of what no exchange gives again: from the last thing
 * that the store knows of a series to the first thing that is known again. Of events that is the confirmed subscription, of
 * states (book, ticker, polled rates) and candles the first record: what they were in between nobody will ever see. What
 * never comes again in a run is left to the next one, which finds the same last record.
 */
export class Pauses {
  readonly #open = new Map<string, Pause>();
  readonly #exchangeTime: ExchangeTime;

  constructor(exchangeTime: ExchangeTime) {
    this.#exchangeTime = exchangeTime;
  }

  /** Notes until when a series is known; of several times the latest counts. */
  begin(series: Series, from: number): void {
    const known = this.#open.get(channelKey(series))?.from ?? from;
    this.#open.set(channelKey(series), { ...series, from: Math.max(from, known), back: undefined });
  }

  /** Notes that a record of `timestamp` has come; returns the gap before it, if any. Asked for every record. */
  ended(feed: Omit<Series, 'channel'>, channel: string, timestamp: number): Gap | undefined {
    if (this.#open.size === 0) return undefined;
    const pause = this.#open.get(channelKey({ ...feed, channel }));
    if (!pause) return undefined;
    return this.#end(pause, Math.min(timestamp, this.#confirmedAt(pause) ?? timestamp));
  }

  /** Notes that a feed is subscribed (local time `at`). */
  confirmed(feed: Feed, at: number): void {
    if (this.#open.size === 0 || !EVENTS.has(feed.channel)) return;
    const pause = this.#open.get(channelKey(feed));
    if (pause) pause.back ??= at;
  }

  /** Returns the gaps that have ended with a confirmation, as soon as the exchange's time of it is known. */
  due(): Gap[] {
    const gaps: Gap[] = [];
    for (const pause of this.#open.values()) {
      const until = this.#confirmedAt(pause);
      const gap = until === undefined ? undefined : this.#end(pause, until);
      if (gap) gaps.push(gap);
    }
    return gaps;
  }

  #confirmedAt(pause: Pause): number | undefined {
    const time = pause.back === undefined ? undefined : this.#exchangeTime(pause, pause.back);
    return time === undefined ? undefined : ceilSecond(time);
  }

  /** Where what is known again does not come after what was known, nothing lies in between. */
  #end(pause: Pause, until: number): Gap | undefined {
    this.#open.delete(channelKey(pause));
    const { exchange, market, symbol, channel, from } = pause;
    if (until <= from) return undefined;
    return buildGap({ exchange, market, symbol, channel }, { from, until, reason: 'shutdown' });
  }
}
