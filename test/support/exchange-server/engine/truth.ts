import { plainText } from '../market/decimals.js';
import type { Level } from '../market/ladder.js';
import type { Listing } from '../market/listing.js';
import type { SymbolMarket } from '../market/symbol-market.js';
import type { Fill } from '../market/trade-log.js';
import type { BookPush } from './book-feed.js';
import type { Exchange } from './exchange.js';

/** A trade as it happened; prices and sizes are plain decimal text, `id` the exchange's, `time` ms. */
export type TrueTrade = {
  readonly id: string;
  readonly time: number;
  readonly price: string;
  readonly size: string;
  readonly side: 'buy' | 'sell';
};

/** A book as it was after one push; best level first. */
export type TrueBook = {
  readonly sequence: string;
  readonly time: number;
  readonly isSnapshot: boolean;
  readonly bids: readonly (readonly [price: string, size: string])[];
  readonly asks: readonly (readonly [price: string, size: string])[];
};

export function trueTrade(exchange: Exchange, symbol: SymbolMarket, { index, time, price, size, isBuy }: Fill): TrueTrade {
  const { priceDecimals, sizeDecimals } = symbol.listing;
  return {
    id: exchange.tradeId(symbol, index),
    time,
    price: plainText(price, priceDecimals),
    size: plainText(size, sizeDecimals),
    side: isBuy ? 'buy' : 'sell',
  };
}

export function trueBook(push: BookPush, sequence: string, { priceDecimals, sizeDecimals }: Listing): TrueBook {
  const text = ([price, size]: Level) => [plainText(price, priceDecimals), plainText(size, sizeDecimals)] as const;
  const { time, isSnapshot, state } = push;
  return { sequence, time, isSnapshot, bids: state.bids.map(text), asks: state.asks.map(text) };
}
