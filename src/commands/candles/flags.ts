import * as Flags from '@oclif/core/flags';
import { type CandleOptions, EMPTIES, OPENS } from '../../lib/candles/options.js';
import {
  durationFlag,
  exchangesFlag,
  intervalsFlag,
  marketsFlag,
  storeFlags,
  symbolsFlag,
  timeFlags,
} from '../../lib/cli/flags.js';
import { storeWorkersFlag } from '../../lib/cli/queue-flags.js';
import { amountUnit } from '../../lib/cli/record-selection.js';
import { waitFlag } from '../../lib/cli/store-step.js';
import { isPiped } from '../../lib/input/paths.js';
import { UsageError } from '../../lib/model/errors.js';
import { parseIntervals } from '../../lib/model/interval.js';
import { CANDLE_SOURCES } from '../../lib/model/market-records.js';
import { SECOND } from '../../lib/model/time.js';

/** Flags of `candles`. */
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
    summary: 'Intervals without trades: skip them, repeat the last close, or emit them without prices.',
    options: EMPTIES,
    default: 'skip' as const,
  })(),
  grace: durationFlag({
    summary: 'How long a candle accepts trades after its end, from stdin. Files and the store are read as a whole.',
    default: async () => SECOND,
    defaultHelp: async () => '1s',
  }),
  source: Flags.option({
    summary: "Build from trades, or from the exchange's own shorter candles.",
    options: CANDLE_SOURCES,
    default: 'trades' as const,
  })(),
  exchange: exchangesFlag(),
  market: marketsFlag(),
  symbols: symbolsFlag(),
  ...timeFlags,
  ...storeFlags,
  wait: waitFlag,
  workers: storeWorkersFlag(),
  'fail-on-gaps': Flags.boolean({ summary: 'Exit 3 when a candle is incomplete.' }),
  plot: Flags.boolean({
    summary: 'Draw the last candles of the named symbols, else of the one with the largest turnover.',
    helpGroup: 'Output',
  }),
  follow: Flags.boolean({ summary: 'Draw them again as candles close; INPUT is -.', dependsOn: ['plot'], helpGroup: 'Output' }),
  html: Flags.string({
    summary: 'Also write the charts, with the features and signals of the store or of INPUT, to this self-contained page.',
    helpValue: 'FILE',
    helpGroup: 'Output',
  }),
  svg: Flags.string({ summary: 'Also write the chart to this SVG file.', helpValue: 'FILE', helpGroup: 'Output' }),
};

type CandleFlags = Omit<CandleOptions, 'intervals' | 'amountUnit'> & { readonly interval: readonly string[] };

/** Returns the options of the flags. Throws a `UsageError` for an invalid interval. */
export function candleOptionsOf({ interval, open, empty, grace, source }: CandleFlags): CandleOptions {
  return { intervals: parseIntervals(interval), open, empty, grace, source, amountUnit };
}

/** Throws a `UsageError` where there is nothing to follow, or no terminal to draw on. */
export function requireFollowable({ follow }: { readonly follow: boolean }, input: readonly string[]): void {
  if (!follow) return;
  if (!isPiped(input)) throw new UsageError('--follow draws what arrives: pipe a stream into mdtool candles - --plot --follow');
  if (!process.stderr.isTTY) throw new UsageError('--follow draws on a terminal, and stderr is none');
}
