import type { Account } from './account.js';
import type { EquityTracker } from './equity-tracker.js';
import type { EquityPoint, Execution, FundingCharge } from './ledger.js';
import type { OrderCounts } from './order-desk.js';

/** Result of a run. */
export type Outcome = {
  readonly fills: readonly Execution[];
  readonly equity: readonly EquityPoint[];
  readonly fundings: readonly FundingCharge[];
  readonly account: Pick<Account, 'balance' | 'realized' | 'fees' | 'funding'>;
  readonly tracker: EquityTracker;
  readonly orders: Readonly<OrderCounts>;
  /** Times of liquidations. */
  readonly liquidations: readonly number[];
  /** Maximum ratio of notional to equity. */
  readonly maxLeverage: number;
  /** Minimum distance to a liquidation price, a fraction of the price; infinite if there was none. */
  readonly minDistance: number;
  /** The price at which the data begins: of the first trade, or the opening of the first candle. */
  readonly firstPrice: number;
  /** The last traded price. */
  readonly price: number;
  readonly from: number;
  readonly until: number;
  /** Events processed: trades or candles. */
  readonly events: number;
  readonly undecided: number;
  /** Microseconds with an open position. */
  readonly exposed: number;
};
