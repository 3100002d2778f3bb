import type { Job, Worker } from 'bullmq';
import { type Bull, connectBull } from './bull.js';
import type { RedisClient, RedisConnection } from './client.js';
import type { QueuedJob } from './job-queue.js';

/** An error that a second attempt would meet again: the job fails at once. */
export class JobRefusal extends Error {}

/** Puts a job back into the queue; the next free worker takes it. */
export class JobReturned extends Error {}

/** Jobs of this worker. A stalled one was taken over from a worker that died. */
export type WorkerCounts = { done: number; failed: number; stalled: number; active: number };

type JobWorkerOptions = {
  readonly connection: RedisConnection;
  readonly queue: string;
  /** Name of this worker, unique among all. */
  readonly name: string;
  readonly concurrency: number;
  /** Milliseconds after which the jobs of a silent worker are taken over. */
  readonly lock: number;
  /** Takeovers after which a job fails, because it kills its workers itself. */
  readonly mostTakeovers?: number;
  /** Runs a job. `lost` is aborted when the job's lock is lost: another worker may run it by then. */
  readonly run: (job: QueuedJob, lost: AbortSignal) => Promise<unknown>;
  /** Called for each failed job. */
  readonly onFailure?: (job: QueuedJob, reason: string) => void;
};

/** Milliseconds between two looks for jobs whose worker died. */
const STALLED_EVERY = 2_000;

const MOST_TAKEOVERS = 5;
/** Milliseconds between two attempts to report the end of a job to a lost Redis. */
const REPORT_PAUSE = 500;

/** Runs the jobs of a queue until it is closed. */
export class JobWorker {
  readonly counts: WorkerCounts = { done: 0, failed: 0, stalled: 0, active: 0 };
  readonly #client: RedisClient;
  readonly #worker: Worker;
  readonly #locks = new Map<string, AbortController>();

  private constructor(client: RedisClient, worker: Worker, { onFailure }: JobWorkerOptions) {
    this.#client = client;
    this.#worker = worker;
    worker.on('stalled', () => void this.counts.stalled++);
    worker.on('completed', () => void this.counts.done++);
    worker.on('failed', (job, error) => {
      this.counts.failed++;
      if (job) onFailure?.(queuedJob(job), error.message);
    });
    worker.on('lockRenewalFailed', (ids) => {
      for (const id of ids) this.#locks.get(id)?.abort();
    });
    // Losses of the connection are reported by the client; the rest concerns single jobs, which fail or stall.
    worker.on('error', () => {});
  }

  /** Connects and begins. Throws a `UsageError` without BullMQ, a `FailureError` if Redis cannot be reached. */
  static async open(options: JobWorkerOptions): Promise<JobWorker> {
    const { bull, client, options: shared } = await connectBull(options.connection);
    const { name, concurrency, lock } = options;
    let self: JobWorker | undefined;
    const process = async (job: Job) => await (self as JobWorker).#run(job, options, bull);
    const worker = new bull.Worker(options.queue, process, {
      ...shared,
      ...{ name, concurrency, lockDuration: lock, autorun: false },
      stalledInterval: Math.min(STALLED_EVERY, lock),
      maxStalledCount: options.mostTakeovers ?? MOST_TAKEOVERS,
      runRetryDelay: REPORT_PAUSE,
    });
    self = new JobWorker(client, worker, options);
    // One that is closed while it connects never ends.
    await worker.waitUntilReady();
    // It ends when the worker is closed; its errors are those of `error`.
    void worker.run().catch(() => {});
    return self;
  }

  /** Takes no more jobs and waits for those that run. */
  async close(): Promise<void> {
    await this.#worker.close().catch(() => {});
    this.#client.destroy();
  }

  async #run(job: Job, { run }: JobWorkerOptions, { UnrecoverableError, WaitingError }: Bull): Promise<unknown> {
    const lost = new AbortController();
    const { id = '' } = job;
    this.#locks.set(id, lost);
    this.counts.active++;
    try {
      return await run(queuedJob(job), lost.signal);
    } catch (error) {
      if (error instanceof JobRefusal) throw new UnrecoverableError(error.message);
      if (!(error instanceof JobReturned)) throw error;
      await job.moveToWait(job.token);
      throw new WaitingError();
    } finally {
      this.counts.active--;
      // A job whose lock was lost may run here a second time by now.
      if (this.#locks.get(id) === lost) this.#locks.delete(id);
    }
  }
}

function queuedJob({ id = '', name, data }: Job): QueuedJob {
  return { id, kind: name, data: data as unknown };
}
