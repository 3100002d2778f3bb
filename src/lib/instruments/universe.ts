import type { Instrument, InstrumentKind, InstrumentStatus } from '../model/records.js';

/** The values to keep, or `all`. */
type Filter<Value extends string> = readonly Value[] | 'all';

/** Filters of the user; an absent filter has the default of the market. */
export type UniverseOptions = {
  readonly quote?: Filter<string> | undefined;
  readonly kind?: Filter<InstrumentKind> | undefined;
  readonly status?: Filter<InstrumentStatus> | undefined;
  readonly match?: RegExp | undefined;
};

/** Number of instruments that each filter removed, after the filters before it. */
export type Removed = { readonly quote: number; readonly kind: number; readonly status: number; readonly match: number };

type Universe = { readonly instruments: readonly Instrument[]; readonly removed: Removed };

/** Defaults: USDT pairs on spot, USDT perpetuals on linear, perpetuals on inverse; instruments with status `trading` only. */
const DEFAULTS = {
  spot: { quote: ['USDT'], kind: 'all' },
  linear: { quote: ['USDT'], kind: ['perpetual'] },
  inverse: { quote: 'all', kind: ['perpetual'] },
} as const satisfies Record<string, { quote: Filter<string>; kind: Filter<InstrumentKind> }>;

/** Returns the instruments that pass every filter, in the same order, and the number that each filter removed. */
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
