import type { BookSnapshot, Clock, Gap, Ticker, Trade } from '../../src/lib/model/records.js';

const identity = { exchange: 'bybit', market: 'linear', symbol: 'BTCUSDT', timestamp: 1_786_310_817_000_000 } as const;

/** Returns a trade with these fields different. */
export function tradeRecord(fields: Partial<Trade> = {}): Trade {
  return { type: 'trade', ...identity, id: 'a-1', price: 65114.3, amount: 0.001, side: 'buy', ...fields };
}

export const tickerRecord: Ticker = { type: 'ticker', ...identity, last: 65114.3, bid: 65114.2 };

export const bookRecord: BookSnapshot = {
  type: 'book_snapshot',
  ...identity,
  bids: [
    [65114.2, 5.9],
    [65114.1, 1e-7],
  ],
  asks: [],
};

export const gapRecord: Gap = {
  type: 'gap',
  ...identity,
  channel: 'trade',
  fromTimestamp: identity.timestamp - 1_000_000,
  untilTimestamp: identity.timestamp,
  reason: 'disconnect',
  repaired: 0,
  missing: true,
};

export const clockRecord: Clock = { type: 'clock', exchange: 'bybit', market: 'linear', timestamp: identity.timestamp };
