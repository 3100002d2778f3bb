import type { Topic } from '../engine/exchange.js';
import { MARKET_OF, type Product, productNamed, productOf } from './products.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Where `6H` bars of an exchange on UTC+8 begin is not where those of UTC do; the `utc` names are. */
export const INTERVALS: Readonly<Record<string, number>> = {
  '1m': MINUTE,
  '3m': 3 * MINUTE,
  '5m': 5 * MINUTE,
  '15m': 15 * MINUTE,
  '30m': 30 * MINUTE,
  '1H': HOUR,
  '4H': 4 * HOUR,
  '6H': 6 * HOUR,
  '12H': 12 * HOUR,
  '1D': DAY,
  '3D': 3 * DAY,
  '1W': 7 * DAY,
  '1M': 30 * DAY,
  '6Hutc': 6 * HOUR,
  '12Hutc': 12 * HOUR,
  '1Dutc': DAY,
  '3Dutc': 3 * DAY,
  '1Wutc': 7 * DAY,
  '1Mutc': 30 * DAY,
};

/** `instType`, and `channel` with `instId` (v2) or `topic` with `symbol` (v3). */
export type Argument = Readonly<Record<string, unknown>>;

/** How the two versions name things. */
export type Naming = {
  readonly channel: 'channel' | 'topic';
  readonly symbol: 'instId' | 'symbol';
  readonly isLowerCase: boolean;
  readonly trade: string;
  readonly books: Readonly<Record<string, number>>;
};

export const NAMING_V2: Naming = {
  channel: 'channel',
  symbol: 'instId',
  isLowerCase: false,
  trade: 'trade',
  books: { books: Number.POSITIVE_INFINITY, books1: 1, books5: 5, books15: 15 },
};

export const NAMING_V3: Naming = {
  channel: 'topic',
  symbol: 'symbol',
  isLowerCase: true,
  trade: 'publicTrade',
  books: { books: Number.POSITIVE_INFINITY, books1: 1, books5: 5, books50: 50 },
};

/** Returns the key of an argument: `USDT-FUTURES trade BTCUSDT`. */
export function keyOf(argument: Argument, naming: Naming): string {
  const { instType, interval } = argument;
  const parts = [instType, argument[naming.channel], interval, argument[naming.symbol]];
  return parts.filter((part) => part !== undefined).join(' ');
}

/** Returns the topic that an argument asks for, undefined where the channel does not exist. */
export function topicOf(argument: Argument, naming: Naming): Topic | undefined {
  const product = productNamed(argument.instType);
  const isSpelt = product !== undefined && argument.instType === (naming.isLowerCase ? product.toLowerCase() : product);
  if (!isSpelt) return undefined;
  const channel = String(argument[naming.channel]);
  const kind = kindOf(channel, argument, naming, product);
  if (!kind) return undefined;
  const symbol = channel === 'liquidation' ? '' : String(argument[naming.symbol]);
  return {
    key: keyOf(argument, naming),
    market: MARKET_OF[product],
    symbol,
    channel,
    wire: JSON.stringify(argument),
    covers: (listing) => productOf(listing) === product && (symbol === '' || listing.symbol === symbol),
    ...kind,
  };
}

type Kind = Pick<Topic, 'kind'> & Partial<Topic>;

function kindOf(channel: string, argument: Argument, naming: Naming, product: Product): Kind | undefined {
  if (channel === naming.trade) return { kind: 'trade' };
  if (channel === 'ticker') return { kind: 'ticker' };
  const depth = naming.books[channel];
  if (depth !== undefined) return { kind: 'book', depth, hasDeltas: channel === 'books' };
  if (naming.isLowerCase && channel === 'liquidation' && product !== 'SPOT') return { kind: 'liquidation' };
  const name = naming.isLowerCase ? channel === 'kline' && String(argument.interval) : /^candle(\w+)$/.exec(channel)?.[1];
  const interval = name ? INTERVALS[name] : undefined;
  if (interval === undefined || (!naming.isLowerCase && name === '3m')) return undefined;
  return { kind: 'candle', interval };
}
