import type { Exchange } from '../exchanges/exchange.js';
import type { HistoryType } from '../exchanges/history.js';
import { parseInterval } from '../model/interval.js';
import type { Market } from '../model/records.js';
import type { Span } from '../model/span.js';
import { MINUTE } from '../model/time.js';

/** The history of one symbol and one type. */
export type Topic = {
  readonly exchange: Exchange;
  readonly market: Market;
  readonly symbol: string;
  readonly type: HistoryType;
  /** For candles: mdtool's name of the interval. */
  readonly interval?: string | undefined;
};

/** A requested range of a topic. */
export type RequestedRange = Topic & {
  readonly spans: readonly Span[];
  /** Whether to fetch it even where the store counts it as complete: the caller has checked. */
  readonly isForced?: boolean | undefined;
  /** When the symbol was listed (microseconds): nothing is older. */
  readonly launch?: number | undefined;
};

/** Returns the unique name of a topic, `bitget linear BTCUSDT candle 1m`. */
export function topicName({ exchange, market, symbol, type, interval }: Topic): string {
  return [exchange.id, market, symbol, type, interval].filter((part) => part !== undefined).join(' ');
}

/** Returns the length of a topic's bars, undefined for records that are not bars. */
export function barSize({ type, interval }: Topic): number | undefined {
  if (type === 'mark_price') return MINUTE;
  return type === 'candle' ? parseInterval(interval as string).size : undefined;
}

/** The channel whose `gap` records missing records of a type. */
export const CHANNEL_OF: Readonly<Record<HistoryType, string>> = {
  trade: 'trade',
  candle: 'candle',
  funding: 'ticker',
  open_interest: 'ticker',
  mark_price: 'ticker',
};

/** Returns the channels whose gaps concern a topic: its own, and its specific name (`funding`, `candle_exchange_1m`). */
export function channelsOf({ type, interval }: Topic): ReadonlySet<string> {
  return new Set([CHANNEL_OF[type], type === 'candle' ? `candle_exchange_${interval}` : type]);
}
