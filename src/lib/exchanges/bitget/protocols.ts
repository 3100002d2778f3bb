import { DAY, HOUR, MINUTE, WEEK } from '../../model/time.js';
import type { Product } from './products.js';

/** How a subscription is asked for: v2 says `channel` and `instId`, v3 says `topic` and `symbol`. */
export type Argument = Readonly<Record<string, string>>;

/** A feed in the exchange's names. Liquidations have no symbol; only v3 candles name their interval apart. */
export type WireFeed = {
  readonly name: string;
  readonly symbol?: string | undefined;
  readonly interval?: string | undefined;
};

/** A candle interval of ours: its name, and its length in microseconds. */
export type Interval = { readonly name: string; readonly length: number };

/** What differs between the two generations of the public socket. */
export type Protocol = {
  readonly path: string;
  readonly trade: string;
  /** The deepest feed that sends whole top-N books. */
  readonly topBook: { readonly name: string; readonly levels: number };
  readonly hasLiquidations: boolean;
  /** Our candle intervals, and the exchange's names of those whose buckets are ours (`1m`, `6Hutc`). */
  readonly intervals: ReadonlyMap<string, string>;
  candles(symbol: string, interval: string): WireFeed;
  argument(product: Product, feed: WireFeed): Argument;
};

/**
 * Names without `utc` count from 00:00 UTC+8. Up to 4 hours that makes the same buckets; 6 and 12 hours, days and weeks
 * begin elsewhere, so that only their `utc` variants are ours. v3 has no `utc` variants.
 */
export const SHORT_INTERVALS: readonly [ours: string, theirs: string][] = [
  ['1m', '1m'],
  ['5m', '5m'],
  ['15m', '15m'],
  ['30m', '30m'],
  ['1h', '1H'],
  ['4h', '4H'],
];
export const UTC_INTERVALS: readonly [ours: string, theirs: string][] = [
  ['6h', '6Hutc'],
  ['12h', '12Hutc'],
  ['1d', '1Dutc'],
  ['3d', '3Dutc'],
  ['1w', '1Wutc'],
];

/** Candle feeds whose buckets are not ours: offset by 8 hours, or months, which have no fixed length. */
export const FOREIGN_INTERVALS: ReadonlySet<string> = new Set(['6H', '12H', '1D', '3D', '1W', '1M', '1Mutc']);

const LENGTHS: Readonly<Record<string, number>> = {
  '1m': MINUTE,
  '3m': 3 * MINUTE,
  '5m': 5 * MINUTE,
  '15m': 15 * MINUTE,
  '30m': 30 * MINUTE,
  '1h': HOUR,
  '4h': 4 * HOUR,
  '6h': 6 * HOUR,
  '12h': 12 * HOUR,
  '1d': DAY,
  '3d': 3 * DAY,
  '1w': WEEK,
};

export const V2: Protocol = {
  path: '/v2/ws/public',
  trade: 'trade',
  topBook: { name: 'books15', levels: 15 },
  hasLiquidations: false,
  intervals: new Map([...SHORT_INTERVALS, ...UTC_INTERVALS]),
  candles: (symbol, interval) => ({ name: `candle${interval}`, symbol }),
  argument: ({ instType }, { name, symbol = '' }) => ({ instType, channel: name, instId: symbol }),
};

export const V3: Protocol = {
  path: '/v3/ws/public',
  trade: 'publicTrade',
  topBook: { name: 'books50', levels: 50 },
  hasLiquidations: true,
  intervals: new Map([['3m', '3m'], ...SHORT_INTERVALS]),
  candles: (symbol, interval) => ({ name: 'kline', symbol, interval }),
  argument: ({ instType }, { name, symbol, interval }) => ({
    instType: instType.toLowerCase(),
    topic: name,
    ...(symbol !== undefined && { symbol }),
    ...(interval !== undefined && { interval }),
  }),
};

export const PROTOCOLS: ReadonlyMap<string, Protocol> = new Map([
  ['v2', V2],
  ['v3', V3],
]);

/** Returns the candle intervals of a protocol by the exchange's names. */
export function intervalsByWireName(protocol: Protocol): ReadonlyMap<unknown, Interval> {
  return new Map([...protocol.intervals].map(([name, wire]) => [wire, { name, length: LENGTHS[name] as number }]));
}

/** Returns a candle interval by our name, undefined where the exchange has none of it. */
export function intervalNamed(name: string | undefined): Interval | undefined {
  const length = LENGTHS[name ?? ''];
  return length === undefined ? undefined : { name: name as string, length };
}

/** Returns the text that stands for an argument, the same for what was sent and for what an answer echoes. */
export function topicOf(argument: Readonly<Record<string, unknown>>): string {
  const { instType, channel, topic, instId, symbol, interval } = argument;
  return [instType, channel ?? topic, instId ?? symbol, interval].filter((part) => typeof part === 'string').join('/');
}
