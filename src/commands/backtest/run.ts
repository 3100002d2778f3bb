import { endOf } from '../../lib/backtest/market-data.js';
import { buildPlans } from '../../lib/backtest/study/axes.js';
import type { LoadedMarket } from '../../lib/backtest/study/market-reader.js';
import { createInlinePool, createWorkerPool, type Pool } from '../../lib/backtest/study/pool.js';
import type { RunPlan } from '../../lib/backtest/study/run-plan.js';
import { loadMarkets, type MarketSource } from '../../lib/backtest/study/source.js';
import type { StrategyModule } from '../../lib/backtest/study/strategy-module.js';
import { countRuns, type Study, splitAt, study, type Window, walkForward } from '../../lib/backtest/study/study.js';
import { SweepLog } from '../../lib/backtest/study/sweep-log.js';
import type { SelectionFlags } from '../../lib/cli/record-selection.js';
import { selectionOf } from '../../lib/cli/record-selection.js';
import type { Summary } from '../../lib/cli/summary.js';
import { BrokenLines } from '../../lib/input/broken-lines.js';
import { isPiped } from '../../lib/input/paths.js';
import { counted } from '../../lib/model/counted.js';
import { EXIT, MdtoolError, UsageError } from '../../lib/model/errors.js';
import type { AnyRecord, Run } from '../../lib/model/records.js';
import { formatTime } from '../../lib/model/time.js';
import type { BacktestFlags } from './flags.js';
import { buildPlan, feedText, kindOf } from './plan.js';
import type { SweepProgress } from './sweep-progress.js';
import { walkForwardTotals } from './walk-forward-totals.js';

/** A backtest as the command line requests it. */
type BacktestRequest = {
  readonly paths: readonly string[];
  readonly directory: string;
  readonly flags: BacktestFlags & SelectionFlags;
  readonly signal: AbortSignal;
  readonly summary: Summary;
  readonly notice: (text: string) => void;
  readonly progress: SweepProgress;
  /** Version of mdtool, which workers compare with theirs. */
  readonly version: string;
  /** Called with the loaded markets before any run. */
  readonly loaded: (markets: readonly LoadedMarket[]) => void;
};

/** One symbol with its runs. */
export type SymbolResult = { readonly market: LoadedMarket; readonly study: Study };

/** Loads the data, runs the requested study on every symbol and returns the results. */
export async function runBacktests(request: BacktestRequest): Promise<SymbolResult[]> {
  const { flags, summary } = request;
  if (typeof flags.workers === 'string' && isPiped(request.paths))
    throw new UsageError(
      '--workers redis://…: workers cannot read stdin or a Redis stream; write the records to a file or the store first',
    );
  const module = kindOf(flags.strategy) === 'module' ? await loadModule(flags.strategy) : undefined;
  const markets = await loadMarketsOf(request);
  request.loaded(markets);
  if (markets.length > 1 && flags.resume !== undefined)
    throw new UsageError(`--resume: expected one symbol, found ${markets.length}; choose one with --symbols`);
  const results: SymbolResult[] = [];
  for (const market of markets) {
    if (!acceptsGaps(market, request)) continue;
    summary.note({ data: [...results.map(({ market: done }) => feedText(done)), feedText(market)].join('; ') });
    results.push({ market, study: await runStudy(market, module, request) });
  }
  const totals = walkForwardTotals(results.flatMap(({ study }) => study.finished.map(({ run }) => run)));
  if (flags.json && totals.length > 0) summary.note({ out_of_sample: totals });
  return results;
}

async function loadModule(path: string): Promise<StrategyModule> {
  const { loadStrategy } = await import('../../lib/backtest/study/strategy-module.js');
  return await loadStrategy(path);
}

async function loadMarketsOf(request: BacktestRequest): Promise<LoadedMarket[]> {
  const { paths, directory, flags, summary, notice } = request;
  const broken = new BrokenLines(notice);
  const markets = await loadMarkets({
    ...sourceOf(request),
    memory: request.flags.memory,
    broken: (reason) => broken.broken(reason),
  });
  if (broken.count > 0) summary.incomplete(`${counted(broken.count, 'input line')} could not be read`);
  if (markets.length > 0) return markets;
  const where = paths.length > 0 ? paths.join(', ') : `the store ${directory}`;
  const isStore = paths.length === 0;
  const what = flags.interval !== undefined ? `candles of ${flags.interval}` : isStore ? 'trades' : 'trades or candles';
  const isSelected = [flags.exchange, flags.market, flags.symbols, flags.since, flags.until].some((flag) => flag !== undefined);
  const selected = isSelected ? ' for this selection' : '';
  if (broken.count > 0)
    throw new MdtoolError(
      `no ${what}${selected} in ${where}: ${counted(broken.count, 'row')} could not be read`,
      EXIT.incomplete,
    );
  throw new UsageError(
    `no ${what}${selected} in ${where}${!isStore ? '' : '; fetch trades with mdtool stream or backfill, or use --interval to run on candles'}`,
  );
}

function sourceOf({ paths, directory, flags }: BacktestRequest): MarketSource {
  return {
    ...{ ...selectionOf(flags), paths, directory },
    interval: flags.interval,
    books: flags.fill === 'volume',
    signals: flags.strategy === 'signals',
  };
}

/** Reports gaps and returns whether to run. With `fail`, data with gaps is not run (exit 3). */
function acceptsGaps({ data }: LoadedMarket, { flags, summary, notice }: BacktestRequest): boolean {
  const [first] = data.gaps;
  if (first === undefined) return true;
  const found = `${data.exchange} ${data.market} ${data.symbol}: the data has ${counted(data.gaps.length, 'gap')}, the first from ${formatTime(first.from)} to ${formatTime(first.until)}`;
  if (flags.gaps === 'fail')
    summary.incomplete(`${found}; repair with mdtool backfill, or run with --gaps halt or --gaps ignore`);
  else if (flags.gaps === 'halt') summary.incomplete(`${found}; the run stops there`);
  else notice(`${found}; the run ignores them`);
  return flags.gaps !== 'fail';
}

async function runStudy(market: LoadedMarket, module: StrategyModule | undefined, request: BacktestRequest): Promise<Study> {
  const { flags, signal, progress } = request;
  const base = buildPlan(flags, market, module);
  const plans = buildPlans(base, flags.sweep ?? []);
  const windows = windowsOf(request, market);
  const runs = countRuns({ plans, windows, market });
  const pool = await openPool({ market, plan: base, module, runs }, request);
  progress.begin(market.data.symbol, runs);
  try {
    return await study({
      market,
      module,
      plans,
      windows,
      pool,
      signal,
      rankBy: flags['rank-by'] ?? 'net_profit',
      log: flags.resume === undefined ? undefined : new SweepLog(flags.resume, market),
      progress: (_, isKnown) => progress.done(isKnown),
    });
  } finally {
    progress.end();
    await pool.close();
  }
}

function windowsOf({ flags, notice }: BacktestRequest, market: LoadedMarket): Window[] {
  if (flags.split !== undefined) return [splitAt(market, flags.split.toNumber())];
  const forward = flags['walk-forward'];
  if (forward === undefined) return [];
  const windows = walkForward(market, forward.train, forward.test);
  const [judged, end] = [windows.at(-1)?.testUntil ?? 0, endOf(market.data.feed)];
  if (windows.length > 0 && judged < end)
    notice(
      `--walk-forward: data after ${formatTime(judged)} is shorter than a test window and is not used (${percent(end - judged, end - (windows[0] as Window).from)} of the data)`,
    );
  if (windows.length > 0) return windows;
  throw new UsageError(`--walk-forward: ${market.data.symbol} has not enough data for one training and one test window`);
}

function percent(part: number, whole: number): string {
  return `${((part / whole) * 100).toFixed(1)} %`;
}

type PoolOptions = {
  readonly market: LoadedMarket;
  readonly plan: RunPlan;
  readonly module: StrategyModule | undefined;
  readonly runs: number;
};

/** Opens what the runs of a sweep are made in: this thread, threads of this process, or workers behind a Redis. */
async function openPool(options: PoolOptions, request: BacktestRequest): Promise<Pool> {
  const { market, module, runs } = options;
  const { strategy } = options.plan;
  const path = strategy.kind === 'module' ? strategy.path : undefined;
  const { workers = 1 } = request.flags;
  if (typeof workers === 'string' && runs > 0) return await openRemotePool({ market, module, path, runs, url: workers }, request);
  const size = typeof workers === 'string' ? 1 : Math.min(workers, Math.max(1, runs));
  return size === 1 ? createInlinePool(market, module) : createWorkerPool(size, { market, module: path });
}

type RemoteOptions = Pick<PoolOptions, 'market' | 'module' | 'runs'> & {
  readonly path: string | undefined;
  readonly url: string;
};

async function openRemotePool({ market, module, path, runs, url }: RemoteOptions, request: BacktestRequest): Promise<Pool> {
  const { createRemotePool } = await import('../../lib/backtest/study/remote-pool.js');
  const { buildSweepSetting } = await import('../../lib/backtest/study/sweep-job.js');
  const { signal, summary, notice, version } = request;
  const setting = buildSweepSetting(version, market, { source: sourceOf(request), module: path });
  const failures = new Map<string, number>();
  const failed = (reason: string) => void failures.set(reason, (failures.get(reason) ?? 0) + 1);
  const pool = await createRemotePool({ workers: { url, notice }, setting, market, module, size: runs, signal, failed });
  return {
    ...pool,
    async close() {
      await pool.close();
      for (const [reason, count] of failures)
        summary.incomplete(`${market.data.symbol}: ${count} of ${runs} runs were not made: ${reason}`);
    },
  };
}

/** Returns the records of the results: every run with its fills and equity, then the other runs of the ranking. */
export function* recordsOf(results: readonly SymbolResult[]): Generator<readonly AnyRecord[]> {
  for (const { study: result } of results) {
    for (const { run, fillBatches, equity } of result.finished) {
      yield [run];
      yield* fillBatches;
      yield equity;
    }
    yield result.ranking;
  }
}

/** Returns each warning of the runs once, with the number of runs it applies to. */
export function warningsOf(studies: readonly Study[]): string[] {
  const counts = new Map<string, number>();
  const runs = studies.flatMap(({ finished }) => finished.map(({ run }) => run));
  for (const run of runs) for (const warning of warningsIn(run)) counts.set(warning, (counts.get(warning) ?? 0) + 1);
  return [...counts].map(([warning, count]) =>
    count === runs.length ? warning : `${warning} (${count} of ${runs.length} runs)`,
  );
}

function warningsIn({ detail }: Run): readonly string[] {
  return (detail as { readonly warnings?: readonly string[] } | undefined)?.warnings ?? [];
}
