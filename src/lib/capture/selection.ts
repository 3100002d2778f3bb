import type { Channel, Exchange } from '../exchanges/exchange.js';
import type { TopicFeed } from '../exchanges/live-protocol.js';
import { nativeNames } from '../exchanges/native-names.js';
import type { PolledType } from '../exchanges/polling.js';
import { isInShard, type Shard } from '../instruments/shard.js';
import { UsageError } from '../model/errors.js';
import { type Market, RECORD_TYPES, type RecordType } from '../model/records.js';
import { seriesKey } from '../model/series.js';

/** The markets, symbols and channels that the user asked for; an absent list stands for all. */
export type SelectionOptions = {
  readonly exchanges: readonly Exchange[];
  readonly markets?: readonly Market[] | undefined;
  /** Any spelling: native, canonical, ccxt, legacy. */
  readonly symbols?: readonly string[] | undefined;
  readonly channels: readonly Channel[];
  /** Record types that are polled over REST. */
  readonly polled?: readonly PolledType[] | undefined;
  readonly intervals?: readonly string[] | undefined;
  /** The part of the symbols that this machine captures. */
  readonly shard?: Shard | undefined;
};

const CHANNEL_OF: Partial<Record<RecordType, Channel>> = {
  trade: 'trade',
  ticker: 'ticker',
  mark_price: 'ticker',
  open_interest: 'ticker',
  funding: 'ticker',
  liquidation: 'liquidation',
  candle: 'candle',
};

/** Returns the channel that yields records of a type; undefined for book records, which two channels yield. */
export function channelOf(type: RecordType): Channel | undefined {
  return CHANNEL_OF[type];
}

const ON_DERIVATIVES: readonly RecordType[] = ['mark_price', 'open_interest', 'funding'];

/** Returns the `channel` in the gaps of a record's series; candles of each interval have their own. */
export function gapChannelOf(record: { readonly type: RecordType; readonly interval?: string | undefined }): string {
  if (record.type === 'candle') return `candle_exchange_${record.interval}`;
  return CHANNEL_OF[record.type] ?? record.type;
}

/** Returns the types of the records that channels and polls can yield on `markets` (absent: on all), with `gap` and `clock`. */
export function typesOf(
  channels: readonly Channel[],
  markets?: readonly Market[],
  polled: readonly PolledType[] = [],
): RecordType[] {
  const onSpot = markets?.every((market) => market === 'spot') ?? false;
  const simple = RECORD_TYPES.filter((type) => {
    if (polled.some((one) => one === type)) return true;
    const channel = CHANNEL_OF[type];
    return channel !== undefined && channels.includes(channel) && !(onSpot && ON_DERIVATIVES.includes(type));
  });
  const books: RecordType[] = channels.includes('book_delta') ? ['book_snapshot', 'book_delta'] : ['book_snapshot'];
  const withBooks = channels.includes('book') || channels.includes('book_delta');
  return [...simple, ...(withBooks ? books : []), 'gap', 'clock'];
}

/** The filter of markets, symbols, channels and intervals that a capture wants. */
export class Selection {
  readonly #options: SelectionOptions;
  readonly #native = new Map<string, ReadonlyMap<Market, ReadonlySet<string>>>();
  readonly #ofShard = new Map<string, boolean>();
  /** Symbols by exchange and market. */
  readonly #universe = new Map<string, ReadonlyMap<Market, ReadonlySet<string>>>();
  /** The symbols of all universes so far: what was sent before a symbol was left may still arrive. */
  readonly #captured = new Map<string, Map<Market, Set<string>>>();

  /** Throws a `UsageError` when a symbol is not a valid spelling on any of the exchanges and markets. */
  constructor(options: SelectionOptions) {
    this.#options = options;
    for (const spelling of options.symbols ?? []) this.#check(spelling);
    for (const exchange of options.exchanges)
      this.#native.set(exchange.id, new Map(exchange.markets.map((market) => [market, this.#symbolsOf(exchange, market)])));
  }

  wantsMarket(market: Market): boolean {
    return this.#options.markets?.includes(market) ?? true;
  }

  wantsChannel(channel: Channel): boolean {
    return this.#options.channels.includes(channel);
  }

  wantsInterval(interval: string): boolean {
    return this.#options.intervals?.includes(interval) ?? true;
  }

  wantsFeed(exchange: string, { market, channel, symbol, interval }: TopicFeed): boolean {
    if (!this.wantsMarket(market) || !this.wantsChannel(channel) || !this.wantsSymbol(exchange, market, symbol)) return false;
    return interval === undefined || this.wantsInterval(interval);
  }

  wantsSymbol(exchange: string, market: Market, symbol: string): boolean {
    if (this.#options.shard && !this.#isInShard(this.#options.shard, exchange, market, symbol)) return false;
    return this.#options.symbols === undefined || (this.#native.get(exchange)?.get(market)?.has(symbol) ?? false);
  }

  /** Record types that are polled over REST; empty where none is. */
  get polled(): readonly PolledType[] {
    return this.#options.polled ?? [];
  }

  /** Sets the universe of an exchange: the symbols of its instrument lists that pass the filters. */
  narrow(exchange: string, universe: ReadonlyMap<Market, readonly string[]>): void {
    this.#universe.set(exchange, new Map([...universe].map(([market, symbols]) => [market, new Set(symbols)])));
    const captured = this.#captured.get(exchange) ?? new Map<Market, Set<string>>();
    this.#captured.set(exchange, captured);
    for (const [market, symbols] of universe) captured.set(market, new Set([...(captured.get(market) ?? []), ...symbols]));
  }

  /**
   * Like `wantsSymbol`, for events: the symbol must be, or have been, in the universe, if that is known. An exchange that
   * sends a symbol that nobody subscribed sends a part of it, and nothing would say so.
   */
  wantsEvent(exchange: string, market: Market, symbol: string): boolean {
    const captured = this.#captured.get(exchange);
    if (captured !== undefined && !captured.get(market)?.has(symbol)) return false;
    return this.wantsSymbol(exchange, market, symbol);
  }

  /**
   * Like `wantsSymbol`, for topics that carry many symbols (Bitget liquidations): the symbol must also be in the universe,
   * if that is known.
   */
  wantsOfMany(exchange: string, market: Market, symbol: string): boolean {
    const universe = this.#universe.get(exchange);
    return this.wantsSymbol(exchange, market, symbol) && (universe?.get(market)?.has(symbol) ?? universe === undefined);
  }

  /** Returns the known symbols that pass `wantsOfMany`; none where neither an instrument list nor the user names any. */
  symbolsOfMany(exchange: string, market: Market): readonly string[] {
    const universe = this.#universe.get(exchange);
    const named = universe ? universe.get(market) : this.#native.get(exchange)?.get(market);
    return [...(named ?? [])].filter((symbol) => this.wantsOfMany(exchange, market, symbol));
  }

  #isInShard(shard: Shard, exchange: string, market: Market, symbol: string): boolean {
    const key = seriesKey({ exchange, market, symbol });
    const known = this.#ofShard.get(key);
    if (known !== undefined) return known;
    const isOwn = isInShard(shard, exchange, market, symbol);
    this.#ofShard.set(key, isOwn);
    return isOwn;
  }

  #markets(exchange: Exchange): readonly Market[] {
    return exchange.markets.filter((market) => this.wantsMarket(market));
  }

  #symbolsOf(exchange: Exchange, market: Market): ReadonlySet<string> {
    return new Set((this.#options.symbols ?? []).flatMap((spelling) => nativeNames(exchange, spelling, market)));
  }

  /** The name of a spot pair is also that of a contract for people, `SOL/USDT`: returns which one, if it is a name of spot. */
  #meantBySpot(exchange: Exchange, spelling: string): string | undefined {
    if (!exchange.nativeSymbol(spelling, 'spot')) return undefined;
    const contract = `${spelling}:${spelling.split('/')[1]}`;
    const meant = this.#markets(exchange).flatMap((market) => {
      const native = exchange.nativeSymbol(contract, market);
      return native === undefined ? [] : [`did you mean ${native} on ${market}?`];
    });
    return meant[0] ?? 'add --market spot';
  }

  #check(spelling: string): void {
    const { exchanges } = this.#options;
    if (exchanges.some((exchange) => this.#markets(exchange).some((market) => exchange.nativeSymbol(spelling, market)))) return;
    const spot = exchanges.map((exchange) => this.#meantBySpot(exchange, spelling)).find((meant) => meant !== undefined);
    if (spot !== undefined) throw new UsageError(`--symbols: ${spelling} is a spot symbol; ${spot}`);
    const names = exchanges.map(({ id }) => id).join(', ');
    throw new UsageError(
      `--symbols: expected a symbol of ${names} such as BTCUSDT, was "${spelling}"; mdtool symbols lists them`,
    );
  }
}
