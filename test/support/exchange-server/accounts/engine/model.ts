import type { SymbolMarket } from '../../market/symbol-market.js';
import type { Decimal } from './decimals.js';

export type Side = 'buy' | 'sell';
/** Where an order's fills go: the one position of one-way mode, or a side of hedge mode. */
export type Slot = 'net' | 'long' | 'short';
export type MarginMode = 'isolated' | 'cross';
export type HoldMode = 'one-way' | 'hedge';
/** Who made an order: the key's owner by API, the owner on the website, or the exchange itself. */
export type Cause = 'api' | 'site' | 'liquidation' | 'adl' | 'settlement' | 'stop';
export type Environment = 'live' | 'demo';

export type Access = 'none' | 'read' | 'write';

/** One API key. Every key of this server is fake. */
export type ApiKey = {
  readonly key: string;
  readonly secret: string;
  /** Bitget only. */
  readonly passphrase: string;
  readonly environment: Environment;
  readonly account: Account;
  /** Settings and balances of the account; orders and positions. */
  manage: Access;
  trade: Access;
  canWithdraw: boolean;
  canTransfer: boolean;
  /** Addresses that may use it; empty where it is not bound. */
  ips: readonly string[];
  /** Milliseconds; undefined where it does not expire. */
  expires: number | undefined;
  isRevoked: boolean;
};

export type OrderStatus = 'pending' | 'new' | 'partial' | 'filled' | 'cancelled' | 'rejected';

/** One version of an order: never changed, followed by the next version. */
export type Order = {
  readonly id: string;
  readonly clientId: string;
  readonly account: Account;
  readonly symbol: SymbolMarket;
  readonly side: Side;
  readonly slot: Slot;
  readonly kind: 'limit' | 'market';
  readonly force: 'gtc' | 'ioc' | 'fok' | 'post_only';
  /** Zero on market orders. */
  readonly price: Decimal;
  readonly amount: Decimal;
  readonly reduceOnly: boolean;
  readonly marginMode: MarginMode;
  readonly leverage: Decimal;
  readonly cause: Cause;
  readonly created: number;
  readonly updated: number;
  readonly status: OrderStatus;
  readonly filled: Decimal;
  readonly value: Decimal;
  readonly fee: Decimal;
  readonly realised: Decimal;
  /** Why it ended, in the engine's words: `user`, `post-only`, `no-liquidity`, `reduce-only`, `liquidation` and so on. */
  readonly reason: string;
  /** Number in the order of everything that happens on the exchange. */
  readonly sequence: number;
  /** Number of the request that placed it, 0 for the exchange's own. */
  readonly request: number;
};

export type Fill = {
  readonly id: string;
  readonly order: Order;
  readonly account: Account;
  readonly symbol: SymbolMarket;
  readonly kind: 'trade' | 'funding';
  readonly price: Decimal;
  readonly amount: Decimal;
  readonly value: Decimal;
  /** Positive is paid. */
  readonly fee: Decimal;
  readonly feeCoin: string;
  readonly isMaker: boolean;
  readonly realised: Decimal;
  /** How much of it reduced the position. */
  readonly closed: Decimal;
  readonly time: number;
  readonly sequence: number;
};

/** One version of a position; flat where `amount` is zero. */
export type Position = {
  readonly account: Account;
  readonly symbol: SymbolMarket;
  readonly slot: Slot;
  readonly side: 'long' | 'short';
  readonly amount: Decimal;
  readonly average: Decimal;
  readonly marginMode: MarginMode;
  readonly leverage: Decimal;
  /** What isolated margin holds for it; the initial margin in cross. */
  readonly margin: Decimal;
  readonly realised: Decimal;
  readonly funding: Decimal;
  readonly openFee: Decimal;
  readonly closeFee: Decimal;
  readonly stopLoss: Decimal;
  /** Ids of the stop order behind `stopLoss`; it keeps them when it is triggered. */
  readonly stopId: string;
  readonly stopClientId: string;
  readonly takeProfit: Decimal;
  readonly created: number;
  readonly updated: number;
  readonly sequence: number;
};

/** One change of a balance. */
export type Bill = {
  readonly id: string;
  readonly time: number;
  readonly coin: string;
  readonly kind: 'trade' | 'funding' | 'deposit';
  readonly symbol: string;
  readonly amount: Decimal;
  readonly balance: Decimal;
};

export type Account = {
  readonly uid: string;
  readonly environment: Environment;
  /** Bitget: the unified API v3 or the classic v2; Bybit: `unified` is UTA 2.0, `classic` is not served. */
  readonly family: 'unified' | 'classic';
  holdMode: HoldMode;
  /** Of all symbols where none is set for one. */
  marginMode: MarginMode;
  /** Bybit `lpaPerp`: refuse prices beyond the band instead of moving them. */
  refusesOutOfBand: boolean;
  makerFee: Decimal;
  takerFee: Decimal;
  /** Fees are taken in this coin, out of a balance that is not kept here; by default in that of the settlement. */
  feeCoin?: string;
  readonly settings: Map<string, SymbolSettings>;
  readonly balances: Map<string, Decimal>;
  readonly bills: Bill[];
};

export type SymbolSettings = {
  marginMode: MarginMode | undefined;
  holdMode: HoldMode | undefined;
  longLeverage: Decimal;
  shortLeverage: Decimal;
};

/** What the engine reports as it happens, in order. */
export type EngineEvent =
  | { readonly kind: 'order'; readonly order: Order; readonly fill?: Fill | undefined }
  | { readonly kind: 'fill'; readonly fill: Fill }
  | { readonly kind: 'position'; readonly position: Position; readonly isByOrder: boolean }
  | { readonly kind: 'adl'; readonly position: Position; readonly amount: Decimal; readonly price: Decimal }
  | { readonly kind: 'account'; readonly account: Account };

/** Why the engine refuses; each protocol has its own code for it. */
export const REFUSALS = [
  'symbol',
  'symbol-closed',
  'duplicate-client-id',
  'client-id',
  'balance',
  'amount-step',
  'amount-small',
  'amount-large',
  'notional',
  'price-step',
  'price-band',
  'price-missing',
  'nothing-to-close',
  'would-add',
  'not-closable',
  'hold-mode',
  'margin-mode',
  'too-many-orders',
  'not-found',
  'finished',
  'has-position',
  'has-orders',
  'leverage-locked',
  'leverage-high',
  'unchanged',
  'parameter',
] as const;
export type RefusalKind = (typeof REFUSALS)[number];

export class Refusal extends Error {
  readonly kind: RefusalKind;

  constructor(kind: RefusalKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

export function isOpen({ status }: Order): boolean {
  return status === 'pending' || status === 'new' || status === 'partial';
}

export function remaining({ amount, filled }: Order): Decimal {
  return amount.minus(filled);
}
