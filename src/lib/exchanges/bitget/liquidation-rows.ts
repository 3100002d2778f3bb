import { positive } from '../../model/numbers.js';
import type { Liquidation } from '../../model/records.js';
import { fromMilliseconds } from '../../model/time.js';
import { type Push, textOf } from './envelope.js';
import { isFields, unexpected } from './fields.js';

/** The exchange sends the side of the position; ours is the side of the order that closed it: a long is sold. */
const ORDER_SIDES: ReadonlyMap<unknown, Liquidation['side']> = new Map([
  ['buy', 'sell'],
  ['sell', 'buy'],
]);

/** Returns the liquidation of a row, or the reason why it is none. */
export function parseLiquidation({ market, timestamp: pushed }: Push, row: unknown): Liquidation | string {
  if (!isFields(row)) return unexpected('liquidation', 'row', 'an object', row);
  const symbol = textOf(row.symbol);
  if (symbol === undefined) return unexpected('liquidation', 'symbol', 'text', row.symbol);
  const timestamp = fromMilliseconds(row.ts) ?? pushed;
  if (timestamp === undefined) return unexpected('liquidation', 'ts', 'milliseconds', row.ts);
  const side = ORDER_SIDES.get(row.side);
  if (side === undefined) return unexpected('liquidation', 'side', 'buy or sell', row.side);
  const price = positive(row.price);
  if (price === undefined) return unexpected('liquidation', 'price', 'a number above 0', row.price);
  const amount = positive(row.amount);
  if (amount === undefined) return unexpected('liquidation', 'amount', 'a number above 0', row.amount);
  return { type: 'liquidation', exchange: 'bitget', market, symbol, timestamp, side, price, amount };
}
