import type { Interfaces } from '@oclif/core';
import * as Flags from '@oclif/core/flags';
import {
  exchangesFlag,
  filesFlag,
  intervalsFlag,
  marketsFlag,
  storeFlags,
  symbolsFlag,
  timeFlags,
} from '../../../lib/cli/flags.js';
import { decimalFlag, fractionFlag, ladderFlags } from '../../../lib/cli/grid-flags.js';
import { DIRECTIONS, GRID_DEFAULTS, MARGIN_MODES, SIZINGS } from '../../../lib/grid/parameters.js';
import { SOLVABLE } from '../../../lib/grid/solve.js';
import { UsageError } from '../../../lib/model/errors.js';

const GRID = 'Grid';
const LIMITS = 'Limits and fees';

/** Flags of `grid plan`; an absent one takes the instrument's value or the default. */
export const gridFlags = {
  price: decimalFlag({
    summary: 'Start price of the grid.',
    defaultHelp: async () => 'the last traded price of the exchange',
    helpGroup: GRID,
  }),
  deposit: decimalFlag({ summary: 'Deposit, in quote units.', required: true, helpGroup: GRID }),
  leverage: decimalFlag({ summary: 'Leverage.', defaultHelp: async () => '20; 1 on spot', helpGroup: GRID }),
  ...ladderFlags(GRID),
  side: Flags.option({ summary: 'Direction.', options: DIRECTIONS, default: GRID_DEFAULTS.side, helpGroup: GRID })(),
  sizing: Flags.option({
    summary: 'Base amount: as if all levels filled at the start price (reference), or the full margin (full).',
    options: SIZINGS,
    default: GRID_DEFAULTS.sizing,
    helpGroup: GRID,
  })(),
  'margin-mode': Flags.option({
    summary: 'Margin at risk: the margin of the position, or the whole deposit.',
    options: MARGIN_MODES,
    default: GRID_DEFAULTS.marginMode,
    helpGroup: GRID,
  })(),
  filled: Flags.integer({ summary: 'Also show the position after this many filled levels.', helpValue: 'N' }),
  solve: Flags.option({
    summary: 'Find the limit of a parameter at which the grid survives, and plan with it.',
    options: SOLVABLE,
  })(),
  stress: filesFlag({
    summary: 'Run the grid over these candles from many starting points: files, `-` for NDJSON on stdin, or `store`.',
    helpValue: 'FILES',
  }),
  interval: intervalsFlag({ summary: 'Candle interval for --stress.', defaultHelp: async () => '1m of the store, all of files' }),
  ...timeFlags,
  ...storeFlags,
  exchange: exchangesFlag({ char: 'e', summary: 'Exchange that provides limits, tiers and the last price.', helpValue: 'NAME' }),
  market: marketsFlag({ summary: 'Market: spot or linear.', helpValue: 'NAME', defaultHelp: async () => 'linear' }),
  symbols: symbolsFlag({ char: 's', summary: 'Symbol, in any spelling.', helpValue: 'SYMBOL' }),
  'tick-size': decimalFlag({ summary: 'Price step.', defaultHelp: async () => "the instrument's", helpGroup: LIMITS }),
  'lot-size': decimalFlag({ summary: 'Amount step.', defaultHelp: async () => "the instrument's", helpGroup: LIMITS }),
  'min-amount': decimalFlag({ summary: 'Minimum order amount.', defaultHelp: async () => "the instrument's", helpGroup: LIMITS }),
  'max-amount': decimalFlag({ summary: 'Maximum order amount.', defaultHelp: async () => "the instrument's", helpGroup: LIMITS }),
  'min-notional': decimalFlag({
    summary: 'Minimum order value, in quote units.',
    defaultHelp: async () => "the instrument's",
    helpGroup: LIMITS,
  }),
  'max-leverage': decimalFlag({ summary: 'Maximum leverage.', defaultHelp: async () => "the instrument's", helpGroup: LIMITS }),
  'max-orders': Flags.integer({
    summary: 'Maximum number of open orders, the take profit included.',
    defaultHelp: async () => "the instrument's",
    helpValue: 'N',
    helpGroup: LIMITS,
  }),
  'price-band-up': fractionFlag({
    summary: 'Maximum distance of an order above the price.',
    defaultHelp: async () => "the instrument's",
    helpGroup: LIMITS,
  }),
  'price-band-down': fractionFlag({
    summary: 'Maximum distance of an order below the price.',
    defaultHelp: async () => "the instrument's",
    helpGroup: LIMITS,
  }),
  'maintenance-rate': fractionFlag({
    summary: 'Maintenance margin rate, instead of tiers.',
    defaultHelp: async () => 'the tiers of the exchange, else 0.5%',
    helpGroup: LIMITS,
  }),
  'maker-fee': fractionFlag({
    summary: 'Fee of maker fills.',
    defaultHelp: async () => "the instrument's, else 0.02%",
    helpGroup: LIMITS,
  }),
  'taker-fee': fractionFlag({
    summary: 'Fee of taker fills.',
    defaultHelp: async () => "the instrument's, else 0.06%",
    helpGroup: LIMITS,
  }),
};

export type GridFlags = Interfaces.InferredFlags<typeof gridFlags>;

const REPLACED_BY_LIST = ['levels', 'coverage', 'spacing'] as const;
const STRESS_FLAGS = ['interval', 'since', 'until'] as const;

/** Throws a `UsageError` if the command line (`given`) has flags that the plan does not use; configuration may do so. */
export function refuseUnused(flags: GridFlags, given: ReadonlySet<string>): void {
  const replaced = flags['spacing-list'] && REPLACED_BY_LIST.find((flag) => given.has(flag));
  if (replaced) throw new UsageError(`--${replaced} and --spacing-list cannot be used together`);
  const idle = flags.stress ? undefined : STRESS_FLAGS.find((flag) => given.has(flag));
  if (idle) throw new UsageError(`--${idle} needs --stress: it selects its candles`);
}
