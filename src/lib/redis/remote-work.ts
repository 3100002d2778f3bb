import { EXIT, FailureError, MdtoolError } from '../model/errors.js';
import { type JobOutcome, JobQueue, type QueuedJob } from './job-queue.js';

/** Jobs whose results are read together: a result may have megabytes. */
const WINDOW = 16;
/** Jobs that are added together. */
const ADDED_AT_ONCE = 500;
/** Milliseconds between two looks: they grow while nothing ends. */
const SHORTEST_PAUSE = 10;
const LONGEST_PAUSE = 250;
/** Milliseconds that Redis has after Ctrl-C. */
const GRACE = 3_000;

/** The Redis of the workers, as `--workers` names it. */
export type Workers = {
  readonly url: string;
  /** Version of mdtool, which workers compare with theirs. */
  readonly version: string;
  readonly notice: (text: string) => void;
};

/** Opens the queue of the workers, and says so when there are none. Throws as `JobQueue.open`. */
export async function openWorkQueue({ url, notice }: Pick<Workers, 'url' | 'notice'>): Promise<JobQueue> {
  const queue = await JobQueue.open({ url, flag: '--workers', onTrouble: notice });
  if ((await queue.workers()).length === 0) notice('no worker is connected; start one with mdtool worker --queue');
  return queue;
}

/** Work of a step that `mdtool worker` processes do: all of it, or the step fails. */
export class RemoteWork {
  readonly #queue: JobQueue;

  private constructor(queue: JobQueue) {
    this.#queue = queue;
  }

  /** Connects. Throws a `UsageError` without BullMQ, a `FailureError` if Redis cannot be reached. */
  static async open(workers: Workers): Promise<RemoteWork> {
    return new RemoteWork(await openWorkQueue(workers));
  }

  /**
   * Yields the result of each job, in about the order in which they end. A result that an earlier run left in
   * Redis is taken from there. Throws a `FailureError` for a job that failed: rows without those of the job would look
   * complete. When `stopped` is aborted, what waits is cancelled, and what runs is left for the next run of the same jobs.
   */
  async *results(jobs: readonly QueuedJob[], stopped: AbortSignal): AsyncGenerator<unknown> {
    const open = new Map(jobs.map((job) => [job.id, job]));
    try {
      for (let from = 0; from < jobs.length && !stopped.aborted; from += ADDED_AT_ONCE)
        await this.#queue.add(jobs.slice(from, from + ADDED_AT_ONCE));
      for (let pause = SHORTEST_PAUSE; open.size > 0 && !stopped.aborted; ) {
        const outcomes = await this.#queue.outcomes([...open.keys()].slice(0, WINDOW));
        for (const [id, outcome] of outcomes) {
          const result = await this.#resultOf(open.get(id) as QueuedJob, outcome);
          if (result === undefined) continue;
          open.delete(id);
          yield result;
        }
        pause = outcomes.size > 0 ? SHORTEST_PAUSE : Math.min(pause * 1.5, LONGEST_PAUSE);
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    } finally {
      if (open.size > 0) await this.#cancel([...open.keys()]);
    }
    if (open.size > 0)
      throw new MdtoolError(
        'stopped: the rows are not written; the same command goes on with the jobs that are done',
        EXIT.incomplete,
      );
  }

  async close(): Promise<void> {
    await this.#queue.close();
  }

  /** Returns the result of a job that ended; undefined when a killed Redis lost the job, which is added again. */
  async #resultOf(job: QueuedJob, outcome: JobOutcome): Promise<unknown> {
    if (outcome.state === 'done') return outcome.result;
    const { name = job.kind } = job.data as { readonly name?: string };
    if (outcome.state === 'failed') throw new FailureError(`--workers: ${name}: ${outcome.reason}`);
    await this.#queue.add([job]);
    return undefined;
  }

  /** Removes what waits. A Redis that hangs must not hold up the end. */
  async #cancel(ids: readonly string[]): Promise<void> {
    const end = new Promise<void>((resolve) => setTimeout(resolve, GRACE).unref());
    await Promise.race([this.#queue.cancel(ids).catch(() => {}), end]);
  }
}
