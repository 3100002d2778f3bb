import { type JobOutcome, JobQueue, type QueuedJob } from './job-queue.js';
import { SENT_JOBS } from './sent-jobs.js';

/** The Redis of the workers, as `--workers` names it. */
export type Workers = {
  readonly url: string;
  /** Version of mdtool, which workers compare with theirs. */
  readonly version: string;
  readonly notice: (text: string) => void;
};

/** A job, and about how many bytes its result has. */
export type RemoteJob = QueuedJob & { readonly bytes: number };

/** What became of a job that ended. */
export type JobEnd = { readonly job: QueuedJob; readonly outcome: Exclude<JobOutcome, { readonly state: 'lost' }> };

type RemoteOptions = {
  /** Aborted by Ctrl-C. */
  readonly stopped: AbortSignal;
  /** Milliseconds that running jobs have to end after Ctrl-C. Their results stay in Redis for the next run of the same jobs. */
  readonly grace: number;
};

/** Bytes that the results of one command take in Redis at most, about. */
const ROOM = 3e9;
/** Jobs that are looked at together: about in the order in which they end. */
const WINDOW = 256;
/** Jobs that are added together. */
const ADDED_AT_ONCE = 500;
/** Milliseconds between two looks: they grow while nothing ends. */
const SHORTEST_PAUSE = 10;
const LONGEST_PAUSE = 250;
/** Milliseconds that Redis has after Ctrl-C. */
const CANCEL_TIME = 3_000;

/** The jobs of one command that `mdtool worker` processes do. */
export class RemoteJobs {
  readonly #queue: JobQueue;
  readonly #options: RemoteOptions;
  readonly #unsent: RemoteJob[] = [];
  /** Jobs without a result, in the order in which they were sent. */
  readonly #open = new Map<string, RemoteJob>();
  /** Jobs whose results were taken, and are in Redis for a command that begins again. */
  readonly #taken = new Map<string, RemoteJob>();
  /** Bytes of both. */
  #bytes = 0;
  /** Ends when nothing is waited for any more after Ctrl-C. */
  readonly #over: Promise<undefined>;

  private constructor(queue: JobQueue, options: RemoteOptions) {
    this.#queue = queue;
    this.#options = options;
    this.#over = aborted(options.stopped).then(() => this.#stop());
  }

  /**
   * Connects, and says so when there is no worker. Throws a `UsageError` without BullMQ, a `FailureError` if Redis cannot be
   * reached.
   */
  static async open({ url, notice }: Pick<Workers, 'url' | 'notice'>, options: RemoteOptions): Promise<RemoteJobs> {
    const queue = await JobQueue.open({ url, flag: '--workers', onTrouble: notice });
    if ((await queue.workers()).length === 0) notice('no worker is connected; start one with mdtool worker --queue');
    return new RemoteJobs(queue, options);
  }

  /** Whether `ends` has something to wait for. */
  get isOpen(): boolean {
    return this.#unsent.length + this.#open.size > 0;
  }

  /** Adds jobs to those that `ends` waits for. */
  add(jobs: readonly RemoteJob[]): void {
    if (this.#options.stopped.aborted) return;
    for (const job of jobs) this.#unsent.push(job);
    SENT_JOBS.all += jobs.length;
  }

  /**
   * Yields what became of the jobs, in about the order in which they end, until none is left; more may be added meanwhile. A
   * result that an earlier run left in Redis is taken from there. After Ctrl-C, and when this is left early, what waits is
   * cancelled.
   */
  async *ends(): AsyncGenerator<JobEnd> {
    try {
      for (let pause = SHORTEST_PAUSE; this.isOpen; ) {
        const ended = await this.#unlessOver(this.#look());
        if (ended === undefined) break;
        for (const id of ended) {
          const end = await this.#unlessOver(this.#endOf(id));
          if (end) yield end;
        }
        pause = ended.length > 0 ? SHORTEST_PAUSE : Math.min(pause * 1.5, LONGEST_PAUSE);
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    } finally {
      if (this.isOpen && !this.#options.stopped.aborted) await this.#cancel();
    }
  }

  /** Removes the results that were taken: what they were needed for is written. */
  async forget(): Promise<void> {
    await this.#unlessOver(this.#shrink(0));
  }

  /** Closes the connection. Jobs that run go on. */
  async close(): Promise<void> {
    await this.#queue.close();
  }

  /** Sends what there is room for. Returns the ids of jobs that have ended. */
  async #look(): Promise<string[]> {
    for (let jobs = await this.#next(); jobs.length > 0; jobs = await this.#next()) await this.#queue.add(jobs);
    return await this.#queue.ended([...this.#open.keys()].slice(0, WINDOW));
  }

  /** Takes the next jobs that Redis has room for; one that has more bytes than that is alone. */
  async #next(): Promise<RemoteJob[]> {
    const jobs: RemoteJob[] = [];
    for (const job of this.#unsent.slice(0, ADDED_AT_ONCE)) {
      await this.#shrink(ROOM - job.bytes);
      if (this.#bytes + job.bytes > ROOM && this.#open.size > 0) break;
      this.#open.set(job.id, job);
      this.#bytes += job.bytes;
      jobs.push(job);
    }
    this.#unsent.splice(0, jobs.length);
    return jobs;
  }

  /** Removes results that were taken, the oldest first, until all have at most `most` bytes. */
  async #shrink(most: number): Promise<void> {
    const ids: string[] = [];
    for (const [id, { bytes }] of this.#taken) {
      if (this.#bytes <= most) break;
      this.#taken.delete(id);
      this.#bytes -= bytes;
      ids.push(id);
    }
    if (ids.length > 0) await this.#queue.forget(ids);
  }

  /** Reads what became of a job. One that a killed Redis lost is added again: it may lose its last second. */
  async #endOf(id: string): Promise<JobEnd | undefined> {
    const outcome = await this.#queue.outcome(id);
    const job = this.#open.get(id);
    // Cancelled jobs are gone because they were removed.
    if (job === undefined || (outcome.state === 'lost' && this.#options.stopped.aborted)) return undefined;
    if (outcome.state === 'lost') {
      await this.#queue.add([job]);
      return undefined;
    }
    this.#open.delete(id);
    this.#taken.set(id, job);
    SENT_JOBS.ended += 1;
    return { job, outcome };
  }

  async #stop(): Promise<undefined> {
    const end = sleep(this.#options.grace);
    await this.#cancel();
    await end;
  }

  /** Removes what waits; what runs may end, so that its work is not lost. A Redis that hangs must not hold up the end. */
  async #cancel(): Promise<void> {
    this.#unsent.length = 0;
    const ids = [...this.#open.keys()];
    const running = await Promise.race([this.#queue.cancel(ids), sleep(CANCEL_TIME)]).catch(() => undefined);
    const left = new Set(running ?? []);
    for (const id of ids) if (!left.has(id)) this.#open.delete(id);
  }

  async #unlessOver<Result>(work: Promise<Result>): Promise<Result | undefined> {
    return await Promise.race([work, this.#over]);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function sleep(milliseconds: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds, undefined).unref());
}
