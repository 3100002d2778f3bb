import type { Channel } from '../../exchanges/exchange.js';
import type { Market } from '../../model/records.js';
import { redisUrl } from '../../redis/url.js';
import { RedisPublisher } from '../../sinks/redis-publisher.js';

/** Flags of the Redis output. */
export type RedisFlags = {
  readonly 'redis-prefix': string;
  readonly 'redis-payload': 'frame' | 'record';
  readonly 'redis-mode': 'pubsub' | 'stream';
  readonly 'redis-maxlen': number;
};

/** Maximum number of messages that wait for a slow or lost Redis. */
export const MOST_WAITING = 100_000;
export const MARKET = '{market}';

/** Channel names of the older collector, by channel; it had no candles. */
export const FEED_NAMES: Readonly<Record<Channel, string>> = {
  trade: 'trades',
  book: 'orderbook',
  book_delta: 'orderbook',
  ticker: 'ticker',
  liquidation: 'liquidations',
  candle: 'candles',
};

/** Returns the channel of a market's feed: `stream:bybit_trades`. */
export function channelName(prefix: string, exchange: string, market: Market, feed: string): string {
  return `${prefix.replaceAll(MARKET, market)}${exchange}_${feed}`;
}

export type RedisContext = {
  /** `redis://…`, as the user wrote it. */
  readonly output: string;
  readonly flags: RedisFlags;
  readonly notice: (message: string) => void;
  readonly incomplete: (reason: string) => void;
};

/** Connects to the Redis of the context. Throws a `FailureError`. */
export async function publisherOf({ output, flags, notice }: RedisContext): Promise<RedisPublisher> {
  const url = redisUrl(output, process.env);
  return RedisPublisher.connect({ url, mode: flags['redis-mode'], maxLength: flags['redis-maxlen'], onTrouble: notice });
}
