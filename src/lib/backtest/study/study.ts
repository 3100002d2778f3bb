import type { Run } from '../../model/records.js';
import { endOf } from '../market-data.js';
import type { Path } from '../terms.js';
import { executePaths, type FinishedRun } from './execute.js';
import type { LoadedMarket } from './market-reader.js';
import type { RunPlan } from './run-plan.js';
import type { StrategyModule } from './strategy-module.js';
import { type Candidate, type SweepOptions, sweep } from './sweep.js';

/** A training window `[from, until)` and the test window `[until, testUntil)` after it, microseconds. */
export type Window = { readonly from: number; readonly until: number; readonly testUntil: number };

/** Input of the study of one symbol. */
type StudyOptions = Pick<SweepOptions, 'pool' | 'rankBy' | 'log' | 'signal' | 'progress'> & {
  readonly market: LoadedMarket;
  readonly module?: StrategyModule | undefined;
  readonly plans: readonly RunPlan[];
  /** Training and test windows; empty for one run over all data. */
  readonly windows: readonly Window[];
};

/** Result: runs with their fills, and for a sweep the ranked runs of the other plans. */
export type Study = { readonly finished: readonly FinishedRun[]; readonly ranking: readonly Run[] };

/** Returns the paths of a plan: both for candles, because the true one is unknown; none to choose for trades. */
function pathsFor({ strategy }: RunPlan, { data }: LoadedMarket): readonly (Path | undefined)[] {
  if (data.feed.kind === 'trades') return [undefined];
  return strategy.kind === 'signals' ? ['worse', 'better'] : ['high-first', 'low-first'];
}

/** Returns the windows of a walk-forward test: `train`, then `test`; the next pair starts one `test` later. */
export function walkForward({ data: { feed } }: LoadedMarket, train: number, test: number): Window[] {
  const windows: Window[] = [];
  const end = endOf(feed);
  for (let from = feed.time[0] ?? end; from + train + test <= end; from += test)
    windows.push({ from, until: from + train, testUntil: from + train + test });
  return windows;
}

/** Returns one window with a share of the time for training and the rest for testing. */
export function splitAt({ data: { feed } }: LoadedMarket, share: number): Window {
  const from = feed.time[0] ?? 0;
  const testUntil = endOf(feed);
  return { from, until: Math.round(from + (testUntil - from) * share), testUntil };
}

/** Runs the plans over all data, or chooses on each training window and tests on the window after it. */
export async function study(options: StudyOptions): Promise<Study> {
  const { plans, windows, signal } = options;
  if (windows.length === 0) return plans.length === 1 ? single(options) : await ranked(options);
  const finished: FinishedRun[] = [];
  for (const [index, window] of windows.entries()) {
    if (signal.aborted) break;
    finished.push(...(await testWindow(options, window, index)));
  }
  return { finished, ranking: [] };
}

function single({ plans, market, module }: StudyOptions): Study {
  const [plan] = plans as [RunPlan];
  return { finished: executePaths({ market, module, plan }, pathsFor(plan, market)), ranking: [] };
}

async function ranked(options: StudyOptions): Promise<Study> {
  const { market, module } = options;
  const candidates = await rankCandidates(options);
  const ranking = candidates
    .slice(1)
    .flatMap(({ runs }, index) =>
      runs.map((run): Run => ({ ...run, detail: { ...(run.detail as object | undefined), rank: index + 2 } })),
    );
  const best = candidates[0];
  if (best === undefined) return { finished: [], ranking };
  const { plan } = best;
  return { finished: executePaths({ market, module, plan, detail: { rank: 1 } }, pathsFor(plan, market)), ranking };
}

function rankCandidates(options: StudyOptions, window?: Window): Promise<Candidate[]> {
  const { plans, market, pool, rankBy, log, signal, progress } = options;
  const paths = pathsFor(plans[0] as RunPlan, market);
  return sweep({ plans, paths, pool, rankBy, log, signal, progress, since: window?.from, until: window?.until });
}

async function testWindow(options: StudyOptions, window: Window, index: number): Promise<FinishedRun[]> {
  const { market, module } = options;
  const [best] = await rankCandidates(options, window);
  if (best === undefined) return [];
  const { plan } = best;
  const part = (name: string, since: number, until: number) =>
    executePaths({ market, module, plan, since, until, detail: { part: name, window: index + 1 } }, pathsFor(plan, market));
  return [...part('in-sample', window.from, window.until), ...part('out-of-sample', window.until, window.testUntil)];
}

/** Returns the number of sweep runs of a study: plans × paths × windows. */
export function countRuns({ plans, windows, market }: Pick<StudyOptions, 'plans' | 'windows' | 'market'>): number {
  if (windows.length === 0 && plans.length === 1) return 0;
  return plans.length * pathsFor(plans[0] as RunPlan, market).length * Math.max(1, windows.length);
}
