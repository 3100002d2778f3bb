import type { Channel } from '../../exchanges/exchange.js';
import { UsageError } from '../../model/errors.js';
import type { Market } from '../../model/records.js';
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

const DATABASE = /^(?:\/\d*)?$/;
/** The expected URL, worded so that redaction does not mask it. */
const SHAPE = 'redis://host:port/db (port and db optional; user:password before host, percent-encoded)';

/** Channel names of the older collector, by channel; it had no candles. */
export const FEED_NAMES: Readonly<Record<Channel, string>> = {
  trade: 'trades',
  book: 'orderbook',
  book_delta: 'orderbook',
  ticker: 'ticker',
  liquidation: 'liquidations',
  candle: 'candles',
};

/** Whether `-o` names a Redis. */
export function isRedis(output: string): boolean {
  return /^rediss?:\/\//.test(output);
}

/**
 * Returns the URL, completed from the environment: `redis://` is `REDIS_HOST` (localhost), `REDIS_PORT`
 * (6379) and `REDIS_PASSWORD`. Throws a `UsageError`.
 */
export function redisUrl(output: string, environment: NodeJS.ProcessEnv): string {
  const [, scheme = '', rest = ''] = /^(rediss?:\/\/)(.*)$/.exec(output) ?? [];
  const port = environment.REDIS_PORT ? `:${environment.REDIS_PORT}` : '';
  const [, user = '', host = '', tail = ''] = /^(?:(.*)@)?([^/]*)(.*)$/.exec(rest) ?? [];
  const text = `${scheme}${user === '' ? '' : `${user}@`}${host === '' ? `${environment.REDIS_HOST || 'localhost'}${port}` : host}${tail}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !DATABASE.test(url.pathname)) throw new UsageError(`-o ${scheme}…: expected ${SHAPE}`);
  if (url.password === '' && environment.REDIS_PASSWORD) url.password = encodeURIComponent(environment.REDIS_PASSWORD);
  return url.href;
}

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
