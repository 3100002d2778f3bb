import type { Interfaces } from '@oclif/core';
import * as Flags from '@oclif/core/flags';
import { type Axis, parseAxis } from '../../lib/backtest/study/axes.js';
import { FILL_RULES } from '../../lib/backtest/terms.js';
import { durationFlag, fractionOf, listOf, sizeFlag } from '../../lib/cli/flags.js';
import { decimalFlag, fractionFlag, ladderFlags } from '../../lib/cli/grid-flags.js';
import { workersFlag } from '../../lib/cli/queue-flags.js';
import { DIRECTIONS, MARGIN_MODES, SIZINGS } from '../../lib/grid/parameters.js';
import { UsageError } from '../../lib/model/errors.js';
import type { MaintenanceTier } from '../../lib/model/maintenance-tier.js';
import { finite } from '../../lib/model/numbers.js';
import { MINUTE, parseDuration, SECOND } from '../../lib/model/time.js';

/** Metrics to rank by; for all of them, higher is better. */
const RANKS = ['net_profit', 'return_pct', 'sharpe', 'sortino', 'calmar', 'profit_factor', 'expectancy', 'win_rate_pct'] as const;

/** What to do with gaps in the data: refuse it, stop at the first gap, or ignore gaps. */
const GAP_POLICIES = ['fail', 'halt', 'ignore'] as const;

const numberFlag = Flags.custom<number>({
  helpValue: 'N',
  parse: async (text) => {
    const value = finite(text);
    if (value === undefined) throw new UsageError(`expected a number, was "${text}"`);
    return value;
  },
});

const TRADING = 'Trading';
const GRID = 'Grid (--strategy grid)';
const STUDY = 'Several runs';

/** Fees, order limits and margin rules. */
const tradingFlags = {
  deposit: numberFlag({ summary: 'Starting equity, in quote units.', defaultHelp: async () => '10000', helpGroup: TRADING }),
  leverage: decimalFlag({ summary: 'Leverage.', defaultHelp: async () => '1; 20 for a grid', helpGroup: TRADING }),
  'margin-mode': Flags.option({
    summary: 'Margin at risk: the margin of the position, or the whole balance.',
    defaultHelp: async () => 'isolated',
    options: MARGIN_MODES,
    helpGroup: TRADING,
  })(),
  'maker-fee': fractionFlag({
    summary: 'Fee of maker fills.',
    defaultHelp: async () => "the instrument's, else 0.02%",
    helpGroup: TRADING,
  }),
  'taker-fee': fractionFlag({
    summary: 'Fee of taker fills.',
    defaultHelp: async () => "the instrument's, else 0.06%",
    helpGroup: TRADING,
  }),
  slippage: fractionFlag({ summary: 'Price disadvantage of taker fills.', defaultHelp: async () => '0%', helpGroup: TRADING }),
  latency: durationFlag({
    summary: 'Time from a decision to its effect; on candles rounded up to whole candles.',
    defaultHelp: async () => '100ms on trades, 0s on candles',
    helpGroup: TRADING,
  }),
  fill: Flags.option({
    summary: 'When a limit order fills: the price trades through it, touches it, or the queue shown by the book is used up.',
    options: FILL_RULES,
    default: 'through' as const,
    helpGroup: TRADING,
  })(),
  'tick-size': numberFlag({ summary: 'Price step.', defaultHelp: async () => "the instrument's", helpGroup: TRADING }),
  'lot-size': numberFlag({ summary: 'Amount step.', defaultHelp: async () => "the instrument's", helpGroup: TRADING }),
  'min-amount': numberFlag({ summary: 'Minimum order amount.', defaultHelp: async () => "the instrument's", helpGroup: TRADING }),
  'min-notional': numberFlag({
    summary: 'Minimum order value, in quote units.',
    defaultHelp: async () => "the instrument's",
    helpGroup: TRADING,
  }),
  'maintenance-rate': fractionFlag({
    summary: 'Maintenance margin rate of every position.',
    defaultHelp: async () => '0.5%',
    helpGroup: TRADING,
  }),
  tiers: Flags.custom<readonly MaintenanceTier[]>({
    summary:
      'Maintenance tiers by position value: BOUND=RATE[-DEDUCTION], the last without a bound (50000=0.5%,250000=1%-250,2%-2750).',
    helpValue: 'LIST',
    helpGroup: TRADING,
    parse: async (text) => parseTiers(text),
  })(),
  gaps: Flags.option({
    summary: 'Data with gaps: refuse it (exit 3), stop at the first gap, or ignore all gaps.',
    options: GAP_POLICIES,
    default: 'fail' as const,
    helpGroup: TRADING,
  })(),
};

/** Flags of one kind of strategy; with another one they are an error. */
export const OWN_FLAGS = {
  signals: ['notional'],
  grid: [
    'levels',
    'coverage',
    'multiplier',
    'take-profit',
    'side',
    'spacing',
    'spacing-list',
    'sizing',
    'restart',
    'fixed-deposit',
  ],
  module: ['param'],
} as const;

const strategyFlags = {
  notional: numberFlag({
    summary: 'Value of every entry, in quote units.',
    defaultHelp: async () => 'a tenth of the deposit',
    helpGroup: 'Signals (--strategy signals)',
  }),
  ...ladderFlags(GRID),
  side: Flags.option({ summary: 'Direction.', defaultHelp: async () => 'long', options: DIRECTIONS, helpGroup: GRID })(),
  sizing: Flags.option({
    summary: 'Base amount: as if all levels filled at the start price (reference), or the full margin (full).',
    defaultHelp: async () => 'reference',
    options: SIZINGS,
    helpGroup: GRID,
  })(),
  restart: durationFlag({
    summary: 'Pause between a take profit and the next grid.',
    defaultHelp: async () => '60s',
    helpGroup: GRID,
  }),
  'fixed-deposit': Flags.boolean({
    summary: 'Start every grid with the first deposit instead of the current equity.',
    helpGroup: GRID,
  }),
  param: Flags.string({
    summary: 'Parameter of the module; repeatable.',
    helpValue: 'NAME=N',
    multiple: true,
    multipleNonGreedy: true,
    helpGroup: 'Module (--strategy FILE)',
  }),
};

/** Flags that need --sweep, --split or --walk-forward. */
export const STUDY_FLAGS = ['rank-by', 'workers', 'resume'] as const;

const studyFlags = {
  sweep: Flags.custom<Axis>({
    summary: 'Run every value of a parameter and rank the runs; repeat for combinations. Also NAME=A,B,C.',
    helpValue: 'NAME=FROM:TO:STEP',
    multiple: true,
    multipleNonGreedy: true,
    helpGroup: STUDY,
    parse: async (text) => parseAxis(text),
  })(),
  split: fractionFlag({
    summary: 'Choose on this share of the time, test on the rest.',
    exclusive: ['walk-forward'],
    helpGroup: STUDY,
  }),
  'walk-forward': Flags.custom<{ readonly train: number; readonly test: number }>({
    summary: 'Choose on a training window, test on the window after it, move on by the test window (30d/7d).',
    helpValue: 'DURATION/DURATION',
    helpGroup: STUDY,
    parse: async (text) => parseWindows(text),
  })(),
  'rank-by': Flags.option({
    summary: 'Metric to rank by.',
    defaultHelp: async () => 'net_profit',
    options: RANKS,
    helpGroup: STUDY,
  })(),
  workers: workersFlag({ helpGroup: STUDY }),
  resume: Flags.string({
    summary: 'Save finished runs to this file and skip the runs it already has.',
    helpValue: 'FILE',
    helpGroup: STUDY,
  }),
};

/** The flags of `backtest` beside input and output. */
export const backtestFlags = {
  strategy: Flags.string({
    summary: 'Strategy: signals, grid, or your own module (.js, .mjs, .ts).',
    helpValue: 'signals|grid|FILE',
    required: true,
  }),
  interval: Flags.string({
    summary: 'Candle interval to run on.',
    defaultHelp: async () => 'trades, else the only candle interval of the input',
    helpValue: 'DURATION',
  }),
  ...tradingFlags,
  ...strategyFlags,
  'equity-interval': durationFlag({
    summary: 'Interval of the equity curve, and the period of Sharpe and Sortino.',
    defaultHelp: async () => '1d from 60 days of data on, 1h from 2 days, else 1m',
    least: SECOND,
  }),
  memory: sizeFlag({
    summary: 'Refuse an input that takes more memory than this.',
    defaultHelp: async () => 'three quarters of the machine',
  }),
  ...studyFlags,
};

export type BacktestFlags = Interfaces.InferredFlags<typeof backtestFlags>;

function parseWindows(text: string): { train: number; test: number } {
  const [train, test, ...more] = text.split('/').map((part) => parseDuration(part, '--walk-forward'));
  if (train === undefined || test === undefined || more.length > 0 || train < MINUTE || test < MINUTE)
    throw new UsageError(`--walk-forward: expected two durations such as 30d/7d, was "${text}"`);
  return { train, test };
}

function parseTiers(text: string): MaintenanceTier[] {
  const tiers = listOf(text).map(parseTier);
  const wrong = tiers.find(({ upTo }, index) =>
    index === tiers.length - 1 ? upTo !== undefined : upTo === undefined || upTo <= (tiers[index - 1]?.upTo ?? 0),
  );
  if (tiers.length === 0 || wrong !== undefined)
    throw new UsageError(`expected tiers with increasing bounds, the last without a bound, was "${text}"`);
  return tiers;
}

function parseTier(text: string): MaintenanceTier {
  const match = /^(?:(?<bound>[\d.]+)=)?(?<rate>[\d.]+%?)(?:-(?<deduction>[\d.]+))?$/.exec(text);
  if (!match?.groups) throw new UsageError(`expected BOUND=RATE-DEDUCTION such as 250000=1%-250, was "${text}"`);
  const { bound, rate = '', deduction = '0' } = match.groups;
  return {
    ...(bound === undefined ? {} : { upTo: Number(bound) }),
    rate: fractionOf(rate).toNumber(),
    deduction: Number(deduction),
  };
}
