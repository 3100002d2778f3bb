import { endOf } from '../../lib/backtest/market-data.js';
import { createGridPlanner, type GridSettings } from '../../lib/backtest/study/grid-planner.js';
import type { LoadedMarket } from '../../lib/backtest/study/market-reader.js';
import type { RunPlan, StrategyPlan } from '../../lib/backtest/study/run-plan.js';
import type { StrategyModule } from '../../lib/backtest/study/strategy-module.js';
import { type Terms, termsOf } from '../../lib/backtest/terms.js';
import { parametersOf } from '../../lib/cli/parameters.js';
import { GRID_DEFAULTS, type GridLimits } from '../../lib/grid/parameters.js';
import { UsageError } from '../../lib/model/errors.js';
import { finite } from '../../lib/model/numbers.js';
import { DAY, formatDuration, HOUR, MICROSECONDS_PER_MILLISECOND, MINUTE } from '../../lib/model/time.js';
import { type BacktestFlags, OWN_FLAGS, STUDY_FLAGS } from './flags.js';

const DEPOSIT = 10_000;
const RESTART = MINUTE;
/** On trades: what an order takes to Bitget or Bybit from outside their data centre, roughly. */
const LATENCY = 100 * MICROSECONDS_PER_MILLISECOND;

/** Refuses flags that the run would not look at. `given` are the names on the command line. */
export function refuseUnused(flags: BacktestFlags, given: ReadonlySet<string>): void {
  const kind = kindOf(flags.strategy);
  for (const [other, names] of Object.entries(OWN_FLAGS)) {
    const foreign = other === kind ? undefined : names.find((name) => given.has(name));
    if (foreign !== undefined)
      throw new UsageError(
        `--${foreign}: is for ${other === 'module' ? 'a module' : `--strategy ${other}`}, not used by --strategy ${flags.strategy}`,
      );
  }
  const several = flags.sweep !== undefined || flags.split !== undefined || flags['walk-forward'] !== undefined;
  const idle = several ? undefined : STUDY_FLAGS.find((name) => given.has(name));
  if (idle !== undefined) throw new UsageError(`--${idle}: is for --sweep, --split and --walk-forward`);
  if (flags.tiers && given.has('maintenance-rate')) throw new UsageError('--tiers and --maintenance-rate exclude each other');
  if (flags.split !== undefined && !(flags.split.gt(0) && flags.split.lt(1)))
    throw new UsageError(`--split: expected a share above 0 % and below 100 %, was ${flags.split.times(100)} %`);
}

/** Returns the flags on the command line whose value a sweep replaces. */
export function sweptFlags({ sweep = [] }: BacktestFlags, given: ReadonlySet<string>): string[] {
  return sweep.map(({ name }) => name).filter((name) => given.has(name));
}

/** Returns what a strategy is: one of ours, or a module by its path. */
export function kindOf(strategy: string): StrategyPlan['kind'] {
  if (strategy === 'signals' || strategy === 'grid') return strategy;
  if (/\.[cm]?[jt]s$/.test(strategy)) return 'module';
  throw new UsageError(`--strategy: expected signals, grid or a module (.js, .mjs, .ts), was "${strategy}"`);
}

/** Returns the plan that flags and what the input says of the instrument describe together; a flag goes first. */
export function planOf(flags: BacktestFlags, market: LoadedMarket, module: StrategyModule | undefined): RunPlan {
  refuseMarket(flags, market);
  const strategy = strategyOf(flags, market, module);
  const terms = checkedTerms(flags, market, strategy.kind);
  // What makes no sense together should be told before anything runs.
  if (strategy.kind === 'grid') createGridPlanner(strategy.settings).plan(firstPrice(market), terms.deposit);
  return { strategy, terms, gaps: flags.gaps, sample: flags['equity-interval'] ?? sampleOf(market) };
}

function refuseMarket(flags: BacktestFlags, { data }: LoadedMarket): void {
  if (data.market === 'inverse')
    throw new UsageError(
      `${data.symbol}: inverse contracts pay in coins, which these formulas do not do; expected spot or linear`,
    );
  if (data.market === 'spot' && flags.side === 'short')
    throw new UsageError('--side: expected long on spot, which cannot be sold short');
  if (flags.fill !== 'volume') return;
  if (data.feed.kind === 'candles') throw new UsageError('--fill volume: needs trades, the run is on candles');
  if (data.books.length === 0)
    throw new UsageError('--fill volume: needs book_snapshot records to read the queues from, the input has none');
}

function checkedTerms(flags: BacktestFlags, { data, instrument }: LoadedMarket, kind: StrategyPlan['kind']): Terms {
  const spot = data.market === 'spot';
  const rate = flags['maintenance-rate']?.toNumber();
  return termsOf({
    deposit: flags.deposit ?? DEPOSIT,
    leverage: Number(flags.leverage ?? (kind === 'grid' && !spot ? GRID_DEFAULTS.leverage : 1)),
    marginMode: flags['margin-mode'],
    makerFee: flags['maker-fee']?.toNumber() ?? instrument?.makerFee,
    takerFee: flags['taker-fee']?.toNumber() ?? instrument?.takerFee,
    slippage: flags.slippage?.toNumber(),
    latency: flags.latency ?? (data.feed.kind === 'trades' ? LATENCY : 0),
    fill: flags.fill,
    tiers: flags.tiers ?? (rate === undefined ? undefined : [{ rate, deduction: 0 }]),
    spot,
    tickSize: flags['tick-size'] ?? instrument?.tickSize,
    lotSize: flags['lot-size'] ?? instrument?.lotSize,
    minAmount: flags['min-amount'] ?? instrument?.minAmount,
    minNotional: flags['min-notional'] ?? instrument?.minNotional,
  });
}

function strategyOf(flags: BacktestFlags, market: LoadedMarket, module: StrategyModule | undefined): StrategyPlan {
  const kind = kindOf(flags.strategy);
  if (kind === 'grid') return gridOf(flags, market);
  if (kind === 'module') return { kind, path: flags.strategy, parameters: moduleParameters(flags, module) };
  if (market.signals.length === 0)
    throw new UsageError(
      `--strategy signals: the input has no signals of ${market.data.symbol}; mdtool signals makes them, name its file as a second INPUT`,
    );
  const notional = flags.notional ?? (flags.deposit ?? DEPOSIT) / 10;
  if (!(notional > 0)) throw new UsageError(`--notional: expected a number above zero, was ${notional}`);
  return { kind, notional };
}

function gridOf(flags: BacktestFlags, market: LoadedMarket): StrategyPlan {
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

function sampleOf({ data: { feed } }: LoadedMarket): number {
  const length = endOf(feed) - (feed.time[0] ?? 0);
  const wanted = length >= 60 * DAY ? DAY : length >= 2 * DAY ? HOUR : MINUTE;
  return feed.kind === 'candles' ? Math.max(wanted, feed.interval) : wanted;
}

function firstPrice({ data: { feed } }: LoadedMarket): number {
  return (feed.kind === 'trades' ? feed.price[0] : feed.open[0]) as number;
}

/** Returns one line on what a run is fed with. */
export function feedText({ data: { exchange, market, symbol, feed } }: LoadedMarket): string {
  const count = feed.time.length;
  const what = feed.kind === 'trades' ? `${count} trades` : `${count} candles of ${formatDuration(feed.interval)}`;
  return `${exchange} ${market} ${symbol}, ${what}`;
}
