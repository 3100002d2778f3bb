import { createHash } from 'node:crypto';
import { FailureError, UsageError } from '../../model/errors.js';
import { encodeRecord } from '../../model/ndjson.js';
import type { Equity, Fill, Run } from '../../model/records.js';
import { formatTime } from '../../model/time.js';
import { runBacktest } from '../engine.js';
import type { Execution } from '../ledger.js';
import { type Bars, between, type MarketData } from '../market-data.js';
import { metricsOf } from '../metrics.js';
import type { Outcome } from '../outcome.js';
import { ExposureStrategy } from '../strategies/exposure.js';
import { GridStrategy } from '../strategies/grid.js';
import { SignalStrategy } from '../strategies/signals.js';
import type { LevelSpan, Strategy } from '../strategy.js';
import type { Path } from '../terms.js';
import { runWarnings } from '../warnings.js';
import { createGridPlanner } from './grid-planner.js';
import type { LoadedMarket } from './market-reader.js';
import { parametersOf, type RunPlan } from './run-plan.js';
import type { StrategyModule } from './strategy-module.js';

/** A run with its records. Those of one input and one plan are the same, byte for byte. */
export type FinishedRun = {
  readonly run: Run;
  readonly fills: readonly Fill[];
  readonly equity: readonly Equity[];
  /** Prices that the strategy had orders at. */
  readonly levels: readonly LevelSpan[];
};

/** What a plan needs beside the data; a module is loaded once and used by many plans. */
export type ExecuteOptions = {
  readonly market: LoadedMarket;
  readonly plan: RunPlan;
  /** Absent for trades. */
  readonly path?: Path | undefined;
  readonly module?: StrategyModule | undefined;
  /** Only this part of the data, `[since, until)`. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  /** Added to the detail of the `run` record. */
  readonly detail?: Readonly<Record<string, unknown>> | undefined;
};

/** Runs a plan over the data and returns its records. Throws a `FailureError` on data without an event. */
export function execute(options: ExecuteOptions): FinishedRun {
  const { plan, market, path } = options;
  const data = partOf(options);
  if (data.feed.time.length === 0) throw new FailureError(`${data.symbol}: no trades and no candles in the span asked for`);
  const { terms, sample } = plan;
  const strategy = strategyOf(options, data);
  const until = plan.gaps === 'halt' ? data.holes[0]?.from : undefined;
  const outcome = runBacktest(data, { terms, strategy, path: path ?? 'high-first', sample, until });
  const metrics = metricsOf(outcome, terms.deposit, sample, strategy.figures?.() ?? {});
  const notes = [...(strategy.notes?.() ?? []), ...market.notes, ...haltNote(until), ...runWarnings(outcome, metrics, terms)];
  return recordsOf(outcome, {
    options,
    data,
    metrics:
      data.feed.kind === 'trades'
        ? metrics
        : { ...metrics, undecided_bars: outcome.undecided, undecided_pct: (outcome.undecided / outcome.events) * 100 },
    levels: strategy.levels?.() ?? [],
    detail: { ...options.detail, ...(notes.length > 0 && { warnings: notes }) },
  });
}

function partOf({ market: { data }, since, until }: ExecuteOptions): MarketData {
  if (since === undefined && until === undefined) return data;
  return between(data, since ?? Number.NEGATIVE_INFINITY, until ?? Number.POSITIVE_INFINITY);
}

function haltNote(until: number | undefined): string[] {
  return until === undefined ? [] : [`halted at ${formatTime(until)}, where the data has a hole`];
}

function strategyOf(options: ExecuteOptions, data: MarketData): Strategy {
  const { market, module } = options;
  const { strategy: plan, terms } = options.plan;
  if (plan.kind === 'signals')
    return new SignalStrategy({ signals: market.signals, notional: plan.notional, tickSize: terms.tickSize });
  if (plan.kind === 'grid')
    return new GridStrategy({
      planner: createGridPlanner(plan.settings),
      side: plan.side,
      restart: plan.restart,
      fixedDeposit: plan.fixedDeposit ? terms.deposit : undefined,
    });
  if (module?.create) return seeing(data, plan.path, module.create(plan.parameters));
  if (module?.exposure === undefined) throw new FailureError(`${plan.path}: was not loaded`);
  if (data.feed.kind !== 'candles')
    throw new UsageError(`${plan.path}: "exposure" works on candles, the input has trades; mdtool candles makes them`);
  return new ExposureStrategy(exposureOf(module, options, data.feed), data.feed);
}

/** A strategy that waits for candles would do nothing on trades, and nobody would know why. */
function seeing({ feed: { kind } }: MarketData, path: string, strategy: Strategy): Strategy {
  const [seen, other] = kind === 'trades' ? (['trade', 'bar'] as const) : (['bar', 'trade'] as const);
  if (strategy[other] !== undefined && strategy[seen] === undefined)
    throw new UsageError(`${path}: has a callback "${other}" and none "${seen}", the input has ${kind}`);
  return strategy;
}

/** What came before the part that is run warms the strategy up; what comes after it stays unseen. */
function exposureOf(module: StrategyModule, { market: { data }, plan, until }: ExecuteOptions, part: Bars): Float64Array {
  const known = between(data, Number.NEGATIVE_INFINITY, until ?? Number.POSITIVE_INFINITY).feed as Bars;
  const parameters = plan.strategy.kind === 'module' ? plan.strategy.parameters : {};
  const wish = module.exposure?.(known, parameters);
  if (!(wish instanceof Float64Array) || wish.length !== known.time.length)
    throw new FailureError(`exposure: expected a Float64Array with a value for each of ${known.time.length} candles`);
  return wish.subarray(known.time.length - part.time.length);
}

type Described = {
  readonly options: ExecuteOptions;
  readonly data: MarketData;
  readonly metrics: Readonly<Record<string, number>>;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly levels: readonly LevelSpan[];
};

function recordsOf(outcome: Outcome, { options, data, metrics, detail, levels }: Described): FinishedRun {
  const { plan, path } = options;
  const { exchange, market, symbol } = data;
  const place = { exchange, market, symbol };
  const anonymous = outcome.fills.map((fill, number) => fillRecord(fill, number, place));
  const fillsHash = hashOf(anonymous.map((fill) => `${encodeRecord(fill as Fill)}\n`).join(''));
  const parameters = parametersOf(plan);
  const about = { strategy: String(parameters.strategy), path, fromTimestamp: outcome.from, untilTimestamp: outcome.until };
  const runId = hashOf(JSON.stringify([place, about, parameters, outcome.events, fillsHash])).slice(0, 16);
  const run: Run = {
    type: 'run',
    ...place,
    timestamp: outcome.until,
    runId,
    ...about,
    parameters,
    metrics,
    detail: Object.keys(detail).length > 0 ? detail : undefined,
    fillsHash,
  };
  const equity = outcome.equity.map(
    ({ time, equity, balance, net, depth }): Equity => ({
      type: 'equity',
      ...place,
      timestamp: time,
      runId,
      equity,
      balance,
      position: net,
      drawdownPct: depth * 100,
    }),
  );
  return { run, fills: anonymous.map((fill) => ({ ...fill, runId })), equity, levels };
}

function fillRecord(fill: Execution, number: number, place: Pick<Fill, 'exchange' | 'market' | 'symbol'>): Omit<Fill, 'runId'> {
  return {
    type: 'fill',
    ...place,
    timestamp: fill.time,
    number,
    orderId: String(fill.order),
    side: fill.side,
    positionSide: fill.position,
    price: fill.price,
    amount: fill.amount,
    fee: fill.fee,
    liquidity: fill.maker ? 'maker' : 'taker',
    reason: fill.reason,
    realizedPnl: fill.realized,
    position: fill.held,
  };
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
