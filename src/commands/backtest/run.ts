import { endOf } from '../../lib/backtest/market-data.js';
import { plansOf } from '../../lib/backtest/study/axes.js';
import type { LoadedMarket } from '../../lib/backtest/study/market-reader.js';
import { inlinePool, type Pool, workerPool } from '../../lib/backtest/study/pool.js';
import type { RunPlan } from '../../lib/backtest/study/run-plan.js';
import { loadMarkets } from '../../lib/backtest/study/source.js';
import type { StrategyModule } from '../../lib/backtest/study/strategy-module.js';
import { runsOf, type Study, splitAt, study, type Window, walkForward } from '../../lib/backtest/study/study.js';
import { SweepLog } from '../../lib/backtest/study/sweep-log.js';
import type { SelectionFlags } from '../../lib/cli/record-selection.js';
import { selectionOf } from '../../lib/cli/record-selection.js';
import type { Summary } from '../../lib/cli/summary.js';
import { BrokenLines } from '../../lib/input/broken-lines.js';
import { UsageError } from '../../lib/model/errors.js';
import type { AnyRecord, Run } from '../../lib/model/records.js';
import { formatTime } from '../../lib/model/time.js';
import type { BacktestFlags } from './flags.js';
import { forwardTotals } from './forward-total.js';
import { feedText, kindOf, planOf } from './plan.js';
import type { SweepProgress } from './sweep-progress.js';

/** What a backtest is asked for on the command line. */
export type BacktestRequest = {
  readonly paths: readonly string[];
  readonly directory: string;
  readonly flags: BacktestFlags & SelectionFlags;
  readonly signal: AbortSignal;
  readonly summary: Summary;
  readonly notice: (text: string) => void;
  readonly progress: SweepProgress;
  /** Told of what is run before it is. */
  readonly loaded: (markets: readonly LoadedMarket[]) => void;
};

/** One symbol and what came of it. */
export type Finding = { readonly market: LoadedMarket; readonly study: Study };

/** Loads the data, runs what the flags ask for on every symbol, and returns what came of it. */
export async function runBacktests(request: BacktestRequest): Promise<Finding[]> {
  const { flags, summary } = request;
  const module = kindOf(flags.strategy) === 'module' ? await loadModule(flags.strategy) : undefined;
  const markets = await markedMarkets(request);
  request.loaded(markets);
  if (markets.length > 1 && flags.resume !== undefined)
    throw new UsageError(`--resume: expected one symbol, found ${markets.length}; --symbols chooses`);
  const findings: Finding[] = [];
  for (const market of markets) {
    if (!acceptsHoles(market, request)) continue;
    summary.note({ data: [...findings.map(({ market: done }) => feedText(done)), feedText(market)].join('; ') });
    findings.push({ market, study: await studied(market, module, request) });
  }
  const totals = forwardTotals(findings.flatMap(({ study }) => study.finished.map(({ run }) => run)));
  if (flags.json && totals.length > 0) summary.note({ out_of_sample: totals });
  return findings;
}

async function loadModule(path: string): Promise<StrategyModule> {
  const { loadStrategy } = await import('../../lib/backtest/study/strategy-module.js');
  return await loadStrategy(path);
}

async function markedMarkets({ paths, directory, flags, summary, notice }: BacktestRequest): Promise<LoadedMarket[]> {
  const broken = new BrokenLines(notice);
  const markets = await loadMarkets({
    ...selectionOf(flags),
    paths,
    directory,
    interval: flags.interval,
    books: flags.fill === 'volume',
    signals: flags.strategy === 'signals',
    broken: (reason) => broken.broken(reason),
  });
  if (broken.count > 0) summary.incomplete(`${broken.count} lines of the input could not be read`);
  if (markets.length > 0) return markets;
  const where = paths.length > 0 ? paths.join(', ') : `the store ${directory}`;
  const what = flags.interval === undefined ? 'trades' : `candles of ${flags.interval}`;
  throw new UsageError(
    `expected trades or candles to run on, found no ${what} in ${where}${paths.length > 0 ? '' : '; mdtool stream or backfill fetches them, --interval runs on candles'}`,
  );
}

/** Says what holes there are. With `fail` nothing is run on data that has some: exit 3. */
function acceptsHoles({ data }: LoadedMarket, { flags, summary, notice }: BacktestRequest): boolean {
  const [first] = data.holes;
  if (first === undefined) return true;
  const found = `${data.exchange} ${data.market} ${data.symbol}: the data has ${data.holes.length} holes, the first from ${formatTime(first.from)} to ${formatTime(first.until)}`;
  if (flags.gaps === 'fail') summary.incomplete(`${found}; backfill repairs them, --gaps halt|ignore runs all the same`);
  else if (flags.gaps === 'halt') summary.incomplete(`${found}; the run halts there`);
  else notice(`${found}; they are run over as though nothing were missing`);
  return flags.gaps !== 'fail';
}

async function studied(market: LoadedMarket, module: StrategyModule | undefined, request: BacktestRequest): Promise<Study> {
  const { flags, signal, progress } = request;
  const base = planOf(flags, market, module);
  const plans = plansOf(base, flags.sweep ?? []);
  const windows = windowsOf(request, market);
  const runs = runsOf({ plans, windows, market });
  const pool = poolFor(market, base, module, Math.min(flags.workers ?? 1, Math.max(1, runs)));
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
      `--walk-forward: what comes after ${formatTime(judged)} is no whole stretch to judge and is left out, ${percent(end - judged, end - (windows[0] as Window).from)} of the data`,
    );
  if (windows.length > 0) return windows;
  throw new UsageError(`--walk-forward: ${market.data.symbol} has less data than one stretch to choose on and one to judge`);
}

function percent(part: number, whole: number): string {
  return `${((part / whole) * 100).toFixed(1)} %`;
}

function poolFor(market: LoadedMarket, { strategy }: RunPlan, module: StrategyModule | undefined, size: number): Pool {
  if (size === 1) return inlinePool(market, module);
  return workerPool(size, { market, module: strategy.kind === 'module' ? strategy.path : undefined });
}

/** Returns the records of what was found: the runs behind the best, then every run with its fills and its equity. */
export function* recordsOf(findings: readonly Finding[]): Generator<AnyRecord[]> {
  for (const { study: found } of findings) {
    for (const { run, fills, equity } of found.finished) {
      yield [run];
      yield [...fills];
      yield [...equity];
    }
    yield [...found.ranking];
  }
}

/** Returns the warnings of runs with their fills, each once, with how many runs it is true of. */
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
