import { Flags, type Interfaces } from '@oclif/core';
import { type Axis, parseAxis } from '../../lib/backtest/study/axes.js';
import { FILL_RULES } from '../../lib/backtest/terms.js';
import { durationFlag, fractionOf, listOf } from '../../lib/cli/flags.js';
import { DIRECTIONS, MARGIN_MODES, SIZINGS, SPACINGS } from '../../lib/grid/parameters.js';
import { UsageError } from '../../lib/model/errors.js';
import type { MaintenanceTier } from '../../lib/model/maintenance-tier.js';
import { finite } from '../../lib/model/numbers.js';
import type { Exact } from '../../lib/model/ticks.js';
import { MINUTE, parseDuration, SECOND } from '../../lib/model/time.js';

/** Metrics that a sweep may rank by: of all of them more is better. */
export const RANKS = [
  'net_profit',
  'return_pct',
  'sharpe',
  'sortino',
  'calmar',
  'profit_factor',
  'expectancy',
  'win_rate_pct',
] as const;

/** Whether data with holes is refused, run up to the first one, or run all the same. */
export const GAP_POLICIES = ['fail', 'halt', 'ignore'] as const;

const fractionFlag = Flags.custom<Exact>({ helpValue: 'PERCENT', parse: async (text) => fractionOf(text) });
const numberFlag = Flags.custom<number>({
  helpValue: 'N',
  parse: async (text) => {
    const value = finite(text);
    if (value === undefined) throw new UsageError(`expected a number, was "${text}"`);
    return value;
  },
});
const decimalFlag = Flags.custom<string>({
  helpValue: 'N',
  parse: async (text) => {
    if (finite(text) === undefined) throw new UsageError(`expected a number, was "${text}"`);
    return text;
  },
});

const TRADING = 'Trading';
const GRID = 'Grid (--strategy grid)';
const STUDY = 'Several runs';

/** What an exchange would charge and refuse. */
const tradingFlags = {
  deposit: numberFlag({
    summary: 'What the run begins with, in quote units.',
    defaultHelp: async () => '10000',
    helpGroup: TRADING,
  }),
  leverage: decimalFlag({ summary: 'Leverage.', defaultHelp: async () => '1, of a grid 20', helpGroup: TRADING }),
  'margin-mode': Flags.option({
    summary: 'What a position may lose: its own margin, or the balance.',
    defaultHelp: async () => 'isolated',
    options: MARGIN_MODES,
    helpGroup: TRADING,
  })(),
  'maker-fee': fractionFlag({
    summary: 'Fee of resting orders.',
    defaultHelp: async () => "the instrument's, else 0.02%",
    helpGroup: TRADING,
  }),
  'taker-fee': fractionFlag({
    summary: 'Fee of orders that take.',
    defaultHelp: async () => "the instrument's, else 0.06%",
    helpGroup: TRADING,
  }),
  slippage: fractionFlag({
    summary: 'How much worse than the market a taker fills.',
    defaultHelp: async () => '0%',
    helpGroup: TRADING,
  }),
  latency: durationFlag({
    summary: 'Time from a decision to its effect; on candles rounded up to whole ones.',
    defaultHelp: async () => '100ms on trades, none on candles',
    helpGroup: TRADING,
  }),
  fill: Flags.option({
    summary: 'A limit order fills when the price trades through it, touches it, or has used up the queue that a book showed.',
    options: FILL_RULES,
    default: 'through' as const,
    helpGroup: TRADING,
  })(),
  'tick-size': numberFlag({ summary: 'Price step.', defaultHelp: async () => "the instrument's", helpGroup: TRADING }),
  'lot-size': numberFlag({ summary: 'Amount step.', defaultHelp: async () => "the instrument's", helpGroup: TRADING }),
  'min-amount': numberFlag({ summary: 'Smallest order.', defaultHelp: async () => "the instrument's", helpGroup: TRADING }),
  'min-notional': numberFlag({
    summary: 'Smallest order in quote units.',
    defaultHelp: async () => "the instrument's",
    helpGroup: TRADING,
  }),
  'maintenance-rate': fractionFlag({
    summary: 'Maintenance margin of every position.',
    defaultHelp: async () => '0.5%',
    exclusive: ['tiers'],
    helpGroup: TRADING,
  }),
  tiers: Flags.custom<readonly MaintenanceTier[]>({
    summary: 'Maintenance by value: BOUND=RATE, with -DEDUCTION where there is one, the last without a bound.',
    helpValue: 'LIST',
    helpGroup: TRADING,
    parse: async (text) => tiersOf(text),
  })(),
  gaps: Flags.option({
    summary: 'Data with holes: refuse it (exit 3), run up to the first hole, or run as though there were none.',
    options: GAP_POLICIES,
    default: 'fail' as const,
    helpGroup: TRADING,
  })(),
};

/** Flags that one kind of strategy uses; another one refuses them. */
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
  levels: Flags.integer({ summary: 'Number of orders.', defaultHelp: async () => '15', helpValue: 'N', helpGroup: GRID }),
  coverage: fractionFlag({
    summary: 'Distance from the first to the last level.',
    defaultHelp: async () => '40%',
    helpGroup: GRID,
  }),
  multiplier: decimalFlag({
    summary: 'Amount of a level over that of the one before.',
    defaultHelp: async () => '1.3',
    helpGroup: GRID,
  }),
  'take-profit': fractionFlag({
    summary: 'Distance of the take profit from the average price.',
    defaultHelp: async () => '2%',
    helpGroup: GRID,
  }),
  side: Flags.option({ summary: 'Direction.', defaultHelp: async () => 'long', options: DIRECTIONS, helpGroup: GRID })(),
  spacing: Flags.option({
    summary: 'Spacing of prices.',
    defaultHelp: async () => 'arithmetic',
    options: SPACINGS,
    helpGroup: GRID,
  })(),
  'spacing-list': Flags.custom<readonly Exact[]>({
    summary: 'Distances of levels 1, 2, … from the price, instead of --levels, --coverage and --spacing.',
    helpValue: 'LIST',
    exclusive: ['levels', 'coverage', 'spacing'],
    helpGroup: GRID,
    parse: async (text) => listOf(text).map(fractionOf),
  })(),
  sizing: Flags.option({
    summary: 'How the base amount is found.',
    defaultHelp: async () => 'reference',
    options: SIZINGS,
    helpGroup: GRID,
  })(),
  restart: durationFlag({
    summary: 'Wait between a take profit and the next grid.',
    defaultHelp: async () => '60s',
    helpGroup: GRID,
  }),
  'fixed-deposit': Flags.boolean({ summary: 'Every grid has the first deposit, not the equity then held.', helpGroup: GRID }),
  param: Flags.string({
    summary: 'A parameter of the module; repeatable.',
    helpValue: 'NAME=NUMBER',
    multiple: true,
    multipleNonGreedy: true,
    helpGroup: 'Module (--strategy FILE)',
  }),
};

/** Flags that only mean something beside --sweep, --split or --walk-forward. */
export const STUDY_FLAGS = ['rank-by', 'workers', 'resume'] as const;

const studyFlags = {
  sweep: Flags.custom<Axis>({
    summary: 'Run every value of a parameter, ranked; repeatable, then every combination.',
    helpValue: 'NAME=FROM:TO:STEP',
    multiple: true,
    multipleNonGreedy: true,
    helpGroup: STUDY,
    parse: async (text) => parseAxis(text),
  })(),
  split: fractionFlag({
    summary: 'Choose on this share of the time, judge on the rest.',
    helpValue: 'PERCENT',
    exclusive: ['walk-forward'],
    helpGroup: STUDY,
  }),
  'walk-forward': Flags.custom<{ readonly train: number; readonly test: number }>({
    summary: 'Choose on so much time, judge on the time after it, move on by that.',
    helpValue: 'DURATION/DURATION',
    helpGroup: STUDY,
    parse: async (text) => stretchesOf(text),
  })(),
  'rank-by': Flags.option({
    summary: 'Metric to choose by.',
    defaultHelp: async () => 'net_profit',
    options: RANKS,
    helpGroup: STUDY,
  })(),
  workers: Flags.integer({
    summary: 'Worker threads; the result does not depend on it.',
    min: 1,
    helpValue: 'N',
    helpGroup: STUDY,
  }),
  resume: Flags.string({
    summary: 'Keep finished runs in this file, and do not run again what is in it.',
    helpValue: 'FILE',
    helpGroup: STUDY,
  }),
};

/** The flags of `backtest` beside input and output. */
export const backtestFlags = {
  strategy: Flags.string({
    summary: 'signals, grid, or a module of your own (.js, .mjs, .ts).',
    helpValue: 'signals|grid|FILE',
    required: true,
  }),
  interval: Flags.string({
    summary: 'Run on candles of this interval.',
    defaultHelp: async () => 'on trades; on candles where the input has no trades',
    helpValue: 'DURATION',
  }),
  ...tradingFlags,
  ...strategyFlags,
  'equity-interval': durationFlag({
    summary: 'Time between points of the equity curve, and the period of Sharpe and Sortino.',
    defaultHelp: async () => '1d from 60 days on, 1h from 2 days, else 1m',
    least: SECOND,
  }),
  ...studyFlags,
};

export type BacktestFlags = Interfaces.InferredFlags<typeof backtestFlags>;

function stretchesOf(text: string): { train: number; test: number } {
  const [train, test, ...more] = text.split('/').map((part) => parseDuration(part, '--walk-forward'));
  if (train === undefined || test === undefined || more.length > 0 || train < MINUTE || test < MINUTE)
    throw new UsageError(`--walk-forward: expected two durations such as 30d/7d, was "${text}"`);
  return { train, test };
}

function tiersOf(text: string): MaintenanceTier[] {
  const tiers = listOf(text).map(tierOf);
  const wrong = tiers.find(({ upTo }, index) =>
    index === tiers.length - 1 ? upTo !== undefined : upTo === undefined || upTo <= (tiers[index - 1]?.upTo ?? 0),
  );
  if (tiers.length === 0 || wrong !== undefined)
    throw new UsageError(`expected tiers with bounds that grow, the last without one, was "${text}"`);
  return tiers;
}

function tierOf(text: string): MaintenanceTier {
  const match = /^(?:(?<bound>[\d.]+)=)?(?<rate>[\d.]+%?)(?:-(?<deduction>[\d.]+))?$/.exec(text);
  if (!match?.groups) throw new UsageError(`expected BOUND=RATE-DEDUCTION such as 250000=1%-250, was "${text}"`);
  const { bound, rate = '', deduction = '0' } = match.groups;
  return {
    ...(bound === undefined ? {} : { upTo: Number(bound) }),
    rate: fractionOf(rate).toNumber(),
    deduction: Number(deduction),
  };
}
