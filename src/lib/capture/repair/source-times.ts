import { compareTrades } from '../../model/order.js';
import type { Trade } from '../../model/records.js';
import { SECOND } from '../../model/time.js';
import { isBefore, type TradePoint } from './known-trades.js';

/**
 * Returns trades in the order of trades. Some histories round times down to whole seconds (Bitget `fills-history`): such a
 * trade cannot have happened before the one that precedes it in the exchange's order, and takes that one's time where both
 * lie in the same second. `before` is the last trade known before them.
 *
 * What remains: of trades that were told live before the hole only that one is looked at. Where a later one of its second
 * was, as when the outputs had no room for some trades among others, a fetched trade may stand before it by its time
 * although it follows by its sequence. So may one that `backfill` brings beside live ones. The time is never wrong by a
 * second, and no trade is lost or doubled.
 */
export function inOrder(trades: readonly Trade[], before: TradePoint | undefined): Trade[] {
  let previous = before;
  const raised = [...trades].sort(byExchange).map((trade) => {
    const isRounded = trade.localTimestamp === undefined && trade.timestamp % SECOND === 0;
    const least = previous !== undefined && !isBefore(trade, previous) ? previous.timestamp : trade.timestamp;
    const timestamp = isRounded && least > trade.timestamp && least < trade.timestamp + SECOND ? least : trade.timestamp;
    previous = { ...trade, timestamp };
    return timestamp === trade.timestamp ? trade : { ...trade, timestamp };
  });
  return raised.sort(compareTrades);
}

function byExchange(a: Trade, b: Trade): number {
  return isBefore(a, b) ? -1 : isBefore(b, a) ? 1 : compareTrades(a, b);
}
