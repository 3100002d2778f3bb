import { MARKETS, type Market } from '../../model/records.js';
import type { Channel } from '../exchange.js';
import type { LiveProtocol, Pacing, SentRequest, TopicFeed } from '../live-protocol.js';
import { filled, isFields } from './fields.js';
import { intervalFrom } from './intervals.js';
import { buildMessages } from './messages.js';

/**
 * Documented: 500 connects in five minutes (a fifth of them is left to other programs of the same address), a ping every
 * 20 s. No daily cut is documented.
 */
const PACING: Pacing = {
  connectsAtOnce: 3,
  connectPause: 500,
  connectJitter: 200,
  reconnectPause: 250,
  reconnectJitter: 250,
  connectsPerFiveMinutes: 400,
  connectTimeout: 30_000,
  subscribeDelay: 0,
  subscribeDelayJitter: 0,
  messagePause: 100,
  heartbeatEvery: 20_000,
  silenceLimit: 60_000,
  rotateAfter: 0,
  reconnectFirst: 2_000,
  reconnectLongest: 60_000,
  acknowledgeWithin: 30_000,
  staleAfter: 60_000,
};

/** How connections to Bybit are kept; see the v5 page "Connect". */
export const LIVE: LiveProtocol = {
  pacing: (_market: Market) => PACING,
  heartbeat: '{"op":"ping"}',
  places: {
    testnet: () => ({ websocket: 'wss://stream-testnet.bybit.com', rest: 'https://api-testnet.bybit.com' }),
  },
  messages: (operation, topics, url, argumentsPerMessage) => buildMessages(operation, topics, marketAt(url), argumentsPerMessage),
  readRequest,
  snapshotOnSubscribe: ['ticker', 'book', 'book_delta'],
  feedsOf,
  isSubscribedAlready: (reason) => reason.includes('already subscribed'),
};

function marketAt(url: string): Market {
  return MARKETS.find((market) => url.replace(/[?#].*$/, '').endsWith(`/${market}`)) ?? 'linear';
}

function readRequest(text: string): SentRequest | undefined {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isFields(message) || (message.op !== 'subscribe' && message.op !== 'unsubscribe') || !Array.isArray(message.args))
    return undefined;
  const topics = message.args.filter((topic): topic is string => typeof topic === 'string');
  return { operation: message.op, topics, request: filled(message.req_id) };
}

const CHANNELS: ReadonlyMap<string, readonly Channel[]> = new Map(
  Object.entries({
    publicTrade: ['trade'],
    tickers: ['ticker'],
    orderbook: ['book', 'book_delta'],
    allLiquidation: ['liquidation'],
    kline: ['candle'],
  } as const),
);

function feedsOf(topic: string, url: string): readonly TopicFeed[] {
  const market = marketAt(url);
  const [kind = '', ...rest] = topic.split('.');
  const channels = CHANNELS.get(kind);
  const hasParameter = kind === 'orderbook' || kind === 'kline';
  const symbol = rest.slice(hasParameter ? 1 : 0).join('.');
  if (!channels || symbol === '') return [];
  const interval = kind === 'kline' ? intervalFrom(rest[0] ?? '') : undefined;
  if (kind === 'kline' && interval === undefined) return [];
  // Depth 1 sends snapshots only.
  const served = kind === 'orderbook' && rest[0] === '1' ? (['book'] as const) : channels;
  return served.map((channel) => ({ market, channel, symbol, interval }));
}
