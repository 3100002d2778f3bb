import { compareLongs } from './numbers.js';
import type { Trade } from './records.js';

/**
 * The order of trades everywhere: `(timestamp, sequence, local_timestamp, id)`; a missing value comes first.
 *
 * Bybit gives all trades of one sweep the same `seq`. Fetched ones have no arrival either, and by their random ids a sweep
 * would open and close at random prices. A sweep takes the best price first: so fetched trades of one sequence are ordered
 * by price, upwards for buys and downwards for sells, before their ids. Keep `recordOrder` and `TRADE_ORDER` in SQL equal.
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

/** Returns how far a fetched trade is into its sweep, by price; 0 for a trade whose place is known otherwise. */
function sweepStep({ localTimestamp, sequence, side, price }: Trade): number {
  if (localTimestamp !== undefined || sequence === undefined) return 0;
  return side === 'sell' ? -price : price;
}
