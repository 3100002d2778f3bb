import { buildGap } from '../../model/gap.js';
import type { Gap } from '../../model/records.js';
import { type ChannelSeries, channelKey } from '../../model/series.js';
import { ceilSecond, type ExchangeTime, SPARSE_CHANNEL } from './continuity.js';
import type { Feed } from './feed-table.js';

type OpenDowntime = ChannelSeries & {
  /** Time of the last record in the store. */
  readonly from: number;
  /** Local time at which the exchange confirmed the subscription. */
  confirmedAt: number | undefined;
};

/** Channels of events: a record says what has just happened, silence that nothing has. Other channels show a state. */
const EVENT_CHANNELS: ReadonlySet<string> = new Set(['trade', SPARSE_CHANNEL]);

/**
 * The gaps between an earlier run into the same store and this one, for data that no exchange serves again.
 *
 * A gap begins with the last record in the store. For events (trades, liquidations) it ends with the confirmed
 * subscription: from then on silence means that nothing happened. For states (book, ticker, polled rates) and candles it
 * ends with the first record, because nobody will ever see the states in between. A series without a record in this run
 * is left to the next run, which finds the same last record in the store.
 */
export class Downtime {
  readonly #open = new Map<string, OpenDowntime>();
  readonly #exchangeTime: ExchangeTime;

  constructor(exchangeTime: ExchangeTime) {
    this.#exchangeTime = exchangeTime;
  }

  /** Registers the time until which a series is stored; of several times the latest counts. */
  begin(series: ChannelSeries, from: number): void {
    const known = this.#open.get(channelKey(series))?.from ?? from;
    this.#open.set(channelKey(series), { ...series, from: Math.max(from, known), confirmedAt: undefined });
  }

  /** Registers a record of `timestamp`; returns the gap before it, if any. Called for every record. */
  ended(feed: Omit<ChannelSeries, 'channel'>, channel: string, timestamp: number): Gap | undefined {
    if (this.#open.size === 0) return undefined;
    const downtime = this.#open.get(channelKey({ ...feed, channel }));
    if (!downtime) return undefined;
    return this.#end(downtime, Math.min(timestamp, this.#confirmation(downtime) ?? timestamp));
  }

  /** Registers that the exchange confirmed a subscription at the local time `at`. */
  confirmed(feed: Feed, at: number): void {
    if (this.#open.size === 0 || !EVENT_CHANNELS.has(feed.channel)) return;
    const downtime = this.#open.get(channelKey(feed));
    if (downtime) downtime.confirmedAt ??= at;
  }

  /** Returns the gaps that a confirmation has ended, as soon as the exchange's time of it is known. */
  due(): Gap[] {
    const gaps: Gap[] = [];
    for (const downtime of this.#open.values()) {
      const until = this.#confirmation(downtime);
      const gap = until === undefined ? undefined : this.#end(downtime, until);
      if (gap) gaps.push(gap);
    }
    return gaps;
  }

  #confirmation(downtime: OpenDowntime): number | undefined {
    const time = downtime.confirmedAt === undefined ? undefined : this.#exchangeTime(downtime, downtime.confirmedAt);
    return time === undefined ? undefined : ceilSecond(time);
  }

  #end(downtime: OpenDowntime, until: number): Gap | undefined {
    this.#open.delete(channelKey(downtime));
    const { exchange, market, symbol, channel, from } = downtime;
    if (until <= from) return undefined;
    return buildGap({ exchange, market, symbol, channel }, { from, until, reason: 'shutdown' });
  }
}
