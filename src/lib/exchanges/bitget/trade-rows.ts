import { long, positive } from '../../model/numbers.js';
import { compareTrades } from '../../model/order.js';
import type { Market, Trade } from '../../model/records.js';
import { fromMilliseconds } from '../../model/time.js';
import { unexpected } from './fields.js';

/**
 * Returns the trade that raw values make, or the reason why they make none. Ids are numbers that grow, so they are the
 * sequence too. The values are arguments and no object, since this runs for every trade.
 */
export function parseTrade(
  market: Market,
  symbol: string,
  pushed: number | undefined,
  ts: unknown,
  rawPrice: unknown,
  size: unknown,
  side: unknown,
  rawId: unknown,
): Trade | string {
  const timestamp = fromMilliseconds(ts) ?? pushed;
  if (timestamp === undefined) return unexpected('trade', 'ts', 'milliseconds', ts);
  const price = positive(rawPrice);
  if (price === undefined) return unexpected('trade', 'price', 'a number above 0', rawPrice);
  const amount = positive(size);
  if (amount === undefined) return unexpected('trade', 'size', 'a number above 0', size);
  if (side !== 'buy' && side !== 'sell') return unexpected('trade', 'side', 'buy or sell', side);
  const sequence = long(rawId);
  const id = typeof rawId === 'string' ? rawId : sequence;
  if (id === undefined || id === '') return unexpected('trade', 'id', 'text', rawId);
  return { type: 'trade', exchange: 'bitget', market, symbol, timestamp, id, price, amount, side, sequence };
}

/** Sorts the trades of a frame, which lists the newest first. */
export function sortTrades(trades: Trade[]): Trade[] {
  return trades.length > 1 ? trades.sort(compareTrades) : trades;
}
