import type { Side } from '../model/records.js';
import type { PositionSide, Reason } from './orders.js';

/** One execution. `realized` is before `fee`; `held` is what its side holds after it, a short negative. */
export type Execution = {
  readonly time: number;
  readonly order: number;
  readonly side: Side;
  readonly position: PositionSide;
  readonly price: number;
  readonly amount: number;
  readonly fee: number;
  readonly maker: boolean;
  readonly reason: Reason;
  readonly realized: number;
  readonly held: number;
  /** Whether it opened or added to the position. */
  readonly opens: boolean;
};

/** Equity at one moment; `depth` is how far it is below its peak, a fraction. */
export type EquityPoint = {
  readonly time: number;
  readonly equity: number;
  readonly balance: number;
  readonly net: number;
  readonly depth: number;
};

/** One charge of funding; positive came in. */
export type FundingCharge = { readonly time: number; readonly position: PositionSide; readonly amount: number };

/** What happened, in order. */
export class Ledger {
  readonly fills: Execution[] = [];
  readonly equity: EquityPoint[] = [];
  readonly fundings: FundingCharge[] = [];
}
