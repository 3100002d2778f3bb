import { Flags } from '@oclif/core';
import { type CandleOptions, EMPTIES, OPENS } from '../../lib/candles/options.js';
import {
  durationFlag,
  exchangesFlag,
  intervalsFlag,
  marketsFlag,
  storeFlag,
  symbolsFlag,
  timeFlags,
} from '../../lib/cli/flags.js';
import { amountUnit } from '../../lib/cli/record-selection.js';
import { parseIntervals } from '../../lib/model/interval.js';
import { CANDLE_SOURCES } from '../../lib/model/market-records.js';
import { SECOND } from '../../lib/model/time.js';

/** How candles are built, of what, and how they are shown. */
export const candleFlags = {
  interval: intervalsFlag({
    summary: 'Intervals, separated by commas: whole seconds from 1s to 1w. Weeks start on Monday, 00:00 UTC.',
    default: async () => ['1m'],
    defaultHelp: async () => '1m',
  }),
  open: Flags.option({
    summary: 'Open at the first trade, or at the previous close, as the exchanges publish candles.',
    options: OPENS,
    default: 'first-trade' as const,
  })(),
  empty: Flags.option({
    summary: 'Intervals without trades: leave them out, carry the close forward, or give them no prices.',
    options: EMPTIES,
    default: 'skip' as const,
  })(),
  grace: durationFlag({
    summary: 'How long after its end a candle still takes trades, from stdin; files and the store are taken whole.',
    default: async () => SECOND,
    defaultHelp: async () => '1s',
  }),
  source: Flags.option({
    summary: "Build from trades, or from the exchange's own smaller candles.",
    options: CANDLE_SOURCES,
    default: 'trades' as const,
  })(),
  exchange: exchangesFlag(),
  market: marketsFlag(),
  symbols: symbolsFlag(),
  ...timeFlags,
  store: storeFlag,
  wait: Flags.boolean({ summary: 'When a run over this store is going on, wait for it instead of leaving it to it.' }),
  'fail-on-gaps': Flags.boolean({ summary: 'Exit 3 when a candle is incomplete.' }),
  plot: Flags.boolean({ summary: 'Draw the last candles of the symbol with the greatest turnover.', helpGroup: 'Output' }),
  svg: Flags.string({ summary: 'Also draw them into this file.', helpValue: 'FILE', helpGroup: 'Output' }),
};

export type CandleFlags = Omit<CandleOptions, 'intervals' | 'amountUnit'> & { readonly interval: readonly string[] };

/** Returns how candles are to be built. Throws a `UsageError` for an interval that cannot be one. */
export function candleOptionsOf({ interval, open, empty, grace, source }: CandleFlags): CandleOptions {
  return { intervals: parseIntervals(interval), open, empty, grace, source, amountUnit };
}
