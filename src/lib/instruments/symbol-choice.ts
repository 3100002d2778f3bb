import type { Exchange } from '../exchanges/exchange.js';
import { UsageError } from '../model/errors.js';
import type { Instrument } from '../model/records.js';
import { chooseUniverse, type Removed, type UniverseOptions } from './universe.js';

const FILTERS = ['status', 'kind', 'quote', 'match'] as const satisfies readonly (keyof Removed)[];
const UNFILTERED: UniverseOptions = { quote: 'all', kind: 'all', status: 'all' };

/** What the user chose of the lists: by name, or by filters. */
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

  /** Returns those of one market's instruments that are chosen. */
  of(exchange: Exchange, instruments: readonly Instrument[]): readonly Instrument[] {
    this.#lists += 1;
    const named = this.#named ? this.#named.of(exchange, instruments) : instruments;
    const universe = chooseUniverse(named, this.#filters);
    for (const name of FILTERS) this.#removed[name] += universe.removed[name];
    this.#chosen += universe.instruments.length;
    return universe.instruments;
  }

  /** Throws a `UsageError` when a symbol was named that no list had. */
  check(): void {
    this.#named?.check();
  }

  /** Why nothing was chosen, undefined when something was and when there was no list. */
  get hint(): string | undefined {
    return this.#lists > 0 && this.#chosen === 0 ? emptyHint(this.#removed) : undefined;
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
      `--symbols: ${this.#missing.size} ${this.#missing.size === 1 ? 'symbol' : 'symbols'} not listed there: ${names}; mdtool symbols --quote all --kind all --status all shows every name`,
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
