import type { Exchange } from '../exchanges/exchange.js';
import { FailureError, UnreachableError, UsageError } from '../model/errors.js';
import type { Instrument, Market } from '../model/records.js';
import type { HttpClient } from '../transport/http.js';
import { type InstrumentList, listInstruments, liveSource, type RestSource, recordedSource } from './instruments.js';
import { inNotation, type Notation } from './notation.js';
import { type Recording, readRecordings } from './recorded-bodies.js';
import { chooseUniverse, type Removed, type UniverseOptions } from './universe.js';

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
};

/** An exchange, and where its lists come from. */
export type SymbolSource = { readonly exchange: Exchange; readonly rest: RestSource };

/** Returns the exchanges themselves as sources. */
export function liveSymbolSources(
  exchanges: readonly Exchange[],
  client: HttpClient,
  origin: (exchange: Exchange) => string,
): readonly SymbolSource[] {
  return exchanges.map((exchange) => ({ exchange, rest: liveSource(client, origin(exchange), () => Date.now() * 1000) }));
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
export async function* listSymbols(
  sources: readonly SymbolSource[],
  query: SymbolQuery,
  listener: SymbolListener,
): AsyncGenerator<readonly Instrument[]> {
  const named = query.symbols && new NamedSymbols(query.symbols);
  const filters = named ? { ...UNFILTERED, ...withoutMissing(query) } : query;
  const removed = { quote: 0, kind: 0, status: 0, match: 0 };
  let lists = 0;
  let listed = 0;
  for (const source of sorted(sources, ({ exchange }) => exchange.id)) {
    for await (const instruments of marketsOf(source, query, listener)) {
      lists += 1;
      const universe = chooseUniverse(named ? named.of(source.exchange, instruments) : instruments, filters);
      for (const name of FILTERS) removed[name] += universe.removed[name];
      listed += universe.instruments.length;
      yield universe.instruments.map((instrument) => inNotation(instrument, query.notation));
    }
  }
  if (query.signal?.aborted) return listener.incomplete('stopped before every list was read');
  if (lists === 0 && sources.every(({ rest }) => !rest.live))
    throw new FailureError('expected lists of instruments on the tape, found none');
  named?.check();
  if (lists > 0 && listed === 0) listener.note(emptyHint(removed));
}

const FILTERS = ['status', 'kind', 'quote', 'match'] as const satisfies readonly (keyof Removed)[];
const UNFILTERED: UniverseOptions = { quote: 'all', kind: 'all', status: 'all' };

/** Yields the lists of an exchange's markets; one that cannot be reached ends with what it gave. */
async function* marketsOf(
  { exchange, rest }: SymbolSource,
  { markets: asked, signal }: SymbolQuery,
  listener: SymbolListener,
): AsyncGenerator<readonly Instrument[]> {
  for (const market of sorted(asked ?? exchange.markets, String)) {
    if (signal?.aborted) return;
    let list: InstrumentList | undefined;
    try {
      list = await listInstruments(exchange, market, rest);
    } catch (error) {
      if (!(error instanceof UnreachableError)) throw error;
      if (signal?.aborted) return;
      return listener.unreachable(`${exchange.id}: ${error.message}`, exchange);
    }
    if (!list && asked) throw new FailureError(`expected a list of ${exchange.id} ${market} instruments on the tape, found none`);
    if (list && list.rejected.length > 0)
      listener.incomplete(
        `${exchange.id} ${market}: ${counted(list.rejected.length, 'instrument')} could not be read: ${list.rejected[0]}`,
      );
    if (list) yield list.instruments;
  }
}

/** The symbols that the user named, and which of them have been seen. */
class NamedSymbols {
  readonly #missing: Set<string>;
  readonly #spellings: readonly string[];

  constructor(spellings: readonly string[]) {
    this.#spellings = spellings;
    this.#missing = new Set(spellings);
  }

  /** Returns those of one market's instruments that were named. */
  of(exchange: Exchange, instruments: readonly Instrument[]): readonly Instrument[] {
    const [first] = instruments;
    if (!first) return [];
    const wanted = new Map(this.#spellings.map((spelling) => [exchange.nativeSymbol(spelling, first.market), spelling]));
    return instruments.filter(({ symbol }) => {
      const spelling = wanted.get(symbol);
      if (spelling !== undefined) this.#missing.delete(spelling);
      return spelling !== undefined;
    });
  }

  check(): void {
    if (this.#missing.size === 0) return;
    const names = [...this.#missing].slice(0, 5).join(', ');
    throw new UsageError(
      `--symbols: ${counted(this.#missing.size, 'symbol')} not listed there: ${names}; mdtool symbols --quote all --kind all --status all shows every name`,
    );
  }
}

function emptyHint(removed: Removed): string {
  const reasons = FILTERS.filter((name) => removed[name] > 0).map((name) => `--${name} ${removed[name]}`);
  if (reasons.length === 0) return 'no instruments: the lists are empty';
  return `no instrument passes the filters; removed by ${reasons.join(', ')} (the value all lifts a filter)`;
}

function withoutMissing<Values extends object>(values: Values): Partial<Values> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<Values>;
}

function sorted<Value>(values: readonly Value[], nameOf: (value: Value) => string): Value[] {
  return [...values].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
