import type { Channel, Exchange, Subscription } from '../../exchanges/exchange.js';
import type { RestSource } from '../../instruments/instruments.js';
import { SymbolChoice } from '../../instruments/symbol-choice.js';
import { type FallbackLists, readLists, type SymbolList, type SymbolListener } from '../../instruments/symbol-list.js';
import type { UniverseOptions } from '../../instruments/universe.js';
import { MdtoolError } from '../../model/errors.js';
import type { Instrument, Market } from '../../model/records.js';
import { seriesKey } from '../../model/series.js';
import type { DataFrame } from '../session/capture.js';

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

/** `repeat` is a request between two regular ones: a symbol that its lists lack is not counted as absent once more. */
export type RefreshTurn = 'first' | 'regular' | 'repeat';

/** What the watch reports. */
type UniverseListener = {
  incomplete(reason: string): void;
  warn(message: string): void;
  fallback(text: string): void;
};

type NameCheck = {
  readonly lists: readonly SymbolList[];
  readonly turn: RefreshTurn;
  readonly mayAskAgain: boolean;
  /** Named symbols that have a last price. */
  readonly quoted: ReadonlySet<string>;
};

/** A captured symbol that good lists lack. */
type Doubt = {
  /** Good lists in a row that lack it, since its last data. */
  absences: number;
  hasData: boolean;
};

/** Good lists in a row that must lack a silent symbol before it counts as delisted. */
const ABSENCES = 3;
/** A list that is shorter than this share of the last good one is not believed, nor is an empty one. */
const MIN_LENGTH = 0.9;
/** On a short list a few delistings are a large share. */
const FEW = 3;
/** Milliseconds after which a capture starts with stored lists: while it waits for the exchange, all its data is missed. */
const PATIENCE = 8_000;
const NAMED = 3;
/** Names whose last price is asked for when the lists lack them. */
const MOST_QUOTED = 20;

/**
 * Fetches the instrument lists of exchanges and turns the selected instruments into subscriptions.
 *
 * An exchange can answer with an empty list, a part of a list, or unreadable rows. If the capture believed it, it would
 * unsubscribe hundreds of living symbols, and their silence would look like a quiet market. A captured symbol is therefore
 * left only when its row says that it no longer trades, or when several good lists in a row lack it and its feed is silent.
 */
export class UniverseWatch {
  readonly #exchanges: readonly WatchedExchange[];
  readonly #query: UniverseQuery;
  readonly #listener: UniverseListener;
  /** The captured instruments by name, with their last row. */
  readonly #captured = new Map<string, Instrument>();
  readonly #doubts = new Map<string, Doubt>();
  /** Length of the last good list by exchange and market. */
  readonly #lengths = new Map<string, number>();
  readonly #reported = new Set<string>();
  /** Symbols asked for by name that lists with unreadable rows or pages lack: they may be there. */
  #missing: readonly string[] = [];

  constructor(exchanges: readonly WatchedExchange[], query: UniverseQuery, listener: UniverseListener) {
    this.#exchanges = exchanges;
    this.#query = query;
    this.#listener = listener;
  }

  /** Whether the last lists lack captured symbols, or named ones: they are worth another request soon. */
  get hasDoubts(): boolean {
    return this.#doubts.size > 0 || this.#missing.length > 0;
  }

  /** The captured instruments, with their last rows. */
  get instruments(): readonly Instrument[] {
    return [...this.#captured.values()];
  }

  /** Registers data of a symbol. A doubted symbol that delivers data is alive. */
  observe({ events }: DataFrame): void {
    if (this.#doubts.size === 0) return;
    for (const event of events) {
      const doubt = this.#doubts.get(seriesKey(event));
      if (doubt) doubt.hasData = true;
    }
  }

  /**
   * Returns the subscriptions wanted now, none when the run is stopped meanwhile. Throws a `UsageError` on an unknown symbol
   * in the first call, when two answers in a row lack it and it has no last price; later an absent symbol is a delisted or a doubted one.
   */
  async refresh(turn: RefreshTurn): Promise<UniverseAnswer> {
    const answer = await this.#ask(turn, turn === 'first');
    return answer ?? ((await this.#ask(turn, false)) as UniverseAnswer);
  }

  /** Asks for the lists. With `mayAskAgain` returns undefined when they lack symbols asked for by name. */
  async #ask(turn: RefreshTurn, mayAskAgain: boolean): Promise<UniverseAnswer | undefined> {
    const failed = new Map<string, string>();
    const outdated = new Set<string>();
    const listener: SymbolListener = {
      unreachable: (reason, exchange) => void failed.set(exchange.id, reason),
      incomplete: (reason) => this.#report(reason),
      note: () => {},
      fallback: (text) => this.#listener.fallback(text),
      get hasUnreachable() {
        return failed.size > 0;
      },
    };
    const fallback = turn === 'first' ? this.#olderLists(outdated) : undefined;
    const query = { ...this.#query, status: 'all' as const, fallback, patience: PATIENCE };
    const choice = new SymbolChoice(query);
    const found = new Map<string, Instrument[]>(this.#exchanges.map(({ exchange }) => [exchange.id, []]));
    const lists: SymbolList[] = [];
    for await (const list of readLists(this.#exchanges, query, listener)) {
      lists.push(list);
      found.get(list.exchange.id)?.push(...choice.of(list.exchange, list.instruments).filter((one) => this.#selects(one)));
    }
    // An aborted list looks like an empty one.
    if (this.#query.signal?.aborted) return { symbols: new Map(), wanted: new Map(), failed, outdated };
    for (const { exchange } of this.#exchanges) {
      const own = lists.filter((list) => list.exchange === exchange);
      if (!failed.has(exchange.id) && own.every(({ instruments }) => instruments.length === 0))
        failed.set(exchange.id, `${exchange.id}: the instrument list is empty`);
    }
    const mustAskAgain = mayAskAgain && outdated.size === 0;
    const isLast = failed.size === 0 && turn === 'first' && !mustAskAgain;
    const quoted = isLast ? await this.#quoted(choice.missing) : new Set<string>();
    if (failed.size === 0 && !this.#checkNames(choice, { lists, turn, mayAskAgain: mustAskAgain, quoted })) return undefined;
    for (const list of lists) if (!failed.has(list.exchange.id)) this.#apply(list, found.get(list.exchange.id) ?? [], turn);
    return this.#answer(failed, outdated);
  }

  /** Checks that the lists have the symbols asked for by name; returns false when they must be asked for again at once. */
  #checkNames(choice: SymbolChoice, { lists, turn, mayAskAgain, quoted }: NameCheck): boolean {
    const { missing } = choice;
    if (turn !== 'first') {
      this.#missing = this.#missing.filter((name) => missing.includes(name));
      return true;
    }
    if (missing.length > 0 && mayAskAgain) return false;
    const isWhole = lists.every(({ whole }) => whole);
    if (isWhole) choice.check(quoted);
    this.#missing = missing;
    const what = isWhole ? 'are short' : 'have unreadable parts';
    if (missing.length > 0)
      this.#listener.incomplete(`the instrument lists ${what} and lack ${missing.join(', ')}; asking again`);
    return true;
  }

  /** Returns the named symbols that have a last price although the lists lack them: then the lists are short. */
  async #quoted(names: readonly string[]): Promise<ReadonlySet<string>> {
    const quoted = new Set<string>();
    for (const name of names.slice(0, MOST_QUOTED)) {
      for (const watched of this.#exchanges)
        for (const market of this.#query.markets) if (await hasPrice(watched, market, name)) quoted.add(name);
    }
    return quoted;
  }

  /** Returns the older lists, and notes whose they are. */
  #olderLists(outdated: Set<string>): FallbackLists {
    return async (exchange, markets, reason) => {
      const lists = (await this.#query.fallback?.(exchange, markets, reason)) ?? [];
      if (lists.length > 0) outdated.add(exchange.id);
      return lists;
    };
  }

  #answer(failed: ReadonlyMap<string, string>, outdated: ReadonlySet<string>): UniverseAnswer {
    const captured = [...this.#captured.values()];
    const answered = this.#exchanges.flatMap(({ exchange: { id } }) =>
      failed.has(id) ? [] : [[id, captured.filter(({ exchange }) => exchange === id)] as const],
    );
    return {
      symbols: new Map(answered.map(([id, instruments]) => [id, byMarket(instruments)])),
      wanted: new Map(answered.map(([id, instruments]) => [id, this.#subscriptionsOf(instruments)])),
      failed,
      outdated,
    };
  }

  /** Updates the captured instruments from one list; `selected` are the instruments of its exchange that the user selects. */
  #apply(list: SymbolList, selected: readonly Instrument[], turn: RefreshTurn): void {
    const rows = new Map(list.instruments.map((instrument) => [instrument.symbol, instrument]));
    const absent: Instrument[] = [];
    for (const [name, instrument] of this.#captured) {
      if (instrument.exchange !== list.exchange.id || instrument.market !== list.market) continue;
      const row = rows.get(instrument.symbol);
      if (row) this.#doubts.delete(name);
      if (!row) absent.push(instrument);
      else if (row.status === 'closed') this.#captured.delete(name);
      else this.#captured.set(name, row);
    }
    for (const instrument of selected)
      if (instrument.market === list.market) this.#captured.set(seriesKey(instrument), instrument);
    const isGood = this.#isGood(list);
    const kept = absent.filter((instrument) => !this.#isDelisted(seriesKey(instrument), isGood && turn === 'regular'));
    if (kept.length > 0 && turn !== 'repeat') this.#warnOfDoubts(list, kept);
  }

  /** Whether a list can show that a symbol is delisted: complete, readable and not much shorter than the last good one. */
  #isGood({ exchange, market, instruments, whole }: SymbolList): boolean {
    const key = `${exchange.id} ${market}`;
    const isGood = whole && instruments.length > 0 && instruments.length >= MIN_LENGTH * (this.#lengths.get(key) ?? 0) - FEW;
    if (isGood) this.#lengths.set(key, instruments.length);
    return isGood;
  }

  /** Registers that a list lacks a captured symbol; drops and returns true when it counts as delisted. */
  #isDelisted(name: string, counts: boolean): boolean {
    const doubt = this.#doubts.get(name) ?? { absences: 0, hasData: false };
    this.#doubts.set(name, doubt);
    if (doubt.hasData) doubt.absences = 0;
    doubt.hasData = false;
    if (counts) doubt.absences += 1;
    if (doubt.absences < ABSENCES) return false;
    this.#doubts.delete(name);
    this.#captured.delete(name);
    return true;
  }

  #warnOfDoubts({ exchange, market }: SymbolList, kept: readonly Instrument[]): void {
    const names = kept.slice(0, NAMED).map(({ symbol }) => symbol);
    const more = kept.length > NAMED ? ', …' : '';
    this.#listener.warn(
      `${exchange.id} ${market}: the instrument list lacks ${kept.length} captured ${kept.length === 1 ? 'symbol' : 'symbols'}: ${names.join(', ')}${more}; still subscribed, asking again`,
    );
  }

  /** Reports unreadable rows at every refresh; the first time they also make the run incomplete. */
  #report(reason: string): void {
    if (this.#reported.has(reason)) this.#listener.warn(reason);
    else this.#listener.incomplete(reason);
    this.#reported.add(reason);
  }

  /** Trading can resume before the next refresh. A halted instrument therefore stays subscribed. */
  #selects(instrument: Instrument): boolean {
    const { status, symbols, takes } = this.#query;
    const { exchange, market, symbol } = instrument;
    if (!takes(exchange, market, symbol)) return false;
    if (symbols || this.#captured.has(seriesKey(instrument))) return instrument.status !== 'closed';
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

/** Whether an exchange gives the last price of a symbol. */
async function hasPrice({ exchange, rest }: WatchedExchange, market: Market, name: string): Promise<boolean> {
  const symbol = exchange.markets.includes(market) ? exchange.nativeSymbol(name, market) : undefined;
  if (symbol === undefined || !exchange.lastPrice) return false;
  const request = exchange.lastPrice.request(market, symbol);
  try {
    const answer = await rest.answer(request);
    return answer !== undefined && exchange.lastPrice.parse(request, answer.body).price > 0;
  } catch (error) {
    if (!(error instanceof MdtoolError)) throw error;
    return false;
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
