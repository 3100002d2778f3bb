import { finite, long, positive } from '../../model/numbers.js';
import type { Candle, Liquidation, Market, Side, Trade } from '../../model/records.js';
import { fromMilliseconds } from '../../model/time.js';
import { type Fields, filled } from './fields.js';

/*
 * One function per kind of row: each returns the record, or one line of text that says why the row is none. The text
 * names the kind of fault and not the value, so that equal faults are counted together.
 */

/**
 * Returns the trade of a `publicTrade` row. `S` is the taker's side, `i` a UUID on contracts and digits on spot, `seq`
 * (since 2025-08) the order across the product, far below 2^53. Block (`BT`) and retail (`RPI`) trades are trades.
 */
export function parseTrade(row: Fields, market: Market): Trade | string {
  const symbol = filled(row.s);
  const id = filled(row.i);
  const timestamp = fromMilliseconds(row.T);
  const price = positive(row.p);
  const amount = positive(row.v);
  const side = parseSide(row.S);
  if (symbol === undefined) return 'publicTrade: expected a symbol in s';
  if (id === undefined) return 'publicTrade: expected an id in i';
  if (timestamp === undefined) return 'publicTrade: expected milliseconds in T';
  if (price === undefined) return 'publicTrade: expected a price above 0 in p';
  if (amount === undefined) return 'publicTrade: expected an amount above 0 in v';
  if (side === undefined) return 'publicTrade: expected Buy or Sell in S';
  return buildTrade(market, symbol, timestamp, id, price, amount, side, long(row.seq));
}

/** Returns the trade of values that have been checked; arguments and no object, since this runs for every trade. */
export function buildTrade(
  market: Market,
  symbol: string,
  timestamp: number,
  id: string,
  price: number,
  amount: number,
  side: Side,
  sequence: string | undefined,
): Trade {
  return { type: 'trade', exchange: 'bybit', market, symbol, timestamp, id, price, amount, side, sequence };
}

/**
 * Returns the liquidation of an `allLiquidation` row. `S` is the side of the position: "When you receive a Buy update,
 * this means that a long position has been liquidated" (v5 page "All Liquidation"), so the forced order is the other
 * side. `p` is the bankruptcy price.
 */
export function parseLiquidation(row: Fields, market: Market): Liquidation | string {
  return liquidation(market, row.s, row.T, row.S, row.p, row.v);
}

/**
 * Returns the liquidation of a `liquidation` message (until 2025, at most one per second and symbol). Its page said
 * "order side" in 2023 and was corrected to the words of `allLiquidation`; tardis-node had the same from Bybit's support.
 */
export function parseOldLiquidation(row: Fields, market: Market): Liquidation | string {
  return liquidation(market, row.symbol, row.updatedTime, row.side, row.price, row.size);
}

function liquidation(market: Market, name: unknown, time: unknown, position: unknown, p: unknown, v: unknown) {
  const symbol = filled(name);
  const timestamp = fromMilliseconds(time);
  const price = positive(p);
  const amount = positive(v);
  const held = parseSide(position);
  if (symbol === undefined) return 'liquidation: expected a symbol';
  if (timestamp === undefined) return 'liquidation: expected milliseconds';
  if (price === undefined) return 'liquidation: expected a price above 0';
  if (amount === undefined) return 'liquidation: expected an amount above 0';
  if (held === undefined) return 'liquidation: expected Buy or Sell';
  const side: Side = held === 'buy' ? 'sell' : 'buy';
  return { type: 'liquidation', exchange: 'bybit', market, symbol, timestamp, side, price, amount } as const;
}

/**
 * Returns the candle of a `kline` row, whose symbol and interval stand in the topic. `confirm` is true on the last push
 * of an interval. On inverse markets the volume counts US dollars and the turnover the coin.
 */
export function parseCandle(row: Fields, market: Market, symbol: string, interval: string): Candle | string {
  const timestamp = fromMilliseconds(row.start);
  const open = positive(row.open);
  const high = positive(row.high);
  const low = positive(row.low);
  const close = positive(row.close);
  const volume = finite(row.volume);
  const turnover = finite(row.turnover);
  const closed = row.confirm;
  if (timestamp === undefined) return 'kline: expected milliseconds in start';
  if (open === undefined || high === undefined || low === undefined || close === undefined)
    return 'kline: expected prices above 0 in open, high, low, close';
  if (volume === undefined || volume < 0) return 'kline: expected a volume of 0 or more';
  if (turnover === undefined || turnover < 0) return 'kline: expected a turnover of 0 or more';
  if (typeof closed !== 'boolean') return 'kline: expected true or false in confirm';
  return {
    type: 'candle',
    exchange: 'bybit',
    market,
    symbol,
    timestamp,
    interval,
    open,
    high,
    low,
    close,
    volume,
    turnover,
    source: 'exchange',
    closed,
  };
}

/** Returns our name of `Buy` and `Sell`. */
export function parseSide(side: unknown): Side | undefined {
  if (side === 'Buy') return 'buy';
  return side === 'Sell' ? 'sell' : undefined;
}
