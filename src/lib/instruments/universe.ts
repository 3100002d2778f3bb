import type { Instrument, InstrumentKind, InstrumentStatus } from '../model/records.js';

/** A list of what to keep, or `all`. */
type Filter<Value extends string> = readonly Value[] | 'all';

/** What the user chose; absent filters have the default of the instrument's market. */
export type UniverseOptions = {
  readonly quote?: Filter<string> | undefined;
  readonly kind?: Filter<InstrumentKind> | undefined;
  readonly status?: Filter<InstrumentStatus> | undefined;
  readonly match?: RegExp | undefined;
};

/** How many instruments each filter removed, of those that the filters before it had left. */
export type Removed = { readonly quote: number; readonly kind: number; readonly status: number; readonly match: number };

export type Universe = { readonly instruments: readonly Instrument[]; readonly removed: Removed };

/** By default: USDT pairs on spot, USDT perpetuals on linear, perpetuals on inverse; everywhere only what trades. */
const DEFAULTS = {
  spot: { quote: ['USDT'], kind: 'all' },
  linear: { quote: ['USDT'], kind: ['perpetual'] },
  inverse: { quote: 'all', kind: ['perpetual'] },
} as const satisfies Record<string, { quote: Filter<string>; kind: Filter<InstrumentKind> }>;

/** Returns the instruments that pass every filter, in the order given, and what each filter removed. */
export function chooseUniverse(instruments: readonly Instrument[], options: UniverseOptions): Universe {
  const removed = { quote: 0, kind: 0, status: 0, match: 0 };
  const passes = {
    status: ({ status }: Instrument) => keeps(options.status ?? ['trading'], status),
    kind: ({ market, kind }: Instrument) => keeps(options.kind ?? DEFAULTS[market].kind, kind),
    quote: ({ market, quote }: Instrument) => keeps(options.quote ?? DEFAULTS[market].quote, quote),
    match: ({ symbol }: Instrument) => options.match?.test(symbol) ?? true,
  };
  const kept = instruments.filter((instrument) => {
    for (const [name, pass] of Object.entries(passes)) {
      if (pass(instrument)) continue;
      removed[name as keyof Removed] += 1;
      return false;
    }
    return true;
  });
  return { instruments: kept, removed };
}

function keeps<Value extends string>(filter: Filter<Value>, value: Value): boolean {
  return filter === 'all' || filter.includes(value);
}
