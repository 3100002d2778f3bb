import type { Market } from '../../model/records.js';
import type { Channel } from '../exchange.js';
import type { LiveProtocol, Pacing, SentRequest, TopicFeed } from '../live-protocol.js';
import { isFields } from './fields.js';
import { buildMessages } from './messages.js';
import { productOf } from './products.js';
import { type Argument, intervalsByWireName, type Protocol, topicOf, V2, V3 } from './protocols.js';

/**
 * Pacing of a collector that ran in production, within the documented limits: 10 messages a second, 300 connects in five
 * minutes (a fifth of them is left to other programs of the same address), a ping at least every two minutes. The exchange
 * cuts connections after 24 hours. Reconnects are faster than the start: data is missing until they succeed.
 */
const PACING: Pacing = {
  connectsAtOnce: 3,
  connectPause: 5_000,
  connectJitter: 1_200,
  reconnectPause: 250,
  reconnectJitter: 250,
  connectsPerFiveMinutes: 240,
  connectTimeout: 30_000,
  subscribeDelay: 3_500,
  subscribeDelayJitter: 1_000,
  messagePause: 300,
  heartbeatEvery: 30_000,
  silenceLimit: 120_000,
  rotateAfter: 23 * 3_600_000,
  reconnectFirst: 2_000,
  reconnectLongest: 60_000,
  acknowledgeWithin: 30_000,
  staleAfter: 60_000,
};

export const REST_ORIGIN = 'https://api.bitget.com';

/** How connections to Bitget are kept; see "Keep-alive and limits" of its WebSocket introduction. */
export const LIVE: LiveProtocol = {
  pacing: (_market: Market) => PACING,
  heartbeat: 'ping',
  places: { demo: () => ({ websocket: 'wss://wspap.bitget.com', rest: REST_ORIGIN }) },
  messages: (operation, topics, url, argumentsPerMessage) =>
    buildMessages(
      operation,
      topics.map((topic) => argumentOf(topic, protocolAt(url))),
      argumentsPerMessage,
    ),
  readRequest,
  snapshotOnSubscribe: ['ticker', 'book', 'book_delta', 'candle'],
  feedsOf,
  // Never said in words: subscribing twice is confirmed twice.
  isSubscribedAlready: () => false,
};

function protocolAt(url: string): Protocol {
  return url.replace(/[?#].*$/, '').endsWith(V3.path) ? V3 : V2;
}

/** The way back from `topicOf`. */
function argumentOf(topic: string, protocol: Protocol): Argument {
  const [instType = '', name = '', symbol, interval] = topic.split('/');
  if (protocol === V2) return { instType, channel: name, instId: symbol ?? '' };
  return { instType, topic: name, ...(symbol !== undefined && { symbol }), ...(interval !== undefined && { interval }) };
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
  return { operation: message.op, topics: message.args.filter(isFields).map(topicOf) };
}

const CANDLE = 'candle';
const CHANNELS: ReadonlyMap<string, readonly Channel[]> = new Map(
  Object.entries({
    trade: ['trade'],
    publicTrade: ['trade'],
    ticker: ['ticker'],
    books: ['book', 'book_delta'],
    books1: ['book'],
    books5: ['book'],
    books15: ['book'],
    books50: ['book'],
    liquidation: ['liquidation'],
  } as const),
);
const V2_INTERVALS = intervalsByWireName(V2);
const V3_INTERVALS = intervalsByWireName(V3);

function feedsOf(topic: string): readonly TopicFeed[] {
  const [instType, name = '', symbol = '', wireInterval] = topic.split('/');
  const market = productOf(instType)?.market;
  if (market === undefined) return [];
  const channels = CHANNELS.get(name);
  if (channels) return channels.map((channel) => ({ market, channel, symbol }));
  const interval = name === 'kline' ? V3_INTERVALS.get(wireInterval) : V2_INTERVALS.get(name.slice(CANDLE.length));
  return interval ? [{ market, channel: 'candle', symbol, interval: interval.name }] : [];
}
