import type { Decimal } from './decimals.js';
import type { TermsOf } from './terms.js';

/** In what the exchanges differ once a request is understood. */
export type EngineRules = {
  readonly termsOf: TermsOf;
  orderId(sequence: number): string;
  tradeId(sequence: number): string;
  /** Client id of an order that came without one. */
  clientId(sequence: number): string;
  readonly clientIdForm: RegExp;
  /** A repeated client id is refused while the first order is open, or also afterwards. */
  readonly clientIdsAreUnique: 'while-open' | 'always';
  /** Open orders of one account, per symbol or over all. */
  readonly mostOrders: { readonly count: number; readonly isPerSymbol: boolean };
  /** Share of the mark price beyond which a marketable price is out of the band. */
  readonly band: Decimal;
  /** Prices beyond the band are moved into it unless the account wants a refusal. */
  readonly movesIntoBand: boolean;
  /** A reduce-only order that exceeds the position with others: the older ones are cancelled, or all may stay. */
  readonly reduceOnlyExcess: 'cancel-older' | 'stays';
  /** In hedge mode a limit close occupies what it closes. */
  readonly closesOccupy: boolean;
  /** A reduce-only order above the largest amount is split into several. */
  readonly splitsLargeCloses: boolean;
};
