import type { Exchange, HttpRequest } from '../exchanges/exchange.js';
import { FailureError, UnreachableError } from '../model/errors.js';
import type { Instrument, Market } from '../model/records.js';
import { type Recording, readRecordings } from '../tape/recorded-bodies.js';
import type { HttpClient } from '../transport/http.js';
import { type InstrumentList, listInstruments, liveSource, type RestSource, recordedSource } from './instruments.js';
import { inNotation, type Notation } from './notation.js';
import { SymbolChoice } from './symbol-choice.js';
import type { UniverseOptions } from './universe.js';

/** What the user asked for; absent lists mean everything there is. */
export type SymbolQuery = UniverseOptions & {
  readonly markets?: readonly Market[] | undefined;
  /** Any spelling; the default filters do not apply to what is named. */
  readonly symbols?: readonly string[] | undefined;
  readonly notation: Notation;
  /** Ends the listing early; what came until then is given. */
  readonly signal?: AbortSignal | undefined;
};

/** Told what does not stop the listing. */
export type SymbolListener = {
  unreachable(reason: string, exchange: Exchange): void;
  incomplete(reason: string): void;
  note(text: string): void;
  /** Whether some list could not be had: a symbol that was not found may stand there. */
  readonly hasUnreachable: boolean;
};

/** An exchange, and where its lists come from. */
export type SymbolSource = { readonly exchange: Exchange; readonly rest: RestSource };

/** What one exchange lists on one market, whatever was asked for. */
export type SymbolList = {
  readonly exchange: Exchange;
  readonly market: Market;
  /** In order of symbols, spelled natively. */
  readonly instruments: readonly Instrument[];
  /** Whether what is not in it is not listed. */
  readonly whole: boolean;
  /** Whether it is an older list, of a store. */
  readonly stored?: boolean | undefined;
};

/** Returns older lists of some markets, as far as there are any, when an exchange does not answer and why. */
export type FallbackLists = (exchange: Exchange, markets: readonly Market[], reason: string) => Promise<readonly SymbolList[]>;

/** Which lists are read. */
export type ListQuery = Pick<SymbolQuery, 'markets' | 'signal'> & { readonly fallback?: FallbackLists | undefined };

/** Returns the exchanges themselves as sources. */
export function liveSymbolSources(
  exchanges: readonly Exchange[],
  client: HttpClient,
  origin: (exchange: Exchange, request: HttpRequest) => string,
): readonly SymbolSource[] {
  return exchanges.map((exchange) => ({
    exchange,
    rest: liveSource(
      client,
      (request) => origin(exchange, request),
      () => Date.now() * 1000,
    ),
  }));
}

/**
 * Returns tapes as sources. Throws a `FailureError` when a tape is of an exchange that was not asked for, or when one
 * that was asked for has no tape.
 */
export async function recordedSymbolSources(
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
        `${path}: expected a tape of ${wanted.map((exchange) => exchange.id).join(' or ')}, is one of ${id}`,
      );
  }
  const missing = asked?.find(({ id }) => !recordings.has(id));
  if (missing) throw new FailureError(`expected a tape of ${missing.id} among ${paths.join(', ')}, found none`);
  return known.flatMap((exchange) => {
    const recording = recordings.get(exchange.id);
    if (!recording) return [];
    tellBroken(recording, listener);
    return [{ exchange, rest: recordedSource(recording.bodies) }];
  });
}

function tellBroken({ broken }: Recording, listener: SymbolListener): void {
  if (broken.length > 0) listener.incomplete(`${counted(broken.length, 'tape line')} could not be read: ${broken[0]}`);
}

/**
 * Yields the instruments that pass the filters, a batch per market, in order of exchange, market and symbol. An exchange
 * that cannot be reached does not keep the others from being listed. Throws a `UsageError` on a symbol nobody lists.
 */
export function listSymbols(
  sources: readonly SymbolSource[],
  query: SymbolQuery,
  listener: SymbolListener,
): AsyncGenerator<readonly Instrument[]> {
  return chooseSymbols(readLists(sources, query, listener), query, listener);
}

/**
 * Yields the lists of all sources, a market at a time, in order of exchange and market. Throws a `FailureError` when tapes
 * hold none of them.
 */
export async function* readLists(
  sources: readonly SymbolSource[],
  query: ListQuery,
  listener: SymbolListener,
): AsyncGenerator<SymbolList> {
  let lists = 0;
  for (const source of sorted(sources, ({ exchange }) => exchange.id)) {
    for await (const list of listsOf(source, query, listener)) {
      lists += 1;
      yield list;
    }
  }
  if (lists === 0 && !query.signal?.aborted && sources.every(({ rest }) => !rest.live))
    throw new FailureError('expected lists of instruments on the tape, found none');
}

/** Yields the instruments of lists that pass the filters, a batch per list. Throws a `UsageError` on a symbol nobody lists. */
export async function* chooseSymbols(
  lists: AsyncIterable<SymbolList>,
  query: SymbolQuery,
  listener: SymbolListener,
): AsyncGenerator<readonly Instrument[]> {
  const choice = new SymbolChoice(query);
  for await (const list of lists) {
    yield choice.of(list.exchange, list.instruments).map((instrument) => inNotation(instrument, query.notation));
  }
  if (query.signal?.aborted) return listener.incomplete('stopped before every list was read');
  if (!listener.hasUnreachable) choice.check();
  if (choice.hint !== undefined) listener.note(choice.hint);
}

/** Yields the lists of an exchange's markets; one that cannot be reached ends with what it gave and older lists. */
async function* listsOf(
  { exchange, rest }: SymbolSource,
  { markets: asked, signal, fallback }: ListQuery,
  listener: SymbolListener,
): AsyncGenerator<SymbolList> {
  const markets = sorted(asked ?? exchange.markets, String);
  for (const [index, market] of markets.entries()) {
    if (signal?.aborted) return;
    const list = await answerOf(exchange, market, rest);
    if (list instanceof UnreachableError) {
      if (signal?.aborted) return;
      const unanswered = markets.slice(index);
      const older = (await fallback?.(exchange, unanswered, list.message)) ?? [];
      if (older.length < unanswered.length) listener.unreachable(`${exchange.id}: ${list.message}`, exchange);
      return yield* older;
    }
    if (!list && asked) throw new FailureError(`expected a list of ${exchange.id} ${market} instruments on the tape, found none`);
    if (!list) continue;
    tellRejected(exchange, market, list, listener);
    yield { exchange, market, instruments: list.instruments, whole: list.whole };
  }
}

function tellRejected(exchange: Exchange, market: Market, { rejected }: InstrumentList, listener: SymbolListener): void {
  if (rejected.length > 0)
    listener.incomplete(`${exchange.id} ${market}: ${counted(rejected.length, 'instrument')} could not be read: ${rejected[0]}`);
}

async function answerOf(
  exchange: Exchange,
  market: Market,
  rest: RestSource,
): Promise<InstrumentList | UnreachableError | undefined> {
  try {
    return await listInstruments(exchange, market, rest);
  } catch (error) {
    if (error instanceof UnreachableError) return error;
    throw error;
  }
}

function sorted<Value>(values: readonly Value[], nameOf: (value: Value) => string): Value[] {
  return [...values].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
