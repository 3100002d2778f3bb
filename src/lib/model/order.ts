import { compareLongs } from './numbers.js';
import type { Trade } from './records.js';

/** The order of trades everywhere: `(timestamp, sequence, local_timestamp, id)`; a missing value comes first. */
export function compareTrades(a: Trade, b: Trade): number {
  return (
    a.timestamp - b.timestamp ||
    compareLongs(a.sequence ?? '', b.sequence ?? '') ||
    (a.localTimestamp ?? 0) - (b.localTimestamp ?? 0) ||
    (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
  );
}
