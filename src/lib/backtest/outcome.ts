import type { Account } from './account.js';
import type { Gauge } from './gauge.js';
import type { EquityPoint, Execution, FundingCharge } from './ledger.js';
import type { OrderCounts } from './order-desk.js';

/** All that a run leaves behind. */
export type Outcome = {
  readonly fills: readonly Execution[];
  readonly equity: readonly EquityPoint[];
  readonly fundings: readonly FundingCharge[];
  readonly account: Pick<Account, 'balance' | 'realized' | 'fees' | 'funding'>;
  readonly gauge: Gauge;
  readonly orders: Readonly<OrderCounts>;
  /** When a side was liquidated. */
  readonly liquidations: readonly number[];
  /** Greatest ratio of notional to equity. */
  readonly maxLeverage: number;
  /** Least distance to a liquidation price, a fraction of the price; infinite where there was none. */
  readonly leastDistance: number;
  /** The last traded price. */
  readonly price: number;
  readonly from: number;
  readonly until: number;
  /** Events looked at: trades or candles. */
  readonly events: number;
  readonly undecided: number;
  /** Microseconds with a position. */
  readonly exposed: number;
};
