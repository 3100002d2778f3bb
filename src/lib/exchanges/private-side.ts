import type { FillCause, Market, Mode, OrderStatus, PositionSide, Side } from '../model/records.js';
import type { Outcome } from './outcome.js';
import type { HttpRequest, OutgoingMessage } from './requests.js';
import type { RequestLimit, RestAnswer } from './rest.js';

export type { Outcome, OutcomeCause, OutcomeClass } from './outcome.js';

/** A decimal number as the exchange writes it; never a double, since order amounts are computed from it. */
export type DecimalText = string;

/** The part of an exchange that an order can be sent to. */
export type TradingMode = Exclude<Mode, 'paper'>;

/** A request as it travels. */
export type WireBytes = { readonly method: 'GET' | 'POST'; readonly path: string; readonly query: string; readonly body: string };

/** What signing takes. The secret itself never enters this room: `hmac` is SHA-256 with it. */
export type SigningContext = {
  readonly key: string;
  /** The second password of a key, on exchanges that have one. */
  readonly passphrase?: string | undefined;
  hmac(text: string, encoding: 'hex' | 'base64'): string;
  /** Milliseconds since the epoch by the exchange's clock. */
  readonly timestamp: number;
  readonly mode: TradingMode;
};

/** One order. Amounts count base units, or what `instrument.amount_unit` says. Times are microseconds. */
export type PrivateOrder = {
  readonly market: Market;
  readonly symbol: string;
  readonly orderId?: string | undefined;
  readonly clientId?: string | undefined;
  /** Whether it buys or sells, whatever the exchange calls the side of a closing order. */
  readonly side: Side;
  /** Undefined on accounts with one position per symbol. */
  readonly positionSide?: PositionSide | undefined;
  readonly kind: 'market' | 'limit';
  readonly timeInForce?: 'gtc' | 'ioc' | 'fok' | 'post_only' | undefined;
  readonly reduceOnly?: boolean | undefined;
  /** Whether it waits for a trigger: such an order rests in no book. */
  readonly isTrigger?: boolean | undefined;
  readonly price?: DecimalText | undefined;
  readonly amount: DecimalText;
  readonly filled: DecimalText;
  readonly average?: DecimalText | undefined;
  readonly status: OrderStatus;
  readonly reason?: string | undefined;
  readonly cause: FillCause;
  readonly created?: number | undefined;
  readonly updated: number;
};

/** A fee; positive was paid. */
export type Fee = { readonly asset: string; readonly amount: DecimalText };

export type PrivateFill = {
  readonly market: Market;
  readonly symbol: string;
  readonly tradeId: string;
  readonly orderId: string;
  readonly clientId?: string | undefined;
  /** Undefined where only the order says it (Bitget v2 in hedge mode: `buy`, `close` has two readings). */
  readonly side?: Side | undefined;
  readonly positionSide?: PositionSide | undefined;
  readonly price: DecimalText;
  readonly amount: DecimalText;
  readonly fees: readonly Fee[];
  readonly liquidity?: 'maker' | 'taker' | undefined;
  readonly realised?: DecimalText | undefined;
  readonly cause: FillCause;
  readonly timestamp: number;
};

/** One payment of funding; a positive amount was received. */
export type PrivateFunding = {
  readonly market: Market;
  readonly symbol: string;
  readonly id: string;
  readonly asset: string;
  readonly amount: DecimalText;
  readonly timestamp: number;
};

/** One position; amount `0` says that it is flat, without a side where the account has no separate ones. */
export type PrivatePosition = {
  readonly market: Market;
  readonly symbol: string;
  readonly positionSide?: PositionSide | undefined;
  readonly positionMode: 'one_way' | 'hedge';
  readonly amount: DecimalText;
  readonly average?: DecimalText | undefined;
  readonly mark?: DecimalText | undefined;
  readonly leverage?: DecimalText | undefined;
  readonly marginMode?: 'isolated' | 'cross' | undefined;
  readonly margin?: DecimalText | undefined;
  readonly unrealised?: DecimalText | undefined;
  readonly realised?: DecimalText | undefined;
  readonly liquidation?: DecimalText | undefined;
  /** The exchange's number of the update, where it counts them: the larger wins. */
  readonly sequence?: string | undefined;
};

export type PrivateBalance = {
  /** Absent where all products share the balance. */
  readonly market?: Market | undefined;
  readonly asset: string;
  readonly total?: DecimalText | undefined;
  readonly available?: DecimalText | undefined;
  readonly equity?: DecimalText | undefined;
  readonly unrealised?: DecimalText | undefined;
  readonly marginUsed?: DecimalText | undefined;
  readonly maintenance?: DecimalText | undefined;
  readonly borrowed?: DecimalText | undefined;
};

/** Figures of the whole account, in US dollars; the ratio is a fraction at which 1 is liquidation. */
export type AccountTotals = {
  readonly equity?: DecimalText | undefined;
  readonly unrealised?: DecimalText | undefined;
  readonly marginRatio?: DecimalText | undefined;
};

/** Rows of one answer. `rejected` names those that could not be mapped; `time` is when the exchange answered, microseconds. */
export type PrivatePage<Item> = {
  readonly items: readonly Item[];
  readonly rejected: readonly string[];
  readonly time?: number | undefined;
  readonly totals?: AccountTotals | undefined;
  readonly next?: HttpRequest | undefined;
};

/** One kind of rows over REST: every request is needed, each with the pages that follow it. */
export type PrivateRead<Item> = {
  readonly requests: readonly HttpRequest[];
  parse(request: HttpRequest, body: string): PrivatePage<Item>;
};

/** What a key may do, for `keys test` and for the checks of a run. */
export type KeyInfo = {
  readonly userId?: string | undefined;
  readonly canRead: boolean;
  readonly canTrade: boolean;
  readonly canWithdraw: boolean;
  readonly canTransfer: boolean;
  /** Permissions in the exchange's words. */
  readonly permissions: readonly string[];
  /** Bound addresses; empty when any address may use the key. */
  readonly addresses: readonly string[];
  /** When the key expires, microseconds. */
  readonly expires?: number | undefined;
  readonly notes: readonly string[];
};

/** Account-wide settings; those that an exchange keeps per symbol are absent. */
export type AccountSettings = {
  readonly userId?: string | undefined;
  readonly positionMode?: 'one_way' | 'hedge' | undefined;
  readonly marginMode?: 'isolated' | 'cross' | 'portfolio' | undefined;
  /** Settings of single symbols, where the exchange keeps them per symbol and shows them without a position. */
  readonly symbols?:
    | readonly {
        readonly symbol: string;
        /** In hedge mode with isolated margin that of the long side. */
        readonly leverage?: DecimalText | undefined;
        /** That of the short side, where the exchange shows both. */
        readonly shortLeverage?: DecimalText | undefined;
        readonly marginMode?: 'isolated' | 'cross' | undefined;
      }[]
    | undefined;
  /** Whether a limit price outside of the band is moved into it instead of refused. */
  readonly movesPrices?: boolean | undefined;
  readonly notes: readonly string[];
};

/** One order to send, in exact decimals on tick and lot. */
export type OrderIntent = {
  readonly market: Market;
  readonly symbol: string;
  readonly settle: string;
  readonly clientId: string;
  readonly side: Side;
  /** Undefined in one-way mode. */
  readonly positionSide?: PositionSide | undefined;
  readonly kind: 'market' | 'limit';
  readonly price?: DecimalText | undefined;
  readonly amount: DecimalText;
  readonly timeInForce?: 'gtc' | 'ioc' | 'fok' | 'post_only' | undefined;
  /** Whether it closes a position. In hedge mode it closes `positionSide`. */
  readonly reduces: boolean;
  readonly marginMode: 'isolated' | 'cross';
};

/** Names one order. At least one of the ids is required; the exchange's own counts first. */
export type OrderName = {
  readonly market: Market;
  readonly symbol: string;
  readonly settle: string;
  readonly orderId?: string | undefined;
  readonly clientId?: string | undefined;
};

/** The part of a batch that belongs to one order. */
export type WriteResult = {
  readonly clientId?: string | undefined;
  readonly orderId?: string | undefined;
  readonly outcome: Outcome;
};

/**
 * Requests that change something. Each takes the symbol, and ids where it names orders, since a request without them would
 * act on everything; builders throw a `RangeError` on empty ones. No client may send one twice.
 */
export type PrivateWrites = {
  /** The maximum number of orders in one batch. */
  readonly batchLimit: number;
  place(order: OrderIntent): HttpRequest;
  /** Orders of one symbol. On exchanges whose batches take no reducing orders, those are refused with a `RangeError`. */
  placeBatch(orders: readonly OrderIntent[]): HttpRequest;
  cancel(order: OrderName): HttpRequest;
  cancelBatch(orders: readonly OrderName[]): HttpRequest;
  /** Cancels every order of the symbol, those of others too: for an explicit kill switch only. */
  cancelAll(order: Omit<OrderName, 'orderId' | 'clientId'>): HttpRequest;
  /** Every request is needed: where each side of hedge mode has its own leverage, both get it. */
  setLeverage(setting: {
    readonly market: Market;
    readonly symbol: string;
    readonly settle: string;
    readonly leverage: DecimalText;
    readonly marginMode: 'isolated' | 'cross';
    readonly positionMode: 'one_way' | 'hedge';
  }): readonly HttpRequest[];
  /** Returns the outcome of each order of a write, in the order of the request where the answer has that. */
  parse(request: HttpRequest, answer: RestAnswer, now: number): readonly WriteResult[];
};

/** A stop of a whole position that the exchange holds, whatever becomes of the client. */
export type PrivateStop = {
  readonly symbol: string;
  readonly orderId?: string | undefined;
  readonly clientId?: string | undefined;
  readonly positionSide?: PositionSide | undefined;
  /** Whether it closes a part alone. */
  readonly isPartial?: boolean | undefined;
  /** The mark price that triggers it. */
  readonly price: DecimalText;
};

/** A stop to set: it closes all that is held of a side by market, however much that is when it is triggered. */
export type StopIntent = PrivateScope & {
  readonly clientId: string;
  readonly side: PositionSide;
  readonly positionMode: 'one_way' | 'hedge';
  readonly price: DecimalText;
};

/** Stops that an exchange holds, as a capability of a family. */
export type PrivateStops = {
  read(scope: PrivateScope): PrivateRead<PrivateStop>;
  set(stop: StopIntent): HttpRequest;
  /** Takes one away; undefined where setting another one replaces it. */
  readonly remove?: ((stop: OrderName) => HttpRequest) | undefined;
};

/** One frame of a private connection. Rows are as over REST. */
export type PrivateFrame =
  | {
      readonly kind: 'data';
      readonly orders: readonly PrivateOrder[];
      readonly fills: readonly PrivateFill[];
      readonly positions: readonly PrivatePosition[];
      readonly balances: readonly PrivateBalance[];
      readonly totals?: AccountTotals | undefined;
      readonly rejected: readonly string[];
      /** When the exchange pushed it, microseconds. */
      readonly time?: number | undefined;
    }
  | { readonly kind: 'login' }
  | { readonly kind: 'acknowledged' }
  /** A refusal: of the login, of a topic, or of the connection. */
  | { readonly kind: 'refused'; readonly outcome: Outcome }
  | { readonly kind: 'pong' }
  | { readonly kind: 'silent'; readonly what: string }
  | { readonly kind: 'unknown'; readonly what: string }
  | { readonly kind: 'rejected'; readonly reason: string };

/** The private WebSocket of one account family. */
export type PrivateSocket = {
  readonly path: string;
  /** Returns the message that logs in. It carries the key: it belongs in no log and on no tape. */
  login(context: SigningContext): string;
  readonly subscriptions: readonly OutgoingMessage[];
  readonly heartbeat: string;
  /** Milliseconds between two heartbeats. */
  readonly heartbeatEvery: number;
  /** A connection that receives nothing for this long, ms, is dead. */
  readonly silenceLimit: number;
  /** A connection without any push for this long, ms, is dead although it answers heartbeats; absent where an idle account is silent. */
  readonly pushSilenceLimit?: number | undefined;
  /** Never throws. */
  read(text: string): PrivateFrame;
};

/** One generation of an exchange's private interface, and the accounts that use it. */
export type AccountFamily = {
  readonly id: string;
  readonly name: string;
  readonly keyInfo: PrivateRead<KeyInfo>;
  readonly settings: PrivateRead<AccountSettings>;
  /** The settings of one symbol, where those of the account do not have them. */
  symbolSettings?(scope: PrivateScope): PrivateRead<AccountSettings>;
  readonly balances: PrivateRead<PrivateBalance>;
  /** Open positions of the account, or of one symbol. */
  positions(scope?: PrivateScope): PrivateRead<PrivatePosition>;
  openOrders(scope?: PrivateScope): PrivateRead<PrivateOrder>;
  /** Finished orders; times are microseconds, `until` is exclusive. */
  closedOrders(range: TimeRange, scope?: PrivateScope): PrivateRead<PrivateOrder>;
  fills(range: TimeRange, scope?: PrivateScope): PrivateRead<PrivateFill>;
  /** Payments of funding of one symbol. */
  fundings(range: TimeRange, scope: PrivateScope): PrivateRead<PrivateFunding>;
  /** The ways to look one order up, in the order to ask: its detail, the open list, the history, its fills. */
  lookups(order: OrderName): { readonly orders: readonly PrivateRead<PrivateOrder>[]; readonly fills: PrivateRead<PrivateFill> };
  readonly writes: PrivateWrites;
  /** Absent where mdtool sets no stops. */
  readonly stops?: PrivateStops | undefined;
  readonly socket: PrivateSocket;
};

export type PrivateScope = { readonly market: Market; readonly symbol: string; readonly settle: string };

export type TimeRange = { readonly since: number; readonly until: number };

/** The private side of an exchange: pure data and functions, as the public one. */
export type PrivateSide = {
  readonly needsPassphrase: boolean;
  /** Origins of each mode, scheme and host. */
  readonly origins: Readonly<Record<TradingMode, { readonly rest: string; readonly websocket: string }>>;
  /** Further documented hosts that may get a signed request: regional sites, test nets. */
  readonly hosts: readonly string[];
  /** Milliseconds after its timestamp in which a request is accepted. */
  readonly window: number;
  /** Returns the headers that sign a request. Source: the exchange's page on signing. */
  sign(bytes: WireBytes, context: SigningContext): Readonly<Record<string, string>>;
  /** Documented limit of a request's endpoint per account. */
  limit(request: HttpRequest): RequestLimit | undefined;
  readonly host: RequestLimit;
  /** Returns what an answer means; `now` is milliseconds since the epoch. */
  judge(answer: RestAnswer, now: number): Outcome;
  /** Returns the exchange's time of an answer, microseconds. */
  timeOf(body: string): number | undefined;
  /** Returns the likely cause of an outcome and what to do, empty where the exchange's words are all there is. */
  advice(outcome: Outcome, mode: TradingMode): string;
  /** The request that shows the family. */
  readonly probe: HttpRequest;
  /** Returns the family that an answer to the probe proves; undefined where it proves nothing. */
  familyOf(answer: RestAnswer, now: number): AccountFamily | undefined;
  readonly families: readonly AccountFamily[];
};
