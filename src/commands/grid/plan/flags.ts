import { Flags, type Interfaces } from '@oclif/core';
import {
  exchangesFlag,
  filesFlag,
  fractionOf,
  intervalsFlag,
  listOf,
  marketsFlag,
  storeFlag,
  symbolsFlag,
  timeFlags,
} from '../../../lib/cli/flags.js';
import { DIRECTIONS, GRID_DEFAULTS, MARGIN_MODES, SIZINGS, SPACINGS } from '../../../lib/grid/parameters.js';
import { SOLVABLE } from '../../../lib/grid/solve.js';
import { UsageError } from '../../../lib/model/errors.js';
import { finite } from '../../../lib/model/numbers.js';
import type { Exact } from '../../../lib/model/ticks.js';

const fractionFlag = Flags.custom<Exact>({ helpValue: 'PERCENT', parse: async (text) => fractionOf(text) });
const decimalFlag = Flags.custom<string>({
  helpValue: 'N',
  parse: async (text) => {
    if (finite(text) === undefined) throw new UsageError(`expected a number, was "${text}"`);
    return text;
  },
});
const distancesFlag = Flags.custom<readonly Exact[]>({
  helpValue: 'LIST',
  parse: async (text) => listOf(text).map(fractionOf),
});

const GRID = 'Grid';
const LIMITS = 'Limits';

/** The flags of `grid plan` beside input and output; what is absent takes the instrument's value or the default. */
export const gridFlags = {
  price: decimalFlag({
    summary: 'Price where the grid starts.',
    defaultHelp: async () => "the exchange's last",
    helpGroup: GRID,
  }),
  deposit: decimalFlag({ summary: 'What is at stake, in quote units.', required: true, helpGroup: GRID }),
  leverage: decimalFlag({
    summary: 'Leverage.',
    defaultHelp: async () => `${GRID_DEFAULTS.leverage}, on spot 1`,
    helpGroup: GRID,
  }),
  levels: Flags.integer({
    summary: 'Number of orders.',
    defaultHelp: async () => `${GRID_DEFAULTS.levels}`,
    helpValue: 'N',
    helpGroup: GRID,
  }),
  coverage: fractionFlag({
    summary: 'Distance from the first to the last level.',
    defaultHelp: async () => '40%',
    helpGroup: GRID,
  }),
  multiplier: decimalFlag({
    summary: 'Amount of a level over that of the one before.',
    defaultHelp: async () => `${GRID_DEFAULTS.multiplier}`,
    helpGroup: GRID,
  }),
  'take-profit': fractionFlag({
    summary: 'Distance of the take profit from the average price.',
    defaultHelp: async () => '2%',
    helpGroup: GRID,
  }),
  side: Flags.option({ summary: 'Direction.', options: DIRECTIONS, default: GRID_DEFAULTS.side, helpGroup: GRID })(),
  spacing: Flags.option({
    summary: 'Spacing of prices.',
    defaultHelp: async () => 'arithmetic',
    options: SPACINGS,
    helpGroup: GRID,
  })(),
  'spacing-list': distancesFlag({
    summary: 'Distances of levels 1, 2, … from the price, instead of --levels, --coverage and --spacing.',
    exclusive: ['levels', 'coverage', 'spacing'],
    helpGroup: GRID,
  }),
  sizing: Flags.option({
    summary: 'reference: amounts as if all filled at the start price; full: all of deposit × leverage.',
    options: SIZINGS,
    default: GRID_DEFAULTS.sizing,
    helpGroup: GRID,
  })(),
  'margin-mode': Flags.option({
    summary: 'What the position may lose: its own margin, or the deposit.',
    options: MARGIN_MODES,
    default: GRID_DEFAULTS.marginMode,
    helpGroup: GRID,
  })(),
  filled: Flags.integer({ summary: 'Show the position as if so many levels had filled.', helpValue: 'N' }),
  solve: Flags.option({ summary: 'Look for the limit that survives, and plan with it.', options: SOLVABLE })(),
  stress: filesFlag({
    summary: 'Start the grid again and again on these candles: files, `-` for NDJSON on stdin, or `store`.',
    helpValue: 'FILES|store',
  }),
  interval: intervalsFlag({
    summary: 'Interval of the candles for --stress.',
    defaultHelp: async () => '1m of the store, all of files',
  }),
  ...timeFlags,
  store: storeFlag,
  exchange: exchangesFlag({ summary: 'Exchange whose limits, tiers and last price are taken.', helpValue: 'NAME' }),
  market: marketsFlag({ summary: 'Its market: spot or linear.', helpValue: 'NAME', defaultHelp: async () => 'linear' }),
  symbols: symbolsFlag({ summary: 'The symbol, in any spelling.', helpValue: 'SYMBOL' }),
  'tick-size': decimalFlag({ summary: 'Price step.', helpGroup: LIMITS }),
  'lot-size': decimalFlag({ summary: 'Amount step.', helpGroup: LIMITS }),
  'min-amount': decimalFlag({ summary: 'Smallest order.', helpGroup: LIMITS }),
  'max-amount': decimalFlag({ summary: 'Largest order.', helpGroup: LIMITS }),
  'min-notional': decimalFlag({ summary: 'Smallest order in quote units.', helpGroup: LIMITS }),
  'max-leverage': decimalFlag({ summary: 'Largest leverage.', helpGroup: LIMITS }),
  'max-orders': Flags.integer({ summary: 'Open orders allowed, the take profit included.', helpValue: 'N', helpGroup: LIMITS }),
  'price-band-up': fractionFlag({ summary: 'How far above the price an order may lie.', helpGroup: LIMITS }),
  'price-band-down': fractionFlag({ summary: 'How far below the price an order may lie.', helpGroup: LIMITS }),
  'maintenance-rate': fractionFlag({
    summary: 'Maintenance margin, instead of tiers.',
    defaultHelp: async () => '0.5%',
    helpGroup: LIMITS,
  }),
  'maker-fee': fractionFlag({ summary: 'Fee of resting orders.', defaultHelp: async () => '0.02%', helpGroup: LIMITS }),
  'taker-fee': fractionFlag({ summary: 'Fee of market orders.', defaultHelp: async () => '0.06%', helpGroup: LIMITS }),
};

export type GridFlags = Interfaces.InferredFlags<typeof gridFlags>;

const STRESS_FLAGS = ['interval', 'since', 'until'] as const;

/** Throws a `UsageError` when the command line (`given`) chooses candles that nothing looks at; configuration may. */
export function refuseIdle(flags: GridFlags, given: ReadonlySet<string>): void {
  const idle = flags.stress ? undefined : STRESS_FLAGS.find((flag) => given.has(flag));
  if (idle) throw new UsageError(`--${idle}: chooses the candles of --stress, which is not given`);
}
