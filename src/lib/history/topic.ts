import type { Exchange } from '../exchanges/exchange.js';
import type { HistoryType, Span } from '../exchanges/history.js';
import { parseInterval } from '../model/interval.js';
import type { Market } from '../model/records.js';
import { MINUTE } from '../model/time.js';

/** One symbol's past of one kind. */
export type Topic = {
  readonly exchange: Exchange;
  readonly market: Market;
  readonly symbol: string;
  readonly type: HistoryType;
  /** Of candles, by our name. */
  readonly interval?: string | undefined;
};

/** What is wanted of a topic. */
export type RequestedRange = Topic & {
  readonly spans: readonly Span[];
  /** Whether it is fetched whatever the store has: who asks has looked. */
  readonly isForced?: boolean | undefined;
};

/** Returns the text that names a topic, `bitget linear BTCUSDT candle 1m`; no two have the same. */
export function topicName({ exchange, market, symbol, type, interval }: Topic): string {
  return [exchange.id, market, symbol, type, interval].filter((part) => part !== undefined).join(' ');
}

/** Returns the length of the bars that a topic's records are, undefined where they are none. */
export function barSize({ type, interval }: Topic): number | undefined {
  if (type === 'mark_price') return MINUTE;
  return type === 'candle' ? parseInterval(interval as string).size : undefined;
}

/** The channel whose `gap` tells that records of a type are missing. */
export const CHANNEL_OF: Readonly<Record<HistoryType, string>> = {
  trade: 'trade',
  candle: 'candle',
  funding: 'ticker',
  open_interest: 'ticker',
  mark_price: 'ticker',
};

/** Returns the channels whose gaps tell of a topic: its own, and what names it alone (`funding`, `candle_exchange_1m`). */
export function channelsOf({ type, interval }: Topic): ReadonlySet<string> {
  return new Set([CHANNEL_OF[type], type === 'candle' ? `candle_exchange_${interval}` : type]);
}
