import type { Side } from '../model/records.js';
import type { PositionSide, Reason } from './orders.js';

/** One execution. `realized` is before `fee`; `held` is the side's position after it, negative for a short. */
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

/** Equity at one moment; `drawdown` is its distance below the peak, a fraction. */
export type EquityPoint = {
  readonly time: number;
  readonly equity: number;
  readonly balance: number;
  readonly net: number;
  readonly drawdown: number;
};

/** One funding charge; positive was received. */
export type FundingCharge = { readonly time: number; readonly position: PositionSide; readonly amount: number };

/** Records of a run, in order of time. */
export class Ledger {
  readonly fills: Execution[] = [];
  readonly equity: EquityPoint[] = [];
  readonly fundings: FundingCharge[] = [];
}
