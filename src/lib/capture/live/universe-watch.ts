import type { Channel, Exchange, Subscription } from '../../exchanges/exchange.js';
import type { RestSource } from '../../instruments/instruments.js';
import { listSymbols, type SymbolListener } from '../../instruments/symbol-list.js';
import type { UniverseOptions } from '../../instruments/universe.js';
import { UsageError } from '../../model/errors.js';
import type { Instrument, Market } from '../../model/records.js';

/** What the user asked for, over all exchanges. */
export type UniverseQuery = UniverseOptions & {
  readonly markets: readonly Market[];
  readonly symbols?: readonly string[] | undefined;
  readonly channels: readonly Channel[];
  readonly intervals: readonly string[];
  /** Whether this machine takes a symbol. */
  readonly takes: (exchange: string, market: Market, symbol: string) => boolean;
  readonly signal?: AbortSignal | undefined;
};

/** An exchange and where its lists come from. */
export type WatchedExchange = { readonly exchange: Exchange; readonly rest: RestSource };

/** What each exchange that answered shall deliver; `failed` names the others with their reasons. */
export type UniverseAnswer = {
  /** Symbols by market, of each exchange that answered. */
  readonly symbols: ReadonlyMap<string, ReadonlyMap<Market, readonly string[]>>;
  readonly wanted: ReadonlyMap<string, readonly Subscription[]>;
  readonly failed: ReadonlyMap<string, string>;
};

/** Asks the exchanges for their instruments and turns those that are wanted into subscriptions. */
export class UniverseWatch {
  readonly #exchanges: readonly WatchedExchange[];
  readonly #query: UniverseQuery;
  readonly #listener: Pick<SymbolListener, 'incomplete'>;
  readonly #known = new Set<string>();

  constructor(exchanges: readonly WatchedExchange[], query: UniverseQuery, listener: Pick<SymbolListener, 'incomplete'>) {
    this.#exchanges = exchanges;
    this.#query = query;
    this.#listener = listener;
  }

  /**
   * Returns what is wanted now, nothing when the run is stopped meanwhile. Throws a `UsageError` on a symbol that nobody lists, on the first call alone: later it
   * has been delisted.
   */
  async ask(isFirst: boolean): Promise<UniverseAnswer> {
    const failed = new Map<string, string>();
    const chosen = new Map<string, Instrument[]>(this.#exchanges.map(({ exchange }) => [exchange.id, []]));
    const listener: SymbolListener = {
      unreachable: (reason, exchange) => void failed.set(exchange.id, reason),
      incomplete: (reason) => isFirst && this.#listener.incomplete(reason),
      note: () => {},
      get hasUnreachable() {
        return failed.size > 0;
      },
    };
    try {
      const query = { ...this.#query, status: 'all' as const, notation: 'native' as const };
      for await (const batch of listSymbols(this.#exchanges, query, listener)) {
        for (const instrument of batch) if (this.#keeps(instrument)) chosen.get(instrument.exchange)?.push(instrument);
      }
    } catch (error) {
      if (isFirst || !(error instanceof UsageError)) throw error;
    }
    // A list that was broken off looks like one that names nothing.
    if (this.#query.signal?.aborted) return { symbols: new Map(), wanted: new Map(), failed };
    const answered = [...chosen].filter(([id]) => !failed.has(id));
    for (const instrument of answered.flatMap(([, instruments]) => instruments)) this.#known.add(nameOf(instrument));
    return {
      symbols: new Map(answered.map(([id, instruments]) => [id, byMarket(instruments)])),
      wanted: new Map(answered.map(([id, instruments]) => [id, this.#subscriptionsOf(instruments)])),
      failed,
    };
  }

  /** What is halted for a while stays subscribed: it may go on before anybody asks again. */
  #keeps(instrument: Instrument): boolean {
    const { status, symbols, takes } = this.#query;
    const { exchange, market, symbol } = instrument;
    if (!takes(exchange, market, symbol)) return false;
    if (symbols || this.#known.has(nameOf(instrument))) return instrument.status !== 'closed';
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

function nameOf({ exchange, market, symbol }: Instrument): string {
  return `${exchange} ${market} ${symbol}`;
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
