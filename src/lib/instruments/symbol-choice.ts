import type { Exchange } from '../exchanges/exchange.js';
import { nameKey } from '../exchanges/native-names.js';
import { UsageError } from '../model/errors.js';
import type { Instrument } from '../model/records.js';
import { asQuestion, nearest } from '../model/suggestion.js';
import { chooseUniverse, type Removed, type UniverseOptions } from './universe.js';

const FILTERS = ['status', 'kind', 'quote', 'match'] as const satisfies readonly (keyof Removed)[];
const UNFILTERED: UniverseOptions = { quote: 'all', kind: 'all', status: 'all' };

/** Selects instruments from lists, by the names or the filters of the user. */
export class SymbolChoice {
  readonly #named: NamedSymbols | undefined;
  readonly #filters: UniverseOptions;
  readonly #removed = { quote: 0, kind: 0, status: 0, match: 0 };
  #lists = 0;
  #chosen = 0;

  constructor(query: UniverseOptions & { readonly symbols?: readonly string[] | undefined }) {
    this.#named = query.symbols && new NamedSymbols(query.symbols);
    this.#filters = this.#named ? { ...UNFILTERED, ...withoutMissing(query) } : query;
  }

  /** Returns the selected instruments of one list. */
  of(exchange: Exchange, instruments: readonly Instrument[]): readonly Instrument[] {
    this.#lists += 1;
    const named = this.#named ? this.#named.of(exchange, instruments) : instruments;
    const universe = chooseUniverse(named, this.#filters);
    for (const name of FILTERS) this.#removed[name] += universe.removed[name];
    this.#chosen += universe.instruments.length;
    return universe.instruments;
  }

  /** Named symbols that no list has so far. */
  get missing(): readonly string[] {
    return this.#named?.missing ?? [];
  }

  /** Throws a `UsageError` for named symbols that no list has, except those in `known`. */
  check(known: ReadonlySet<string> = new Set()): void {
    this.#named?.check(known);
  }

  /** Reason why no instrument is selected; undefined when one is, or without a list. */
  get hint(): string | undefined {
    return this.#lists > 0 && this.#chosen === 0 ? emptyHint(this.#removed) : undefined;
  }
}

/** The symbols that the user named, and those of them that no list had so far. */
class NamedSymbols {
  readonly #missing: Set<string>;
  readonly #spellings: readonly string[];
  /** Names on the lists, for suggestions. */
  readonly #listed = new Set<string>();
  /** Exchange and market of each list. */
  readonly #lists = new Set<string>();

  constructor(spellings: readonly string[]) {
    this.#spellings = spellings;
    this.#missing = new Set(spellings);
  }

  get missing(): readonly string[] {
    return [...this.#missing];
  }

  /** Returns the named instruments of one list. */
  of(exchange: Exchange, instruments: readonly Instrument[]): readonly Instrument[] {
    const [first] = instruments;
    if (!first) return [];
    this.#lists.add(`${exchange.id} ${first.market}`);
    for (const { symbol } of instruments) this.#listed.add(symbol);
    // Two spellings may name one symbol, and neither is unknown then.
    const wanted = new Map<string, string[]>();
    for (const spelling of this.#spellings) {
      const name = nameKey(exchange.nativeSymbol(spelling, first.market) ?? '');
      wanted.set(name, [...(wanted.get(name) ?? []), spelling]);
    }
    return instruments.filter(({ symbol }) => {
      const spellings = wanted.get(nameKey(symbol));
      for (const spelling of spellings ?? []) this.#missing.delete(spelling);
      return spellings !== undefined;
    });
  }

  check(known: ReadonlySet<string>): void {
    const unknown = this.missing.filter((name) => !known.has(name));
    if (unknown.length === 0) return;
    throw new UsageError(unknownSymbols(unknown, [...this.#lists], this.#listed));
  }
}

/** Maximum number of unknown symbols that a message names. */
const NAMED = 5;
const LIST_ALL = 'mdtool symbols --quote all --kind all --status all lists every name';

/** Returns the message about symbols that none of `lists` has; `listed` are the names on those lists, for a suggestion. */
export function unknownSymbols(names: readonly string[], lists: readonly string[], listed: Iterable<string>): string {
  const where = lists.length > 0 ? ` on ${lists.join(', ')}` : '';
  const [first = '', ...others] = names;
  if (others.length > 0) {
    const more = names.length > NAMED ? ', …' : '';
    return `${names.length} unknown symbols${where}: ${names.slice(0, NAMED).join(', ')}${more}; ${LIST_ALL}`;
  }
  // `sol/usdt` and `SOL-USDT` are the notation of another market or tool.
  const near = nearest(first.toUpperCase().replace(/[-_/ ]/g, ''), listed);
  return `unknown symbol ${first}${where}${asQuestion(near) || `; ${LIST_ALL}`}`;
}

function emptyHint(removed: Removed): string {
  const reasons = FILTERS.filter((name) => removed[name] > 0).map((name) => `--${name} ${removed[name]}`);
  if (reasons.length === 0) return 'no instruments: the lists are empty';
  return `no instrument passes the filters; removed by ${reasons.join(', ')} (use all to disable a filter)`;
}

function withoutMissing<Values extends object>(values: Values): Partial<Values> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<Values>;
}
