import type { Queue } from 'bullmq';
import { FailureError } from '../model/errors.js';
import { type BullConnection, connectBull } from './bull.js';
import { isConnectionError, type RedisConnection } from './client.js';

/** A job as plain data. The same job has the same id, so that adding it twice adds it once. */
export type QueuedJob = { readonly id: string; readonly kind: string; readonly data: unknown };

/** What became of a job: its result, why it failed, or that Redis no longer knows it. */
export type JobOutcome =
  | { readonly state: 'done'; readonly result: unknown }
  | { readonly state: 'failed'; readonly reason: string }
  | { readonly state: 'lost' };

/** The jobs of a queue in numbers. */
export type QueueCounts = { readonly waiting: number; readonly active: number; readonly failed: number };

/** Name of the queue that `mdtool worker` serves. */
export const WORK_QUEUE = 'work';
/** Key of the announced queues. */
const ANNOUNCED = 'mdtool:queues';
/** Begins the reason of a job that a worker would not run at all. */
export const REFUSED = 'refused by';
/** Seconds that Redis keeps a finished job, for a command that begins again. */
const KEEP = 24 * 3600;
/** Attempts of a job whose thread dies. A refusal and an error of the data are not tried again. */
const ATTEMPTS = 2;
/** Milliseconds between two attempts while Redis is gone. */
const RETRY_PAUSE = 250;

/** The jobs of one queue, as who needs their results sees them. */
export class JobQueue {
  readonly #connection: BullConnection;
  readonly #queue: Queue;
  #isClosed = false;

  private constructor(connection: BullConnection, name: string) {
    this.#connection = connection;
    this.#queue = new connection.bull.Queue(name, connection.options);
    this.#queue.on('error', () => {});
  }

  /** Connects to a queue. Throws a `UsageError` without BullMQ, a `FailureError` if Redis cannot be reached. */
  static async open(connection: RedisConnection, name = WORK_QUEUE): Promise<JobQueue> {
    return new JobQueue(await connectBull(connection), name);
  }

  /** Adds jobs that are not there yet. A job that failed in an earlier run is tried again. */
  async add(jobs: readonly QueuedJob[]): Promise<void> {
    await this.#retried(async () => {
      await Promise.all(jobs.map(({ id }) => this.#removeFailed(id)));
      const kept = { age: KEEP };
      const opts = { attempts: ATTEMPTS, removeOnComplete: kept, removeOnFail: kept };
      // A bulk is a transaction of scripts, which a Redis that was started again does not know; a single job brings its script.
      await Promise.all(jobs.map(({ id, kind, data }) => this.#queue.add(kind, data, { ...opts, jobId: id })));
    });
  }

  /**
   * Returns which of some jobs do not wait or run any more. Their state is read from the jobs themselves: events can be lost,
   * and a sum of them would wait for ever.
   */
  async ended(ids: readonly string[]): Promise<string[]> {
    return await this.#retried(async () => {
      const rows = await Promise.all(ids.map((id) => this.#fields(id, ['timestamp', 'finishedOn'])));
      return ids.filter((_, index) => rows[index]?.[0] == null || rows[index]?.[1] != null);
    });
  }

  /** Returns what became of a job that has ended. A result may have megabytes: ask for one at a time. */
  async outcome(id: string): Promise<JobOutcome> {
    const fields = await this.#retried(() => this.#fields(id, ['finishedOn', 'returnvalue', 'failedReason']));
    const [finished, result, reason] = fields;
    if (finished == null) return { state: 'lost' };
    return result == null ? { state: 'failed', reason: reason ?? 'failed' } : { state: 'done', result: JSON.parse(result) };
  }

  /** Removes jobs that have ended, with their results. */
  async forget(ids: readonly string[]): Promise<void> {
    await this.#retried(() => Promise.all(ids.map((id) => this.#queue.remove(id))));
  }

  /**
   * Removes jobs that no worker has begun. Returns the ids of the others: those that run, and those that have ended, whose
   * results the next run of the same command takes.
   */
  async cancel(ids: readonly string[]): Promise<string[]> {
    const removed = await this.#retried(() => Promise.all(ids.map((id) => this.#removeUnfinished(id))));
    return ids.filter((_, index) => removed[index] !== 1);
  }

  async counts(): Promise<QueueCounts> {
    const { waiting = 0, active = 0, failed = 0, prioritized = 0, delayed = 0 } = await this.#queue.getJobCounts();
    return { waiting: waiting + prioritized + delayed, active, failed };
  }

  /** Returns when the oldest waiting job was added, milliseconds; undefined if none waits. */
  async oldest(): Promise<number | undefined> {
    const [job] = await this.#queue.getJobs(['waiting'], 0, 0, true);
    return job?.timestamp;
  }

  /** Returns the running jobs and who runs them. */
  async running(): Promise<{ kind: string; id: string; worker: string; since: number; data: unknown }[]> {
    const jobs = await this.#queue.getJobs(['active']);
    return jobs
      .filter((job) => job !== undefined)
      .map(({ name, id = '', processedBy = '', processedOn = 0, data }) => ({
        ...{ kind: name, id, worker: processedBy },
        ...{ since: processedOn, data: data as unknown },
      }));
  }

  /** Returns the names of the workers that are connected. */
  async workers(): Promise<string[]> {
    return (await this.#queue.getWorkers())
      .map(({ rawname = '' }) => rawname.split(':w:')[1] ?? '')
      .filter((name) => name !== '');
  }

  /** Makes the queue known to `announced`. */
  async announce(description: string): Promise<void> {
    await this.#connection.client.hSet(ANNOUNCED, this.#queue.name, description);
  }

  /** Returns the announced queues by name, with what they are for. */
  async announced(): Promise<ReadonlyMap<string, string>> {
    return new Map(Object.entries(await this.#connection.client.hGetAll(ANNOUNCED)));
  }

  /** Closes the connection. Never waits for a Redis that does not answer. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#connection.client.destroy();
    await this.#queue.close().catch(() => {});
  }

  async #removeUnfinished(id: string): Promise<number> {
    const finished = await this.#connection.client.hGet(this.#queue.toKey(id), 'finishedOn');
    return finished === null ? await this.#queue.remove(id) : 0;
  }

  async #removeFailed(id: string): Promise<void> {
    const [finished] = await this.#fields(id, ['finishedOn']);
    if (finished != null && !(await this.#connection.client.hExists(this.#queue.toKey(id), 'returnvalue')))
      await this.#queue.remove(id);
  }

  async #fields(id: string, names: string[]): Promise<(string | null)[]> {
    return await this.#connection.client.hmGet(this.#queue.toKey(id), names);
  }

  async #retried<Result>(work: () => Promise<Result>): Promise<Result> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (this.#isClosed || !isConnectionError(error))
          throw new FailureError(`Redis refused (${(error as Error).message})`, { cause: error });
        await new Promise((resolve) => setTimeout(resolve, RETRY_PAUSE));
      }
    }
  }
}
