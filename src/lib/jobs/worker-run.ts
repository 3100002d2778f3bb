import { hostname } from 'node:os';
import type { SweepJob } from '../backtest/study/sweep-job.js';
import type { CandleJob } from '../candles/store/candle-job.js';
import type { FeatureJob } from '../features/store/feature-job.js';
import type { RedisConnection } from '../redis/client.js';
import { JobQueue, type QueueCounts, type QueuedJob, REFUSED, WORK_QUEUE } from '../redis/job-queue.js';
import { JobRefusal, JobWorker, type WorkerCounts } from '../redis/job-worker.js';
import { readPlain } from '../redis/plain-data.js';
import { ThreadPool } from './thread-pool.js';
import type { WorkerPlace } from './worker-place.js';

type WorkerOptions = WorkerPlace & {
  readonly connection: RedisConnection;
  readonly concurrency: number;
  /** Milliseconds after which another worker takes over the jobs of this one, if it is silent. */
  readonly lock: number;
  readonly onFailure: (reason: string) => void;
};

/** What a worker has done, and what waits for all workers. */
export type WorkerStatus = WorkerCounts &
  Pick<QueueCounts, 'waiting'> & {
    /** Age of the oldest waiting job, milliseconds; 0 if none waits. */
    readonly oldest: number;
  };

/** Name of this process among all workers. */
export const WORKER_NAME = `${hostname().replaceAll(':', '-')}/${process.pid}`;

/** A worker that takes jobs until it is closed. */
export class RunningWorker {
  readonly #worker: JobWorker;
  readonly #threads: ThreadPool;
  readonly #queue: JobQueue;
  #waiting = { waiting: 0, oldest: 0 };

  private constructor(worker: JobWorker, threads: ThreadPool, queue: JobQueue) {
    this.#worker = worker;
    this.#threads = threads;
    this.#queue = queue;
  }

  /** Throws a `UsageError` without BullMQ, a `FailureError` if Redis cannot be reached. */
  static async start(options: WorkerOptions): Promise<RunningWorker> {
    const { connection, concurrency, lock, onFailure } = options;
    const { version, modules, store } = options;
    const queue = await JobQueue.open({ ...connection, onTrouble: () => {} });
    const threads = new ThreadPool({ version, modules, store });
    const worker = await JobWorker.open({
      ...{ connection, concurrency, lock, name: WORKER_NAME, queue: WORK_QUEUE },
      run: (job) => runJob(job, threads),
      onFailure: (_, reason) => onFailure(reason),
    });
    return new RunningWorker(worker, threads, queue);
  }

  /** Returns the numbers of this worker, and those of the queue at the last `refresh`. */
  get status(): WorkerStatus {
    return { ...this.#worker.counts, ...this.#waiting };
  }

  /** Asks Redis for what waits. */
  async refresh(): Promise<void> {
    const [{ waiting }, oldest] = await Promise.all([this.#queue.counts(), this.#queue.oldest()]);
    this.#waiting = { waiting, oldest: oldest === undefined ? 0 : Math.max(0, Date.now() - oldest) };
  }

  /** Takes no more jobs, and ends when the running ones have ended. */
  async close(): Promise<void> {
    await this.#worker.close();
    await this.#threads.close();
    await this.#queue.close();
  }
}

async function runJob(job: QueuedJob, threads: ThreadPool): Promise<unknown> {
  try {
    if (job.kind === 'sweep') return await threads.runSweep(readPlain(job) as SweepJob);
    if (job.kind === 'candles') return await threads.runStep({ do: 'candles', job: readPlain(job) as CandleJob });
    if (job.kind === 'features') return await threads.runStep({ do: 'features', job: readPlain(job) as FeatureJob });
    throw new JobRefusal(`unknown kind of job "${job.kind}": this mdtool is older than the sender`);
  } catch (error) {
    if (error instanceof JobRefusal) throw new JobRefusal(`${REFUSED} ${WORKER_NAME}: ${error.message}`);
    throw error;
  }
}
