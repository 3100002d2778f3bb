import { Worker } from 'node:worker_threads';
import type { LoadedMarket } from '../backtest/study/market-reader.js';
import type { SweepJob } from '../backtest/study/sweep-job.js';
import { packageFile } from '../disk/package-files.js';
import { JobRefusal } from '../redis/job-worker.js';
import type { StepRequest, ThreadAnswer, ThreadRequest } from './job-thread.js';
import type { WorkerPlace } from './worker-place.js';

/** Markets that are kept in memory; each is shared by all threads. */
const MOST_MARKETS = 3;

/**
 * Threads that run the jobs of a worker, one each. A job on the event loop would keep it from renewing the job's lock:
 * others would take the job over and run it again, and in the end it would fail.
 */
export class ThreadPool {
  readonly #place: WorkerPlace;
  readonly #idle: JobThread[] = [];
  readonly #all = new Set<JobThread>();
  readonly #markets = new Map<string, Promise<LoadedMarket>>();

  constructor(place: WorkerPlace) {
    this.#place = place;
  }

  /** Runs the tasks of a sweep. */
  async runSweep(job: SweepJob): Promise<unknown> {
    return await this.#inThread(async (thread) => await thread.run(job, await this.#marketOf(job, thread)));
  }

  /** Does a part of a step over a store. */
  async runStep(request: StepRequest): Promise<unknown> {
    return await this.#inThread(async (thread) => await thread.runStep(request));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#all].map((thread) => thread.close()));
  }

  /** Runs a job in an idle thread; there are as many threads as jobs at once. */
  async #inThread(run: (thread: JobThread) => Promise<unknown>): Promise<unknown> {
    const thread = this.#idle.pop() ?? this.#start();
    try {
      return await run(thread);
    } finally {
      if (thread.isAlive) this.#idle.push(thread);
      else this.#all.delete(thread);
    }
  }

  #start(): JobThread {
    const thread = new JobThread(this.#place);
    this.#all.add(thread);
    return thread;
  }

  /** The first job of a market loads it; its columns are in shared memory. */
  #marketOf(job: SweepJob, thread: JobThread): Promise<LoadedMarket> {
    const known = this.#markets.get(job.fingerprint);
    const loading = known ?? thread.load(job);
    this.#markets.delete(job.fingerprint);
    this.#markets.set(job.fingerprint, loading);
    if (!known) loading.catch(() => this.#markets.delete(job.fingerprint));
    for (const oldest of this.#markets.keys()) {
      if (this.#markets.size <= MOST_MARKETS) break;
      this.#markets.delete(oldest);
    }
    return loading;
  }
}

class JobThread {
  readonly #worker: Worker;
  /** Fingerprint of the market that the thread has. */
  #has: string | undefined;
  isAlive = true;

  constructor(place: WorkerPlace) {
    this.#worker = new Worker(packageFile('dist/run/lib/jobs/job-thread.js'), { workerData: place });
    this.#worker
      .on('error', () => {})
      .once('exit', () => {
        this.isAlive = false;
      });
  }

  async load(job: SweepJob): Promise<LoadedMarket> {
    const market = (await this.#ask({ do: 'load', job })) as LoadedMarket;
    this.#has = job.fingerprint;
    return market;
  }

  async run(job: SweepJob, market: LoadedMarket): Promise<unknown> {
    const isKnown = this.#has === job.fingerprint;
    this.#has = job.fingerprint;
    return await this.#ask({ do: 'run', job, market: isKnown ? undefined : market });
  }

  async runStep(request: StepRequest): Promise<unknown> {
    return await this.#ask(request);
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #ask(request: ThreadRequest): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const ended = () => this.#worker.off('error', failed).off('exit', left).off('message', answered);
      const failed = (error: Error) => {
        ended();
        this.isAlive = false;
        reject(error);
      };
      const left = () => failed(new Error('the thread of the job exited'));
      const answered = ({ result, error }: ThreadAnswer) => {
        ended();
        if (error === undefined) resolve(result);
        else reject(error.isRefusal ? new JobRefusal(error.message) : new Error(error.message));
      };
      this.#worker.once('error', failed).once('exit', left).once('message', answered);
      this.#worker.postMessage(request);
    });
  }
}
