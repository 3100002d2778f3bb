import { endOf } from '../../lib/backtest/market-data.js';
import { createGridPlanner, type GridSettings } from '../../lib/backtest/strategies/grid-planner.js';
import type { LoadedMarket } from '../../lib/backtest/study/market-reader.js';
import type { RunPlan, StrategyPlan } from '../../lib/backtest/study/run-plan.js';
import type { StrategyModule } from '../../lib/backtest/study/strategy-module.js';
import { buildTerms, DEFAULT_DEPOSIT, type ExecutionTerms, TRADE_LATENCY } from '../../lib/backtest/terms.js';
import { parametersOf } from '../../lib/cli/parameters.js';
import { GRID_DEFAULTS, type GridLimits } from '../../lib/grid/parameters.js';
import { counted } from '../../lib/model/counted.js';
import { UsageError } from '../../lib/model/errors.js';
import { finite } from '../../lib/model/numbers.js';
import { DAY, formatDuration, HOUR, MINUTE } from '../../lib/model/time.js';
import { type BacktestFlags, OWN_FLAGS, STUDY_FLAGS } from './flags.js';

const RESTART = MINUTE;

/** Flags that --spacing-list replaces. */
const REPLACED_BY_LIST = ['levels', 'coverage', 'spacing'] as const;

/** Refuses flags that the run does not use. `given` are the names on the command line. */
export function refuseUnused(flags: BacktestFlags, given: ReadonlySet<string>): void {
  const kind = kindOf(flags.strategy);
  for (const [other, names] of Object.entries(OWN_FLAGS)) {
    const foreign = other === kind ? undefined : names.find((name) => given.has(name));
    if (foreign !== undefined)
      throw new UsageError(
        `--${foreign} belongs to ${other === 'module' ? 'a module' : `--strategy ${other}`}; --strategy ${flags.strategy} does not use it`,
      );
  }
  const several = flags.sweep !== undefined || flags.split !== undefined || flags['walk-forward'] !== undefined;
  const idle = several ? undefined : STUDY_FLAGS.find((name) => given.has(name));
  if (idle !== undefined) throw new UsageError(`--${idle} needs --sweep, --split or --walk-forward`);
  if (flags.tiers && given.has('maintenance-rate'))
    throw new UsageError('--tiers and --maintenance-rate cannot be used together');
  const replaced = flags['spacing-list'] && REPLACED_BY_LIST.find((name) => given.has(name));
  if (replaced) throw new UsageError(`--${replaced} and --spacing-list cannot be used together`);
  if (flags.split !== undefined && !(flags.split.gt(0) && flags.split.lt(1)))
    throw new UsageError(`--split: expected a share above 0 % and below 100 %, was ${flags.split.times(100)} %`);
}

/** Returns the flags on the command line that a sweep overrides. */
export function sweptFlags({ sweep = [] }: BacktestFlags, given: ReadonlySet<string>): string[] {
  return sweep.map(({ name }) => name).filter((name) => given.has(name));
}

/** Returns the kind of a strategy: signals, grid, or a module given by its path. */
export function kindOf(strategy: string): StrategyPlan['kind'] {
  if (strategy === 'signals' || strategy === 'grid') return strategy;
  if (/\.[cm]?[jt]s$/.test(strategy)) return 'module';
  throw new UsageError(`--strategy: expected signals, grid or a module (.js, .mjs, .ts), was "${strategy}"`);
}

/** Builds the plan from flags and the instrument of the input; flags take precedence. */
export function buildPlan(flags: BacktestFlags, market: LoadedMarket, module: StrategyModule | undefined): RunPlan {
  refuseMarket(flags, market);
  const strategy = buildStrategyPlan(flags, market, module);
  const terms = buildTermsFrom(flags, market, strategy.kind);
  // Refuses an impossible grid before anything runs.
  if (strategy.kind === 'grid') createGridPlanner(strategy.settings).plan(firstPrice(market), terms.deposit);
  return { strategy, terms, gaps: flags.gaps, sample: flags['equity-interval'] ?? equityIntervalOf(market) };
}

function refuseMarket(flags: BacktestFlags, { data }: LoadedMarket): void {
  if (data.market === 'inverse')
    throw new UsageError(
      `${data.symbol}: inverse contracts are not supported (their profit is paid in coins); use spot or linear`,
    );
  if (data.market === 'spot' && flags.side === 'short')
    throw new UsageError('--side: expected long on spot, spot cannot be sold short');
  if (flags.fill !== 'volume') return;
  if (data.feed.kind === 'candles') throw new UsageError('--fill volume needs trades, the run is on candles');
  if (data.books.length === 0)
    throw new UsageError('--fill volume needs book_snapshot records for the queues, the input has none');
}

function buildTermsFrom(flags: BacktestFlags, { data, instrument }: LoadedMarket, kind: StrategyPlan['kind']): ExecutionTerms {
  const spot = data.market === 'spot';
  const rate = flags['maintenance-rate']?.toNumber();
  return buildTerms({
    deposit: flags.deposit ?? DEFAULT_DEPOSIT,
    leverage: Number(flags.leverage ?? (kind === 'grid' && !spot ? GRID_DEFAULTS.leverage : 1)),
    marginMode: flags['margin-mode'],
    makerFee: flags['maker-fee']?.toNumber() ?? instrument?.makerFee,
    takerFee: flags['taker-fee']?.toNumber() ?? instrument?.takerFee,
    slippage: flags.slippage?.toNumber(),
    latency: flags.latency ?? (data.feed.kind === 'trades' ? TRADE_LATENCY : 0),
    fill: flags.fill,
    tiers: flags.tiers ?? (rate === undefined ? undefined : [{ rate, deduction: 0 }]),
    spot,
    tickSize: flags['tick-size'] ?? instrument?.tickSize,
    lotSize: flags['lot-size'] ?? instrument?.lotSize,
    minAmount: flags['min-amount'] ?? instrument?.minAmount,
    minNotional: flags['min-notional'] ?? instrument?.minNotional,
  });
}

function buildStrategyPlan(flags: BacktestFlags, market: LoadedMarket, module: StrategyModule | undefined): StrategyPlan {
  const kind = kindOf(flags.strategy);
  if (kind === 'grid') return buildGridPlan(flags, market);
  if (kind === 'module') return { kind, path: flags.strategy, parameters: moduleParameters(flags, module) };
  if (market.signals.length === 0)
    throw new UsageError(
      `--strategy signals: no signals of ${market.data.symbol} in the input; run mdtool signals and pass its file as a second INPUT`,
    );
  const notional = flags.notional ?? (flags.deposit ?? DEFAULT_DEPOSIT) / 10;
  if (!(notional > 0)) throw new UsageError(`--notional: expected a number above zero, was ${notional}`);
  return { kind, notional };
}

function buildGridPlan(flags: BacktestFlags, market: LoadedMarket): StrategyPlan {
  const { instrument, data } = market;
  const text = (value: { toString(): string } | undefined) => value?.toString();
  const limits: GridLimits = {
    tickSize: text(flags['tick-size'] ?? instrument?.tickSize),
    lotSize: text(flags['lot-size'] ?? instrument?.lotSize),
  };
  const settings: GridSettings = {
    side: flags.side,
    leverage: flags.leverage ?? (data.market === 'spot' ? '1' : GRID_DEFAULTS.leverage),
    levels: flags['spacing-list'] ? undefined : (flags.levels ?? GRID_DEFAULTS.levels),
    coverage: flags['spacing-list'] ? undefined : (text(flags.coverage) ?? GRID_DEFAULTS.coverage),
    multiplier: flags.multiplier ?? GRID_DEFAULTS.multiplier,
    takeProfit: text(flags['take-profit']) ?? GRID_DEFAULTS.takeProfit,
    spacing: flags['spacing-list'] ? undefined : (flags.spacing ?? GRID_DEFAULTS.spacing),
    distances: flags['spacing-list']?.map(String),
    sizing: flags.sizing ?? GRID_DEFAULTS.sizing,
    limits,
  };
  return {
    kind: 'grid',
    side: flags.side ?? GRID_DEFAULTS.side,
    settings,
    restart: flags.restart ?? RESTART,
    fixedDeposit: flags['fixed-deposit'] ?? false,
  };
}

function moduleParameters({ param, strategy }: BacktestFlags, module: StrategyModule | undefined): Record<string, number> {
  const parameters: Record<string, number> = { ...module?.parameters };
  for (const [name, text] of Object.entries(parametersOf(param))) {
    const value = finite(text);
    if (!(name in parameters))
      throw new UsageError(`--param: ${strategy} has ${Object.keys(parameters).join(', ') || 'no parameters'}, not ${name}`);
    if (value === undefined) throw new UsageError(`--param ${name}: expected a number, was "${text}"`);
    parameters[name] = value;
  }
  return parameters;
}

function equityIntervalOf({ data: { feed } }: LoadedMarket): number {
  const length = endOf(feed) - (feed.time[0] ?? 0);
  const interval = length >= 60 * DAY ? DAY : length >= 2 * DAY ? HOUR : MINUTE;
  return feed.kind === 'candles' ? Math.max(interval, feed.interval) : interval;
}

function firstPrice({ data: { feed } }: LoadedMarket): number {
  return (feed.kind === 'trades' ? feed.price[0] : feed.open[0]) as number;
}

/** Returns one line that describes the input of a run. */
export function feedText({ data: { exchange, market, symbol, feed } }: LoadedMarket): string {
  const count = feed.time.length;
  const what =
    feed.kind === 'trades' ? counted(count, 'trade') : `${counted(count, 'candle')} of ${formatDuration(feed.interval)}`;
  return `${exchange} ${market} ${symbol}, ${what}`;
}
