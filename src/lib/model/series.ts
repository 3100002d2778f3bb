import type { Market } from './records.js';

/** One market of one exchange: what shares a clock. */
export type MarketName = { readonly exchange: string; readonly market: Market };

/** One symbol on one market of one exchange. */
export type Series = MarketName & { readonly symbol: string };

/** The records of one channel and symbol, of candles those of one interval: what a gap is about. */
export type ChannelSeries = Series & { readonly channel: string };

type Named<Keys extends string> = { readonly [Key in Keys]: string };

/** Returns a text that two records share when they are of one exchange and market. */
export function marketKey({ exchange, market }: Named<keyof MarketName>): string {
  return `${exchange} ${market}`;
}

/** Returns a text that two records share when they are of one symbol on one market. */
export function seriesKey({ exchange, market, symbol }: Named<keyof Series>): string {
  return `${exchange} ${market} ${symbol}`;
}

/** Returns a text that two records share when they are of one channel and symbol on one market. */
export function channelKey({ exchange, market, channel, symbol }: Named<keyof ChannelSeries>): string {
  return `${exchange} ${market} ${channel} ${symbol}`;
}
