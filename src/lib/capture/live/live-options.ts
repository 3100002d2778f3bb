import type { Channel, Subscription } from '../../exchanges/exchange.js';
import type { RestClient } from '../../history/rest-client.js';
import { isInShard, type Shard } from '../../instruments/shard.js';
import type { FallbackLists } from '../../instruments/symbol-list.js';
import type { UniverseOptions } from '../../instruments/universe.js';
import type { Market } from '../../model/records.js';
import type { Timing } from '../../transport/timing.js';
import { Selection } from '../selection.js';
import type { Claimer } from './claimed-symbols.js';
import type { Venue } from './connection-pool.js';
import type { RepairOptions } from './live-repair.js';
import { checkPolled, type Polled } from './polls.js';
import type { LiveLog } from './run-log.js';
import type { WireTap } from './wire.js';

/** What a live capture captures, and the tools that it uses. */
export type LiveOptions = {
  readonly venues: readonly Venue[];
  readonly markets: readonly Market[];
  readonly symbols?: readonly string[] | undefined;
  readonly universe: UniverseOptions;
  readonly channels: readonly Channel[];
  readonly intervals: readonly string[];
  /** Types polled over REST; none when absent. */
  readonly polled?: Polled | undefined;
  readonly depth: number;
  /** Minimum interval between two snapshots of a book, microseconds. */
  readonly bookInterval: number;
  readonly shard?: Shard | undefined;
  /** Milliseconds between two refreshes of the instrument lists. */
  readonly refreshEvery: number;
  /** Milliseconds after which a run without any connection ends as unreachable. */
  readonly unreachableAfter: number;
  /** Maximum number of records that wait for the outputs. */
  readonly queueLimit: number;
  /** Sends all REST requests of the run: the exchange counts them together, and a ban concerns all of them. */
  readonly rest: RestClient;
  readonly userAgent: string;
  readonly taps: readonly WireTap[];
  /** Without it, gaps are reported but not repaired. */
  readonly repair?: RepairOptions | undefined;
  /** Claims symbols that are listed after the start. */
  readonly claim?: Claimer | undefined;
  /** Older lists of instruments, for an exchange that lists none at the start. */
  readonly fallback?: FallbackLists | undefined;
  /** The store that the run writes to and continues from. */
  readonly store?: string | undefined;
  readonly log: LiveLog;
  /** Stops the run: connections close, held-back records are emitted. */
  readonly signal: AbortSignal;
  /** Called when the stopped run needs no answer over REST any more. */
  readonly endRequests?: (() => void) | undefined;
  readonly timing?: Timing | undefined;
};

/** Throws a `UsageError` for a channel, market, interval or depth that an exchange lacks, before any request. */
export function checkChannels({ venues, markets, channels, intervals, depth, polled }: LiveOptions): void {
  checkPolled(venues, markets, polled?.types ?? []);
  for (const { exchange, api, planning } of venues) {
    for (const market of markets) {
      const sample = { market, symbol: 'BTCUSDT' };
      const subscriptions = channels.flatMap((channel): Subscription[] =>
        channel === 'candle' ? intervals.map((interval) => ({ ...sample, channel, interval })) : [{ ...sample, channel }],
      );
      exchange.plan(subscriptions, { ...planning, api, depth });
    }
  }
}

/** Returns whether a symbol belongs to the shard of this machine. */
export function shardFilter({ shard }: LiveOptions): (exchange: string, market: Market, symbol: string) => boolean {
  return (exchange, market, symbol) => !shard || isInShard(shard, exchange, market, symbol);
}

/** Returns the filter for arriving events. */
export function buildSelection({ venues, markets, symbols, channels, polled, intervals, shard }: LiveOptions): Selection {
  return new Selection({
    exchanges: venues.map(({ exchange }) => exchange),
    markets,
    symbols,
    channels,
    polled: polled?.types,
    intervals: channels.includes('candle') ? intervals : undefined,
    shard,
  });
}
