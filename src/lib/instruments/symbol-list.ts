import { setTimeout as sleep } from 'node:timers/promises';
import type { Exchange, HttpRequest } from '../exchanges/exchange.js';
import { counted } from '../model/counted.js';
import { FailureError, UnreachableError } from '../model/errors.js';
import type { Instrument, Market } from '../model/records.js';
import { type Recording, readRecordings } from '../tape/recorded-bodies.js';
import type { HttpClient } from '../transport/http.js';
import {
  createLiveSource,
  createRecordedSource,
  type InstrumentList,
  listInstruments,
  type OnFallback,
  type RestSource,
} from './instruments.js';
import { inNotation, type Notation } from './notation.js';
import { SymbolChoice } from './symbol-choice.js';
import type { UniverseOptions } from './universe.js';

/** The selection of the user; an absent list selects everything. */
export type SymbolQuery = UniverseOptions & {
  readonly markets?: readonly Market[] | undefined;
  /** Any notation; the default filters do not apply to named symbols. */
  readonly symbols?: readonly string[] | undefined;
  readonly notation: Notation;
  /** Ends the listing early, with the lists read so far. */
  readonly signal?: AbortSignal | undefined;
};

/** Callbacks for problems that do not stop the listing. */
export type SymbolListener = {
  unreachable(reason: string, exchange: Exchange): void;
  incomplete(reason: string): void;
  note(text: string): void;
  /** Another list is used than the one that was asked for first. */
  fallback(text: string): void;
  /** Whether a list is unavailable: an unknown symbol may be on it. */
  readonly hasUnreachable: boolean;
};

/** An exchange and the source of its lists. */
export type SymbolSource = { readonly exchange: Exchange; readonly rest: RestSource };

/** All instruments of one market of an exchange, unfiltered. */
export type SymbolList = {
  readonly exchange: Exchange;
  readonly market: Market;
  /** Ordered by symbol, in native notation. */
  readonly instruments: readonly Instrument[];
  /** Whether the list is complete: a missing symbol is not listed. */
  readonly whole: boolean;
  /** Whether it is an older list from a store. */
  readonly stored?: boolean | undefined;
};

/** Returns stored lists for the markets of an exchange that does not answer, if there are any; `reason` is why. */
export type FallbackLists = (exchange: Exchange, markets: readonly Market[], reason: string) => Promise<readonly SymbolList[]>;

/** The lists to read. */
type ListQuery = Pick<SymbolQuery, 'markets' | 'signal'> & {
  readonly fallback?: FallbackLists | undefined;
  /** Milliseconds after which stored lists, if there are any, replace those of an exchange that does not answer. */
  readonly patience?: number | undefined;
};

/** Creates sources that request the exchanges. */
export function createLiveSymbolSources(
  exchanges: readonly Exchange[],
  client: HttpClient,
  origin: (exchange: Exchange, request: HttpRequest) => string,
): readonly SymbolSource[] {
  return exchanges.map((exchange) => ({
    exchange,
    rest: createLiveSource(
      exchange,
      client,
      (request) => origin(exchange, request),
      () => Date.now() * 1000,
    ),
  }));
}

/**
 * Creates sources that read tapes. Throws a `FailureError` when a tape belongs to another exchange than those in `asked`, or
 * when one of them has no tape.
 */
export async function createRecordedSymbolSources(
  paths: readonly string[],
  known: readonly Exchange[],
  asked: readonly Exchange[] | undefined,
  listener: SymbolListener,
): Promise<readonly SymbolSource[]> {
  const recordings = await readRecordings(paths);
  const wanted = asked ?? known;
  for (const [id, { path }] of recordings) {
    if (!wanted.some((exchange) => exchange.id === id))
      throw new FailureError(
        `${path}: expected a tape of ${wanted.map((exchange) => exchange.id).join(' or ')}, found a tape of ${id}`,
      );
  }
  const missing = asked?.find(({ id }) => !recordings.has(id));
  if (missing) throw new FailureError(`no tape of ${missing.id} among ${paths.join(', ')}`);
  return known.flatMap((exchange) => {
    const recording = recordings.get(exchange.id);
    if (!recording) return [];
    reportBroken(recording, listener);
    return [{ exchange, rest: createRecordedSource(recording.bodies) }];
  });
}

function reportBroken({ broken }: Recording, listener: SymbolListener): void {
  if (broken.length > 0) listener.incomplete(`${counted(broken.length, 'unreadable tape line')}: ${broken[0]}`);
}

/**
 * Yields the instruments that pass the filters, a batch per market, ordered by exchange, market and symbol. The listing goes
 * on without an unreachable exchange. Throws a `UsageError` on an unknown symbol.
 */
export function listSymbols(
  sources: readonly SymbolSource[],
  query: SymbolQuery,
  listener: SymbolListener,
): AsyncGenerator<readonly Instrument[]> {
  return chooseSymbols(readLists(sources, query, listener), query, listener);
}

/**
 * Yields the lists of all sources, a market at a time, ordered by exchange and market. Throws a `FailureError` when tapes
 * hold no list.
 */
export async function* readLists(
  sources: readonly SymbolSource[],
  query: ListQuery,
  listener: SymbolListener,
): AsyncGenerator<SymbolList> {
  let lists = 0;
  const started = sorted(sources, ({ exchange }) => exchange.id).map((source) => startLists(source, query, listener));
  for (const source of started) {
    for await (const list of listsOf(source, query, listener)) {
      lists += 1;
      yield list;
    }
  }
  if (lists === 0 && !query.signal?.aborted && sources.every(({ rest }) => !rest.live))
    throw new FailureError('no instrument lists on the tape');
}

/** Yields the instruments that pass the filters, a batch per list. Throws a `UsageError` on an unknown symbol. */
export async function* chooseSymbols(
  lists: AsyncIterable<SymbolList>,
  query: SymbolQuery,
  listener: SymbolListener,
): AsyncGenerator<readonly Instrument[]> {
  const choice = new SymbolChoice(query);
  for await (const list of lists) {
    yield choice.of(list.exchange, list.instruments).map((instrument) => inNotation(instrument, query.notation));
  }
  if (query.signal?.aborted) return listener.incomplete('stopped before all lists were read');
  if (!listener.hasUnreachable) choice.check();
  if (choice.hint !== undefined) listener.note(choice.hint);
}

/** The lists of an exchange, requested: one after the other, slow exchanges and markets would add up. */
type StartedLists = {
  readonly exchange: Exchange;
  readonly markets: readonly { readonly market: Market; readonly list: Promise<Listed> }[];
  /** Resolves when the patience is over. */
  readonly late: Promise<'late'>;
};
const LATE = 'the exchange is slow to list its instruments';
type Listed = InstrumentList | UnreachableError | undefined;

function startLists(
  { exchange, rest }: SymbolSource,
  { markets, signal, patience }: ListQuery,
  listener: SymbolListener,
): StartedLists {
  const asked = signal?.aborted ? [] : sorted(markets ?? exchange.markets, String);
  const started = asked.map((market) => {
    const list = listOf(exchange, market, rest, (text) => listener.fallback(`${exchange.id} ${market}: ${text}`));
    // It is awaited in its turn, which may be later than its failure.
    list.catch(() => {});
    return { market, list };
  });
  const late = patience === undefined ? new Promise<never>(() => {}) : sleep(patience, 'late' as const, { ref: false });
  return { exchange, markets: started, late };
}

/** Yields the lists of the markets of an exchange. When it becomes unreachable, stored lists replace the remaining ones. */
async function* listsOf(started: StartedLists, query: ListQuery, listener: SymbolListener): AsyncGenerator<SymbolList> {
  const { exchange, markets, late } = started;
  const { markets: asked, signal, fallback } = query;
  const olderThan = async (missing: readonly Market[], reason: string) => (await fallback?.(exchange, missing, reason)) ?? [];
  for (const [index, { market, list: listing }] of markets.entries()) {
    if (signal?.aborted) return;
    const unanswered = markets.slice(index).map((one) => one.market);
    const older = (await Promise.race([listing, late])) === 'late' ? await olderThan([market], LATE) : [];
    yield* older;
    if (older.length > 0) continue;
    const list = await listing;
    if (list instanceof UnreachableError) {
      if (signal?.aborted) return;
      const stored = await olderThan(unanswered, list.message);
      if (stored.length < unanswered.length) listener.unreachable(`${exchange.id}: ${list.message}`, exchange);
      return yield* stored;
    }
    if (!list && asked) throw new FailureError(`no list of ${exchange.id} ${market} instruments on the tape`);
    if (!list) continue;
    reportRejected(exchange, market, list, listener);
    yield { exchange, market, instruments: list.instruments, whole: list.whole };
  }
}

function reportRejected(exchange: Exchange, market: Market, { rejected }: InstrumentList, listener: SymbolListener): void {
  if (rejected.length > 0)
    listener.incomplete(`${exchange.id} ${market}: ${counted(rejected.length, 'unreadable instrument')}: ${rejected[0]}`);
}

async function listOf(
  exchange: Exchange,
  market: Market,
  rest: RestSource,
  onFallback: OnFallback,
): Promise<InstrumentList | UnreachableError | undefined> {
  try {
    return await listInstruments(exchange, market, rest, onFallback);
  } catch (error) {
    if (error instanceof UnreachableError) return error;
    throw error;
  }
}

function sorted<Value>(values: readonly Value[], nameOf: (value: Value) => string): Value[] {
  return [...values].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
}
