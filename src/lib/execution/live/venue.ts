import type {
  DecimalText,
  PrivateFill,
  PrivateFunding,
  PrivateOrder,
  PrivatePosition,
  PrivateStop,
  WriteResult,
} from '../../exchanges/private-side.js';
import type { Action, LookupAnswer, OrderDraft, Wire } from '../messages.js';
import type { InstrumentRules, OwnOrder } from '../state.js';

/** Pushes of a venue. */
export type VenueListener = {
  pushed(rows: {
    readonly orders: readonly PrivateOrder[];
    readonly fills: readonly PrivateFill[];
    readonly positions: readonly PrivatePosition[];
  }): void;
  /** Pushes may have been lost. */
  interrupted(reason: string): void;
};

/** What the next cycle is planned by. */
export type Quote = {
  readonly price?: DecimalText | undefined;
  readonly rules?: InstrumentRules | undefined;
  readonly refusal?: string | undefined;
};

export type StopAction = Extract<Action, { kind: 'protect' | 'unprotect' }>;

/**
 * Where orders go: an exchange, or a paper desk. Reads throw an `AccountError` where the exchange refuses; writes never throw:
 * whatever is not known to have been refused may have happened.
 */
export type Venue = {
  /** Milliseconds by the venue's clock. */
  now(): number;
  /** Measures its clock; returns by how many milliseconds that is ahead of the host's, undefined where it is the host's. */
  synchronise(): Promise<number | undefined>;
  /** What `synchronise` returned last. */
  readonly offset?: number | undefined;
  /**
   * Waits until the limits admit the orders, then sends what `decide` returns; undefined when it returned nothing. Results are by
   * client id, or in the order of the request.
   */
  place(drafts: readonly OrderDraft[], decide: () => Wire | undefined): Promise<readonly WriteResult[] | undefined>;
  cancel(count: number, decide: () => Wire | undefined): Promise<readonly WriteResult[] | undefined>;
  /** Sets, or takes away, the stop that `decide` returns. */
  protect(action: StopAction, decide: () => Wire | undefined): Promise<readonly WriteResult[] | undefined>;
  stops(): Promise<readonly PrivateStop[]>;
  open(): Promise<readonly PrivateOrder[]>;
  /** `since` is microseconds. */
  fills(since: number): Promise<readonly PrivateFill[]>;
  /** Payments of funding; `since` is microseconds. */
  fundings(since: number): Promise<readonly PrivateFunding[]>;
  /** Every row of the symbol: in hedge mode one a side. */
  positions(): Promise<readonly PrivatePosition[]>;
  lookUp(order: Pick<OwnOrder, 'clientId' | 'orderId'>): Promise<readonly LookupAnswer[]>;
  quote(): Promise<Quote>;
  /** Keeps pushes coming until the signal; returns then. Throws when the account cannot be used. */
  listen(listener: VenueListener, signal: AbortSignal): Promise<void>;
};
