import type { Channel } from '../../exchanges/exchange.js';
import { UsageError } from '../../model/errors.js';
import type { Market } from '../../model/records.js';
import { RedisPublisher } from '../../sinks/redis-publisher.js';

/** The flags that say what goes to Redis, and how. */
export type RedisFlags = {
  readonly 'redis-prefix': string;
  readonly 'redis-payload': 'frame' | 'record';
  readonly 'redis-mode': 'pubsub' | 'stream';
  readonly 'redis-maxlen': number;
};

/** Messages that may wait for a Redis that is gone or slow. */
export const MOST_WAITING = 100_000;
export const MARKET = '{market}';

const DATABASE = /^(?:\/\d*)?$/;
/** Written so that the redaction of messages finds no credential in it. */
const SHAPE = 'redis://host:port/db, the port and the number of the database optional, user:password percent-encoded before host';

/** Channels as the older consumers know them, by our channels; candles had none. */
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
 * Returns the URL with what it leaves open from the environment: `redis://` is `REDIS_HOST` (localhost), `REDIS_PORT`
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
  /** `redis://…`, as the user gave it. */
  readonly output: string;
  readonly flags: RedisFlags;
  readonly notice: (message: string) => void;
  readonly incomplete: (reason: string) => void;
};

/** Connects to what the context names. Throws a `FailureError`. */
export async function publisherOf({ output, flags, notice }: RedisContext): Promise<RedisPublisher> {
  const url = redisUrl(output, process.env);
  return RedisPublisher.connect({ url, mode: flags['redis-mode'], maxLength: flags['redis-maxlen'], onTrouble: notice });
}
