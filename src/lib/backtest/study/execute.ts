import { createHash } from 'node:crypto';
import { FailureError, MdtoolError, UsageError } from '../../model/errors.js';
import { NdjsonLines } from '../../model/ndjson-lines.js';
import type { Equity, Fill, Run } from '../../model/records.js';
import { formatTime } from '../../model/time.js';
import { runBacktest } from '../engine.js';
import type { Execution } from '../ledger.js';
import { type Bars, between, type MarketData } from '../market-data.js';
import { metricsOf } from '../metrics.js';
import type { Outcome } from '../outcome.js';
import { ExposureStrategy } from '../strategies/exposure.js';
import { GridStrategy } from '../strategies/grid.js';
import { createGridPlanner } from '../strategies/grid-planner.js';
import { SignalStrategy } from '../strategies/signals.js';
import type { LevelSpan, Strategy } from '../strategy.js';
import type { Path } from '../terms.js';
import { type RoundTrip, roundTrips } from '../trades.js';
import { runWarnings } from '../warnings.js';
import type { LoadedMarket } from './market-reader.js';
import { parametersOf, type RunPlan } from './run-plan.js';
import type { StrategyModule } from './strategy-module.js';

/** Lines are hashed in pieces of about this size (bytes). */
const HASHED = 1 << 16;

/** All that a record takes of a fill: two fills that are alike in it have one line. */
const COMPARED = ['time', 'order', 'side', 'position', 'price', 'amount', 'fee', 'maker', 'reason', 'realized', 'held'] as const;

/** Fills that are made at once. */
const BATCH = 1000;

/** A run with its records. The same input and plan give the same records, byte for byte. */
export type FinishedRun = {
  readonly run: Run;
  /** The fills as the engine keeps them. */
  readonly executions: readonly Execution[];
  /** Made when they are asked for: of most runs of a sweep they never are. */
  readonly fills: readonly Fill[];
  /** The same, some at a time: all of a fast run at once take longer to collect as garbage than to make. */
  readonly fillBatches: Iterable<readonly Fill[]>;
  readonly equity: readonly Equity[];
  /** Order prices of the strategy over time. */
  readonly levels: readonly LevelSpan[];
  /** Closed positions, in order of closing. */
  readonly trades: readonly RoundTrip[];
};

/** Input of one run. A module is loaded once and used by many plans. */
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
  /** A run of the same symbol, perhaps with the same fills. */
  readonly earlier?: FinishedRun | undefined;
};

/** Runs a plan once per path. Market orders fill alike on each: their hash, a tenth of a fast run, is computed once. */
export function executePaths(options: ExecuteOptions, paths: readonly (Path | undefined)[]): FinishedRun[] {
  const finished: FinishedRun[] = [];
  for (const path of paths) finished.push(execute({ ...options, path, earlier: finished[0] }));
  return finished;
}

/**
 * Runs a plan and returns its records. Throws a `FailureError` if the data has no trades and no candles, or the code of a
 * strategy module fails.
 */
export function execute(options: ExecuteOptions): FinishedRun {
  const { strategy } = options.plan;
  try {
    return runPlan(options);
  } catch (error) {
    if (strategy.kind !== 'module' || error instanceof MdtoolError) throw error;
    throw new FailureError(`${strategy.path}: the strategy failed: ${(error as Error).message}`, { cause: error });
  }
}

function runPlan(options: ExecuteOptions): FinishedRun {
  const { plan, market, path } = options;
  const data = partOf(options);
  if (data.feed.time.length === 0) throw new FailureError(`${data.symbol}: no trades and no candles in the requested time range`);
  const { terms, sample } = plan;
  const strategy = createStrategy(options, data);
  const until = plan.gaps === 'halt' ? data.gaps[0]?.from : undefined;
  const outcome = runBacktest(data, { terms, strategy, path: path ?? 'high-first', sample, until });
  const trades = roundTrips(outcome.fills, outcome.fundings);
  const metrics = metricsOf(outcome, {
    trips: trades,
    deposit: terms.deposit,
    period: sample,
    figures: strategy.figures?.() ?? {},
  });
  const notes = [...(strategy.notes?.() ?? []), ...market.notes, ...haltNote(until), ...runWarnings(outcome, metrics, terms)];
  return recordsOf(outcome, {
    options,
    data,
    metrics:
      data.feed.kind === 'trades'
        ? metrics
        : { ...metrics, undecided_bars: outcome.undecided, undecided_pct: (outcome.undecided / outcome.events) * 100 },
    levels: strategy.levels?.() ?? [],
    trades,
    detail: { ...options.detail, ...(notes.length > 0 && { warnings: notes }) },
  });
}

function partOf({ market: { data }, since, until }: ExecuteOptions): MarketData {
  if (since === undefined && until === undefined) return data;
  return between(data, since ?? Number.NEGATIVE_INFINITY, until ?? Number.POSITIVE_INFINITY);
}

function haltNote(until: number | undefined): string[] {
  return until === undefined ? [] : [`halted at ${formatTime(until)}: a gap in the data begins there`];
}

function createStrategy(options: ExecuteOptions, data: MarketData): Strategy {
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
  if (module?.create) return withMatchingCallback(data, plan.path, module.create(plan.parameters));
  if (module?.exposure === undefined) throw new FailureError(`${plan.path}: module is not loaded`);
  if (data.feed.kind !== 'candles')
    throw new UsageError(`${plan.path}: "exposure" needs candles, the input has trades; build candles with mdtool candles`);
  return new ExposureStrategy(computeExposure(module, options, data.feed), data.feed);
}

/** Refuses a strategy that has only the other kind of callback: it would run to the end without a single call. */
function withMatchingCallback({ feed: { kind } }: MarketData, path: string, strategy: Strategy): Strategy {
  const [seen, other] = kind === 'trades' ? (['trade', 'bar'] as const) : (['bar', 'trade'] as const);
  if (strategy[other] !== undefined && strategy[seen] === undefined)
    throw new UsageError(`${path}: has a callback "${other}" but none "${seen}", and the input has ${kind}`);
  return strategy;
}

/** Earlier data warms the strategy up; data after the part stays hidden from it. */
function computeExposure(module: StrategyModule, { market: { data }, plan, until }: ExecuteOptions, part: Bars): Float64Array {
  const known = between(data, Number.NEGATIVE_INFINITY, until ?? Number.POSITIVE_INFINITY).feed as Bars;
  const parameters = plan.strategy.kind === 'module' ? plan.strategy.parameters : {};
  const targets = module.exposure?.(known, parameters);
  if (!(targets instanceof Float64Array) || targets.length !== known.time.length)
    throw new FailureError(`exposure: expected a Float64Array with one value for each of ${known.time.length} candles`);
  return targets.subarray(known.time.length - part.time.length);
}

type Filled = Pick<Execution, (typeof COMPARED)[number]>;
type Place = Pick<Fill, 'exchange' | 'market' | 'symbol'>;

type Described = {
  readonly options: ExecuteOptions;
  readonly data: MarketData;
  readonly metrics: Readonly<Record<string, number>>;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly levels: readonly LevelSpan[];
  readonly trades: readonly RoundTrip[];
};

function recordsOf(outcome: Outcome, { options, data, metrics, detail, levels, trades }: Described): FinishedRun {
  const { plan, path } = options;
  const { exchange, market, symbol } = data;
  const place = { exchange, market, symbol };
  const { fills } = outcome;
  const { earlier } = options;
  const fillsHash = isSame(earlier?.executions, fills) ? (earlier as FinishedRun).run.fillsHash : hashOfFills(fills, place);
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
  const recordOf = (fill: Execution, number: number) => fillRecord(fill, number, place, runId);
  return {
    run,
    executions: fills,
    get fills() {
      return fills.map(recordOf);
    },
    get fillBatches() {
      return batchesOf(fills, recordOf);
    },
    equity: equityRecords(outcome, place, runId),
    levels,
    trades,
  };
}

function equityRecords(outcome: Outcome, place: Place, runId: string): Equity[] {
  return outcome.equity.map(({ time, equity, balance, net, drawdown }) => ({
    type: 'equity',
    ...place,
    timestamp: time,
    runId,
    equity,
    balance,
    position: net,
    drawdownPct: drawdown * 100,
  }));
}

function* batchesOf(fills: readonly Execution[], recordOf: (fill: Execution, number: number) => Fill): Generator<Fill[]> {
  for (let from = 0; from < fills.length; from += BATCH)
    yield fills.slice(from, from + BATCH).map((fill, index) => recordOf(fill, from + index));
}

/** Returns the record of a fill; without a run it is the line that is hashed. */
export function fillRecord(fill: Filled, number: number, { exchange, market, symbol }: Place, runId?: string): Fill {
  return {
    type: 'fill',
    exchange,
    market,
    symbol,
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
    runId,
  };
}

/** Returns whether two lists have the same fills. */
function isSame(some: readonly Execution[] | undefined, others: readonly Execution[]): boolean {
  if (some?.length !== others.length) return false;
  return some.every((fill, index) => {
    const other = others[index] as Execution;
    return COMPARED.every((name) => fill[name] === other[name]);
  });
}

/** Returns the hash of the NDJSON lines of fills, each without a run. */
function hashOfFills(fills: readonly Execution[], place: Place): string {
  const hash = createHash('sha256');
  const lines = new NdjsonLines();
  for (let number = 0; number < fills.length; number++) {
    lines.add(fillRecord(fills[number] as Execution, number, place));
    if (lines.length >= HASHED) hash.update(lines.take());
  }
  return hash.update(lines.take()).digest('hex');
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
