import type { Channel, Exchange, FeedEvent, Frame } from '../../src/lib/exchanges/exchange.js';
import type { SentRequest } from '../../src/lib/exchanges/live-protocol.js';
import type { Market } from '../../src/lib/model/records.js';
import { SECOND } from '../../src/lib/model/time.js';

/** A time at which tests begin: a whole second of 2026. */
export const START = 1_786_310_820 * SECOND;

/**
 * An exchange whose frames are JSON of the `Frame` they mean, so that the capture is tested without any wire format.
 * Connections to `/linear` and `/spot` are its markets.
 */
export const fakeExchange: Exchange = {
  id: 'fake',
  name: 'Fake',
  apis: ['v1'],
  markets: ['spot', 'linear'],
  origins: () => ({ websocket: 'ws://localhost', rest: 'http://localhost' }),
  channels: () => ['trade', 'ticker', 'book', 'book_delta', 'liquidation', 'candle'],
  amountUnit: () => 'base',
  candleIntervals: () => ['1m'],
  instruments: { requests: () => [], parse: () => ({ instruments: [], rejected: [] }) },
  rest: { host: { requests: 100, within: 1_000 }, limit: () => undefined, judge: () => ({ kind: 'data' }) },
  nativeSymbol: (spelling) => (/^[A-Z]+$/.test(spelling) ? spelling : undefined),
  plan: () => [],
  live: {
    pacing: () => {
      throw new Error('the fake exchange is never connected to');
    },
    heartbeat: 'ping',
    places: {},
    messages: () => [],
    snapshotOnSubscribe: [],
    readRequest: (text) => (text.startsWith('{') ? (JSON.parse(text) as SentRequest) : undefined),
    feedsOf: (topic) => {
      const [channel, symbol = ''] = topic.split('.');
      return [{ market: 'linear', channel: channel as Channel, symbol }];
    },
    isSubscribedAlready: () => false,
  },
  createReader: (url) => (/\/(?:linear|spot)$/.test(url) ? { read: (text) => JSON.parse(String(text)) as Frame } : undefined),
};

/** Returns the text of a data frame. */
export function data(events: readonly Partial<FeedEvent>[], options: Partial<Extract<Frame, { kind: 'data' }>> = {}): string {
  return JSON.stringify({ kind: 'data', market: 'linear', events, rejected: [], ...options });
}

/** Returns a trade that happened `timestamp` on BTC linear. */
export function trade(timestamp: number, id: string, more: object = {}) {
  return {
    type: 'trade' as const,
    exchange: 'fake',
    market: 'linear' as Market,
    symbol: 'BTC',
    timestamp,
    id,
    price: 100,
    amount: 1,
    side: 'buy' as const,
    ...more,
  };
}
