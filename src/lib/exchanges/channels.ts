/** What can be subscribed, by the name users type. `ticker` also yields mark prices, open interest and funding. */
export const CHANNELS = ['trade', 'ticker', 'book', 'book_delta', 'liquidation', 'candle'] as const;
export type Channel = (typeof CHANNELS)[number];
