import { parentPort, workerData } from 'node:worker_threads';
import type { LoadedMarket } from '../backtest/study/market-reader.js';
import type { StrategyModule } from '../backtest/study/strategy-module.js';
import type { SweepJob } from '../backtest/study/sweep-job.js';
import type { CandleJob } from '../candles/store/candle-job.js';
import type { FeatureJob } from '../features/store/feature-job.js';
import { JobRefusal } from '../redis/job-worker.js';
import { loadMarket, loadModule, runSweepJob } from './sweep-work.js';
import { requireVersion, type WorkerPlace } from './worker-place.js';

/** A request to a thread; it answers one at a time. */
export type ThreadRequest =
  | { readonly do: 'load'; readonly job: SweepJob }
  | { readonly do: 'run'; readonly job: SweepJob; readonly market: LoadedMarket | undefined }
  | StepRequest;

/** A part of a step over a store. */
export type StepRequest =
  | { readonly do: 'candles'; readonly job: CandleJob }
  | { readonly do: 'features'; readonly job: FeatureJob };

export type ThreadAnswer = {
  readonly result?: unknown;
  readonly error?: { readonly message: string; readonly isRefusal: boolean };
};

const place = workerData as WorkerPlace;
/** The market and the module of the last job: a sweep has many jobs on one market. */
let held: { readonly fingerprint: string; readonly market: LoadedMarket } | undefined;
const modules = new Map<string, Promise<StrategyModule | undefined>>();

parentPort?.on('message', async (request: ThreadRequest) => {
  parentPort?.postMessage(await answer(request));
});

async function answer(request: ThreadRequest): Promise<ThreadAnswer> {
  try {
    return { result: await resultOf(request) };
  } catch (error) {
    return { error: { message: (error as Error).message, isRefusal: error instanceof JobRefusal } };
  }
}

async function resultOf(request: ThreadRequest): Promise<unknown> {
  if (request.do === 'load') return await load(request.job);
  if (request.do === 'run') return await run(request.job, request.market);
  requireVersion(request.job, place);
  const store = place.store ?? request.job.store;
  if (request.do === 'candles') return await (await import('../candles/store/candle-work.js')).runCandleJob(request.job, store);
  return await (await import('../features/store/feature-work.js')).runFeatureJob(request.job, store);
}

async function load(job: SweepJob): Promise<LoadedMarket> {
  requireVersion(job, place);
  const market = await loadMarket(job, place);
  held = { fingerprint: job.fingerprint, market };
  return market;
}

async function run(job: SweepJob, sent: LoadedMarket | undefined): Promise<unknown> {
  // First: the other side now counts on it that this thread has the market.
  if (sent) held = { fingerprint: job.fingerprint, market: sent };
  requireVersion(job, place);
  if (held?.fingerprint !== job.fingerprint) throw new Error('the market of the job was not loaded');
  return runSweepJob(job, { ...held.market, notes: job.notes }, await moduleOf(job));
}

async function moduleOf(job: SweepJob): Promise<StrategyModule | undefined> {
  const hash = job.module?.hash ?? '';
  const loading = modules.get(hash) ?? loadModule(job, place);
  modules.set(hash, loading);
  // A module that is added to the directory later is found by the next job.
  loading.catch(() => modules.delete(hash));
  return await loading;
}
