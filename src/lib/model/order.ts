import { compareLongs } from './numbers.js';
import type { AnyRecord, Trade } from './records.js';

/**
 * The order of trades everywhere: `(timestamp, sequence, local_timestamp, id)`; a missing value comes first.
 *
 * All trades of one Bybit sweep share one `seq`, and fetched ones have no arrival time. Ordered by their random ids, a
 * sweep would open and close at random prices. A sweep takes the best price first, so fetched trades of one sequence are
 * ordered by price before their ids: upwards for buys, downwards for sells. `recordOrder` and `TRADE_ORDER` in SQL agree.
 */
export function compareTrades(a: Trade, b: Trade): number {
  return (
    a.timestamp - b.timestamp ||
    compareLongs(a.sequence ?? '', b.sequence ?? '') ||
    (a.localTimestamp ?? 0) - (b.localTimestamp ?? 0) ||
    sweepStep(a) - sweepStep(b) ||
    (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
  );
}

/** Returns the rank of a fetched trade in its sweep, by price; 0 for a trade whose place is known otherwise. */
function sweepStep({ localTimestamp, sequence, side, price }: Trade): number {
  if (localTimestamp !== undefined || sequence === undefined) return 0;
  return side === 'sell' ? -price : price;
}

/** Returns whether a record replaces an earlier one of the input with the same key: by its arrival, else as the later one. */
export function isLaterCopy(copy: Pick<AnyRecord, 'localTimestamp'>, before: Pick<AnyRecord, 'localTimestamp'>): boolean {
  return (copy.localTimestamp ?? 0) >= (before.localTimestamp ?? 0);
}

/** Two trades with one id but another price, amount or side are not copies. */
export function isOtherTrade(a: Trade, b: Trade): boolean {
  return a.price !== b.price || a.amount !== b.amount || a.side !== b.side;
}
