import type { Channel, Exchange, Subscription } from '../../exchanges/exchange.js';
import type { RestSource } from '../../instruments/instruments.js';
import { type FallbackLists, listSymbols, type SymbolListener } from '../../instruments/symbol-list.js';
import type { UniverseOptions } from '../../instruments/universe.js';
import { UsageError } from '../../model/errors.js';
import type { Instrument, Market } from '../../model/records.js';
import { seriesKey } from '../../model/series.js';

/** The instruments that the user selects, over all exchanges. */
type UniverseQuery = UniverseOptions & {
  readonly markets: readonly Market[];
  readonly symbols?: readonly string[] | undefined;
  readonly channels: readonly Channel[];
  readonly intervals: readonly string[];
  /** Whether a symbol belongs to the shard of this machine. */
  readonly takes: (exchange: string, market: Market, symbol: string) => boolean;
  readonly signal?: AbortSignal | undefined;
  /** Older lists for an exchange that lists nothing at the start. Later the symbols stay as they are. */
  readonly fallback?: FallbackLists | undefined;
};

/** An exchange and the source of its instrument lists. */
type WatchedExchange = { readonly exchange: Exchange; readonly rest: RestSource };

/** The subscriptions wanted from each exchange that answered; `failed` holds the reasons of the others. */
export type UniverseAnswer = {
  /** Symbols by market, of each exchange that answered. */
  readonly symbols: ReadonlyMap<string, ReadonlyMap<Market, readonly string[]>>;
  readonly wanted: ReadonlyMap<string, readonly Subscription[]>;
  readonly failed: ReadonlyMap<string, string>;
  /** Exchanges whose symbols come from older lists. */
  readonly outdated: ReadonlySet<string>;
};

/** Fetches the instrument lists of exchanges and turns the selected instruments into subscriptions. */
export class UniverseWatch {
  readonly #exchanges: readonly WatchedExchange[];
  readonly #query: UniverseQuery;
  readonly #listener: Pick<SymbolListener, 'incomplete' | 'fallback'>;
  readonly #known = new Set<string>();

  constructor(
    exchanges: readonly WatchedExchange[],
    query: UniverseQuery,
    listener: Pick<SymbolListener, 'incomplete' | 'fallback'>,
  ) {
    this.#exchanges = exchanges;
    this.#query = query;
    this.#listener = listener;
  }

  /**
   * Returns the subscriptions wanted now, none when the run is stopped meanwhile. Throws a `UsageError` on an unknown symbol
   * in the first call; later an absent symbol is a delisted one.
   */
  async refresh(isFirst: boolean): Promise<UniverseAnswer> {
    const failed = new Map<string, string>();
    const outdated = new Set<string>();
    const chosen = new Map<string, Instrument[]>(this.#exchanges.map(({ exchange }) => [exchange.id, []]));
    const listener: SymbolListener = {
      unreachable: (reason, exchange) => void failed.set(exchange.id, reason),
      incomplete: (reason) => isFirst && this.#listener.incomplete(reason),
      note: () => {},
      fallback: (text) => this.#listener.fallback(text),
      get hasUnreachable() {
        return failed.size > 0;
      },
    };
    try {
      const fallback = isFirst ? this.#olderLists(outdated) : undefined;
      const query = { ...this.#query, status: 'all' as const, notation: 'native' as const, fallback };
      for await (const batch of listSymbols(this.#exchanges, query, listener)) {
        for (const instrument of batch) if (this.#keeps(instrument)) chosen.get(instrument.exchange)?.push(instrument);
      }
    } catch (error) {
      if (isFirst || !(error instanceof UsageError)) throw error;
    }
    // An aborted list looks like an empty one.
    if (this.#query.signal?.aborted) return { symbols: new Map(), wanted: new Map(), failed, outdated };
    const answered = [...chosen].filter(([id]) => !failed.has(id));
    for (const instrument of answered.flatMap(([, instruments]) => instruments)) this.#known.add(seriesKey(instrument));
    return {
      symbols: new Map(answered.map(([id, instruments]) => [id, byMarket(instruments)])),
      wanted: new Map(answered.map(([id, instruments]) => [id, this.#subscriptionsOf(instruments)])),
      failed,
      outdated,
    };
  }

  /** Returns the older lists, and notes whose they are. */
  #olderLists(outdated: Set<string>): FallbackLists {
    return async (exchange, markets, reason) => {
      const lists = (await this.#query.fallback?.(exchange, markets, reason)) ?? [];
      if (lists.length > 0) outdated.add(exchange.id);
      return lists;
    };
  }

  /** Trading can resume before the next refresh. A halted instrument therefore stays subscribed. */
  #keeps(instrument: Instrument): boolean {
    const { status, symbols, takes } = this.#query;
    const { exchange, market, symbol } = instrument;
    if (!takes(exchange, market, symbol)) return false;
    if (symbols || this.#known.has(seriesKey(instrument))) return instrument.status !== 'closed';
    return status === 'all' || (status ?? ['trading']).includes(instrument.status);
  }

  #subscriptionsOf(instruments: readonly Instrument[]): Subscription[] {
    const { channels, intervals } = this.#query;
    return instruments.flatMap(({ market, symbol }) =>
      channels.flatMap((channel): Subscription[] =>
        channel === 'candle'
          ? intervals.map((interval) => ({ market, channel, symbol, interval }))
          : [{ market, channel, symbol }],
      ),
    );
  }
}

function byMarket(instruments: readonly Instrument[]): Map<Market, string[]> {
  const symbols = new Map<Market, string[]>();
  for (const { market, symbol } of instruments) {
    const known = symbols.get(market);
    if (known) known.push(symbol);
    else symbols.set(market, [symbol]);
  }
  return symbols;
}
