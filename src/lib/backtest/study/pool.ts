import { Worker } from 'node:worker_threads';
import { packageFile } from '../../disk/package-files.js';
import { FailureError, UsageError } from '../../model/errors.js';
import type { Run } from '../../model/records.js';
import type { Path } from '../terms.js';
import { type ExecuteOptions, execute } from './execute.js';
import type { LoadedMarket } from './market-reader.js';
import type { RunPlan } from './run-plan.js';
import { loadStrategy, type StrategyModule } from './strategy-module.js';

/** One run of a sweep. */
export type Task = {
  readonly plan: RunPlan;
  readonly path?: Path | undefined;
  readonly since?: number | undefined;
  readonly until?: number | undefined;
};

/** Start data of a worker thread; the columns of the market are in shared memory. */
export type WorkerStart = { readonly market: LoadedMarket; readonly module: string | undefined };
/** Answer of a worker: a run or an error. */
export type WorkerAnswer = { readonly run?: Run; readonly error?: { readonly message: string; readonly isUsage: boolean } };

/** Runs tasks in any order, up to `size` at once. */
export type Pool = {
  readonly size: number;
  /** Returns the run of a task; undefined if it was cancelled, or failed on a worker that has reported it. */
  run(task: Task): Promise<Run | undefined>;
  close(): Promise<void>;
};

/** Creates a pool that runs in this thread. */
export function createInlinePool(market: LoadedMarket, module: StrategyModule | undefined): Pool {
  return {
    size: 1,
    run: async (task) => runTask(task, { market, module }),
    async close() {},
  };
}

/** Returns the `run` record of a task. */
export function runTask(task: Task, { market, module }: Pick<ExecuteOptions, 'market' | 'module'>): Run {
  return execute({ ...task, market, module }).run;
}

/** Creates a pool of worker threads; each runs one task at a time. */
export function createWorkerPool(size: number, start: WorkerStart): Pool {
  const idle = Array.from({ length: size }, () => new PoolWorker(start));
  const all = [...idle];
  const waiting: ((worker: PoolWorker) => void)[] = [];
  const release = (worker: PoolWorker) => {
    const next = waiting.shift();
    if (next) next(worker);
    else idle.push(worker);
  };
  return {
    size,
    async run(task) {
      const worker = idle.pop() ?? (await new Promise<PoolWorker>((resolve) => waiting.push(resolve)));
      try {
        return await worker.run(task);
      } finally {
        release(worker);
      }
    },
    async close() {
      await Promise.all(all.map((worker) => worker.close()));
    },
  };
}

class PoolWorker {
  readonly #worker: Worker;
  #failed: Error | undefined;

  constructor(start: WorkerStart) {
    this.#worker = new Worker(packageFile('dist/run/lib/backtest/study/pool-worker.js'), { workerData: start });
    this.#worker.on('error', (error) => {
      this.#failed = error;
    });
  }

  run(task: Task): Promise<Run> {
    return new Promise((resolve, reject) => {
      if (this.#failed) throw this.#failed;
      const ended = (error?: Error) => {
        this.#worker.off('error', ended).off('exit', left).off('message', answered);
        if (error) reject(error);
      };
      const left = () => ended(new FailureError('a worker thread exited before its run was finished'));
      const answered = ({ run, error }: WorkerAnswer) => {
        ended();
        if (run) resolve(run);
        else reject(new (error?.isUsage ? UsageError : FailureError)(error?.message ?? 'a run failed'));
      };
      this.#worker.once('error', ended).once('exit', left).once('message', answered);
      this.#worker.postMessage(task);
    });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}

/** Loads the strategy module of a worker thread. */
export async function loadModule(path: string | undefined): Promise<StrategyModule | undefined> {
  return path === undefined ? undefined : loadStrategy(path);
}
