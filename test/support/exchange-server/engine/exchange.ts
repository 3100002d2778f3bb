import type { Bar } from '../market/bars.js';
import type { Listing, Market } from '../market/listing.js';
import type { SyntheticMarket } from '../market/market.js';
import type { Liquidation, SymbolMarket } from '../market/symbol-market.js';
import type { Fill } from '../market/trade-log.js';
import type { BookPush } from './book-feed.js';
import type { RestApi } from './rest.js';
import type { Limits } from './rules.js';
import type { Session } from './session.js';

/** One thing a connection can subscribe. */
export type Topic = {
  /** Two requests with one key ask for the same, on one path. */
  readonly key: string;
  readonly kind: 'trade' | 'ticker' | 'book' | 'candle' | 'liquidation';
  readonly market: Market;
  /** Empty where the topic is of many symbols; `covers` says of which. */
  readonly symbol: string;
  readonly covers?: ((listing: Listing) => boolean) | undefined;
  /** The exchange's name, without the symbol: `books15`, `orderbook.50`. */
  readonly channel: string;
  /** Levels of a book; absent where it has all. */
  readonly depth?: number | undefined;
  readonly hasDeltas?: boolean | undefined;
  /** Milliseconds of a candle. */
  readonly interval?: number | undefined;
  /** What frames repeat of the request. */
  readonly wire: unknown;
};

/** What a feed's frames may remember between pushes (Bybit sends of a ticker what changed). */
export type FeedMemory = { ticker?: Readonly<Record<string, string>> };

/** Writes frames. All times are milliseconds of the exchange. */
export type FrameWriter = {
  /** `fills` oldest first; `isHistory` for what is sent at subscribe. */
  trades(topic: Topic, symbol: SymbolMarket, fills: readonly Fill[], now: number, isHistory: boolean): string;
  /** Undefined where nothing changed. `isFirst` for a new subscriber, which needs all. */
  ticker(topic: Topic, symbol: SymbolMarket, now: number, memory: FeedMemory, isFirst: boolean): string | undefined;
  book(topic: Topic, symbol: SymbolMarket, push: BookPush, now: number): string;
  candles(topic: Topic, symbol: SymbolMarket, bars: readonly Bar[], now: number, isHistory: boolean): string;
  liquidation(topic: Topic, symbol: SymbolMarket, liquidation: Liquidation, now: number): string;
  /** The number by which clients know a push. */
  sequence(push: BookPush): string;
};

/** What a connection to one path speaks. */
export type Protocol = {
  /** The market of the connection, where the path says it. */
  readonly market?: Market | undefined;
  readonly writer: FrameWriter;
  /** Trades sent at subscribe, 0 for none. */
  readonly tradeHistory: number;
  /** Candles sent at subscribe, the open one included. */
  readonly candleHistory: number;
  /** Milliseconds after which an unchanged best level is pushed again, where the exchange does that. */
  readonly repeatsBestAfter?: number | undefined;
  /** Acts on a message that is within the rate. */
  receive(session: Session, text: string): void;
  /** Says that the client sends too much; the connection closes afterwards. */
  overRate(session: Session): void;
  /** Returns well-formed frames of topics that no client of ours subscribes: an unknown channel, an unknown symbol. */
  strangeFrames(now: number): readonly string[];
  /** The connection is gone. */
  closed?(session: Session): void;
  /** Returns the key of the topic that a recorded frame belongs to, undefined for answers. */
  keyOf(frame: string): string | undefined;
};

export type HandshakeRefusal = { readonly status: number; readonly body: string };

export type ExchangeOptions = {
  /** Bitget v2: a CRC32 on deltas of `books`, as until 2025. */
  readonly checksum: boolean;
};

/** One exchange as the server plays it: a folder that default-exports nothing and a line in `index.ts`. */
export type Exchange = {
  readonly id: string;
  /** Prefix of the variables by which a client is pointed here. */
  readonly environment: string;
  readonly limits: Limits;
  readonly protocols: ReadonlyMap<string, Protocol>;
  readonly rest: RestApi;
  /** How the exchange turns a connection away that came too often or while banned. */
  readonly tooManyConnects: HandshakeRefusal;
  /** Returns so many trading symbols. */
  universe(market: Market, count: number): readonly Listing[];
  /** Listings that a universe filter must leave out: dated futures, USDC contracts, halted and announced ones. */
  strangers(now: number): readonly Listing[];
  /** Returns a symbol of this exchange as a listing, for tapes; undefined for what is none. */
  listingOf(market: Market, symbol: string): Listing | undefined;
  /** Returns the public id of a symbol's trade. */
  tradeId(symbol: SymbolMarket, index: number): string;
};

/** A running market and its exchange, as protocols and REST handlers see it. */
export type Venue = { readonly market: SyntheticMarket; now(): number };
