import type { BookMessage } from '../model/book-message.js';
import type { MaintenanceTier } from '../model/maintenance-tier.js';
import type {
  Candle,
  Funding,
  Instrument,
  Liquidation,
  Market,
  MarkPrice,
  OpenInterest,
  Ticker,
  Trade,
} from '../model/records.js';
import type { Archives } from './archive.js';
import type { Channel } from './channels.js';
import type { History } from './history.js';
import type { LiveProtocol } from './live-protocol.js';
import type { Polling } from './polling.js';
import type { PrivateSide } from './private-side.js';
import type { HttpRequest, OriginsOf, OutgoingMessage } from './requests.js';
import type { RestRules } from './rest.js';

export { CHANNELS, type Channel } from './channels.js';
export type { HttpRequest, Origins, OriginsOf, OutgoingMessage } from './requests.js';

/** One thing to receive. `symbol` is native; a feed without symbols (Bitget liquidations) ignores it. */
export type Subscription = {
  readonly market: Market;
  readonly channel: Channel;
  readonly symbol: string;
  /** Our name of the interval, with `candle` only. */
  readonly interval?: string | undefined;
};

/** One page of an instrument list. `rejected` names the rows that could not be mapped, one line each. */
export type InstrumentPage = {
  readonly instruments: readonly Instrument[];
  readonly rejected: readonly string[];
  readonly next?: HttpRequest | undefined;
};

/** Maintenance tiers of one answer. `notes` are sentences that a plan with these tiers repeats. */
export type TierPage = {
  readonly tiers: readonly MaintenanceTier[];
  /** Whether the exchange liquidates when the margin falls to maintenance plus the taker fee to close. */
  readonly withClosingFee: boolean;
  readonly notes: readonly string[];
  readonly next?: HttpRequest | undefined;
};

/** The last trade's price and, where the answer has one, its time in microseconds. */
export type LastPrice = { readonly price: number; readonly timestamp?: number | undefined };

/** What a data frame carries: records without their arrival time, which the capture stamps, and book messages. */
export type FeedEvent = Trade | Ticker | MarkPrice | OpenInterest | Funding | Liquidation | Candle | BookMessage;

/** The content of one frame. A reader returns nothing else, whatever the bytes. */
export type Frame =
  | {
      readonly kind: 'data';
      readonly market: Market;
      readonly events: readonly FeedEvent[];
      /** Latest time at which the exchange pushed the frame, microseconds. */
      readonly pushTimestamp?: number | undefined;
      /** True when the events happened before the subscription (Bitget's first trade frame). */
      readonly history?: boolean | undefined;
      /** Rows of this frame that could not be mapped, one reason each. */
      readonly rejected: readonly string[];
    }
  /**
   * `topic` (Bitget) or `request` (Bybit `req_id`) says which subscription is confirmed or refused. Where a refusal names
   * both, the whole request was refused because of that topic.
   */
  | { readonly kind: 'acknowledged'; readonly topic?: string | undefined; readonly request?: string | undefined }
  | {
      readonly kind: 'refused';
      readonly topic?: string | undefined;
      readonly request?: string | undefined;
      readonly reason: string;
    }
  | { readonly kind: 'pong' }
  /** Known, and carries nothing that we record; `what` names the kind. */
  | { readonly kind: 'silent'; readonly what: string }
  /** A kind nobody declared; counted, never fatal. */
  | { readonly kind: 'unknown'; readonly what: string }
  /** A frame that should have been data and could not be read. */
  | { readonly kind: 'rejected'; readonly reason: string };

/** The bytes of a frame; a `Buffer` is that. `latin1Slice` is Node's decoder without the detours of `toString`. */
export type FrameBytes = Uint8Array & {
  latin1Slice(start: number, end: number): string;
  toString(encoding: 'utf8'): string;
};

/** Reads the frames of one connection, in order; holds what must be remembered between them (Bybit's ticker state). */
export type FrameReader = {
  /** Never throws. Bytes are read faster than text, with equal values. `at` is the arrival, microseconds. */
  read(frame: string | FrameBytes, at: number): Frame;
};

/** One connection: where to connect and what to send, within the exchange's limits. */
export type ConnectionPlan = {
  readonly market: Market;
  /** Path behind the WebSocket origin. */
  readonly path: string;
  readonly subscriptions: readonly Subscription[];
  readonly messages: readonly OutgoingMessage[];
};

export type PlanOptions = {
  readonly api: string;
  /** Levels wanted in `book_snapshot`. */
  readonly depth: number;
  /** Channels per connection, where the user overrides the exchange's default. */
  readonly channelsPerConnection?: number | undefined;
  /** Arguments per message, where the user overrides the exchange's default; the exchange's own limits stay. */
  readonly argumentsPerMessage?: number | undefined;
  /** Characters of all arguments of a connection, where the exchange limits those and the user overrides it. */
  readonly charactersPerConnection?: number | undefined;
};

/** What a reader may look up while it reads. */
export type ReaderContext = {
  /** Returns an instrument by its native symbol, undefined while no list that names it is known. */
  instrument(market: Market, symbol: string): Instrument | undefined;
};

/** A context of readers that need no instruments. */
export const NO_INSTRUMENTS: ReaderContext = { instrument: () => undefined };

/** Maintenance tiers of contracts, for `grid plan`. */
export type Tiers = {
  /** Returns the first page of a contract's tiers, undefined on spot, which has none. */
  request(market: Market, symbol: string): HttpRequest | undefined;
  /** Maps one body. Throws a `FailureError` when the exchange refused or its figures cannot be trusted. */
  parse(request: HttpRequest, body: string): TierPage;
};

/** The clock of the exchange, which requests are signed by and pushes are stamped with. */
export type ServerClock = {
  readonly request: HttpRequest;
  /** Returns microseconds since the epoch. Throws a `FailureError` when the body names no time. */
  parse(body: string): number;
};

/** The last traded price, for `grid plan`. */
export type LastPrices = {
  request(market: Market, symbol: string): HttpRequest;
  /** Maps one body. Throws a `FailureError` when the exchange refused or names no price. */
  parse(request: HttpRequest, body: string): LastPrice;
};

/**
 * Whole books over REST, for delta feeds that begin without a snapshot frame. The capture buffers the deltas of the
 * book, asks for the whole one, and joins both by their sequences.
 */
export type BookSnapshots = {
  /** Returns the request for a book, undefined on a market whose delta feed sends its own snapshot. */
  request(market: Market, symbol: string): HttpRequest | undefined;
  /**
   * Maps an answer to a `snapshot` message with a `sequence`, or to the reason why it is none; undefined where the request
   * asks for something else. `at` is the arrival, microseconds.
   */
  parse(request: HttpRequest, body: string, at: number, context: ReaderContext): BookMessage | string | undefined;
};

/**
 * An exchange as pure data and functions: no socket, no clock. Adding one is a folder and a line in the registry. The core
 * is required; a command that needs an optional capability asks for it and names it when it is absent.
 */
export type Exchange = {
  readonly id: string;
  readonly name: string;
  /** Protocol versions, the default first. */
  readonly apis: readonly string[];
  readonly markets: readonly Market[];
  /** Where each market is reached. */
  readonly origins: OriginsOf;
  /** Returns what can be subscribed on a market with a protocol version. */
  channels(market: Market, api: string): readonly Channel[];
  /** Returns our names of the candle intervals that the exchange publishes. */
  candleIntervals(market: Market, api: string): readonly string[];
  /** Returns what amounts on a market count; `instrument.amount_unit` says the same. */
  amountUnit(market: Market): 'base' | 'quote';
  /** Whether frames count contracts: then readers look up `contract_size`, and the capture keeps the instrument lists. */
  readonly countsContracts?: boolean | undefined;
  readonly instruments: {
    /** Returns the first page of every list that makes up the market. */
    requests(market: Market): readonly HttpRequest[];
    /** Returns other lists of the same instruments, to be asked in this order when the list of `request` is refused or empty. */
    fallbacks?(request: HttpRequest): readonly HttpRequest[];
    /** Maps one body. `at` becomes the records' timestamp. Throws a `FailureError` when the exchange refused. */
    parse(request: HttpRequest, body: string, at: number): InstrumentPage;
  };
  /** How REST wants to be used: limits, and what answers mean. */
  readonly rest: RestRules;
  /** Returns the native symbol of any spelling that users bring (native, canonical, ccxt, legacy), undefined where it is none. */
  nativeSymbol(spelling: string, market: Market): string | undefined;
  plan(subscriptions: readonly Subscription[], options: PlanOptions): readonly ConnectionPlan[];
  /** What keeping connections takes. */
  readonly live: LiveProtocol;
  /** Returns a reader for a connection to `url`, whose path names market and version, undefined where it names neither. */
  createReader(url: string, context: ReaderContext): FrameReader | undefined;

  /** The past over REST, channel by channel. */
  readonly history?: History | undefined;
  /** The daily files of trades that the exchange publishes, where their layout is known. */
  readonly archives?: Archives | undefined;
  /** The present over REST. */
  readonly polling?: Polling | undefined;
  readonly tiers?: Tiers | undefined;
  readonly lastPrice?: LastPrices | undefined;
  readonly clock?: ServerClock | undefined;
  readonly bookSnapshots?: BookSnapshots | undefined;
  /** Accounts: what needs a key. */
  readonly privateSide?: PrivateSide | undefined;
};
