import type { Market } from './records.js';

/** One market of one exchange; its records share a clock. */
export type MarketName = { readonly exchange: string; readonly market: Market };

/** One symbol on one market of one exchange. */
export type Series = MarketName & { readonly symbol: string };

/** The records of one channel and symbol (of candles, one interval): what a gap interrupts. */
export type ChannelSeries = Series & { readonly channel: string };

type Named<Keys extends string> = { readonly [Key in Keys]: string };

/** Returns the key of a record's exchange and market. */
export function marketKey({ exchange, market }: Named<keyof MarketName>): string {
  return `${exchange} ${market}`;
}

/** Returns the key of a record's exchange, market and symbol. */
export function seriesKey({ exchange, market, symbol }: Named<keyof Series>): string {
  return `${exchange} ${market} ${symbol}`;
}

/** Returns the key of a record's exchange, market, symbol and channel. */
export function channelKey({ exchange, market, channel, symbol }: Named<keyof ChannelSeries>): string {
  return `${exchange} ${market} ${channel} ${symbol}`;
}
