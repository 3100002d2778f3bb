import { decodeRecord } from '../../model/ndjson.js';
import type { Run } from '../../model/records.js';
import { REFUSED } from '../../redis/job-queue.js';
import { type JobEnd, RemoteJobs, type Workers } from '../../redis/remote-jobs.js';
import type { LoadedMarket } from './market-reader.js';
import { type Pool, runTask, type Task } from './pool.js';
import type { StrategyModule } from './strategy-module.js';
import { queueSweepJob, type SweepAnswer, type SweepSetting } from './sweep-job.js';

type RemotePoolOptions = {
  readonly workers: Pick<Workers, 'url' | 'notice'>;
  readonly setting: SweepSetting;
  readonly market: LoadedMarket;
  readonly module: StrategyModule | undefined;
  /** Number of tasks that the sweep has. */
  readonly size: number;
  /** Aborted by Ctrl-C: what waits is cancelled. */
  readonly signal: AbortSignal;
  /** Called for each task that no worker could run. */
  readonly failed: (reason: string) => void;
};

/** Work of a job, milliseconds: short beside a lock, long beside the millisecond that a job costs. */
const JOB_TIME = 1_000;
const MOST_TASKS = 128;
/** Jobs that a sweep has at least, where it has as many tasks: so that several workers share it. */
const FEWEST_JOBS = 16;
/** Milliseconds that running jobs have after Ctrl-C, so that their work goes into the log of the sweep. */
const GRACE = 3_000;
/** Bytes of the result of a task, about. */
const TASK_BYTES = 4_000;

type Waiting = { readonly task: Task; readonly settle: (run: Run | undefined) => void };

/** Creates a pool that runs the tasks as jobs of `mdtool worker` processes. Throws as `RemoteJobs.open`. */
export async function createRemotePool(options: RemotePoolOptions): Promise<Pool> {
  const jobs = await RemoteJobs.open(options.workers, { stopped: options.signal, grace: GRACE });
  const pool = new RemotePool(jobs, options);
  return { size: options.size, run: (task) => pool.run(task), close: () => jobs.close() };
}

class RemotePool {
  readonly #jobs: RemoteJobs;
  readonly #options: RemotePoolOptions;
  /** Tasks of this turn of the event loop: a sweep hands over all it has. */
  #handedOver: Waiting[] = [];
  /** Tasks of the jobs without a result, by the ids of the jobs. */
  readonly #open = new Map<string, readonly Waiting[]>();
  #tasksPerJob: number | undefined;
  #isCollecting = false;
  #failure: Error | undefined;

  constructor(jobs: RemoteJobs, options: RemotePoolOptions) {
    this.#jobs = jobs;
    this.#options = options;
  }

  async run(task: Task): Promise<Run | undefined> {
    const run = await new Promise<Run | undefined>((settle) => {
      this.#handedOver.push({ task, settle });
      if (this.#handedOver.length === 1) setImmediate(() => void this.#flush());
    });
    if (this.#failure) throw this.#failure;
    return run;
  }

  async #flush(): Promise<void> {
    let tasks = this.#handedOver;
    this.#handedOver = [];
    try {
      if (this.#options.signal.aborted || this.#failure) return settleAll(tasks);
      if (this.#tasksPerJob === undefined) {
        const [first, ...rest] = tasks as [Waiting, ...Waiting[]];
        this.#tasksPerJob = tasksPerJob(this.#measure(first), rest.length);
        tasks = rest;
      }
      this.#add(grouped(tasks, this.#tasksPerJob));
      if (!this.#isCollecting) await this.#collect();
    } catch (error) {
      this.#failure ??= error as Error;
      settleAll(tasks);
    }
  }

  /** Runs a task here and returns its milliseconds. What is wrong with every task is found before anything is sent. */
  #measure({ task, settle }: Waiting): number {
    const begun = performance.now();
    settle(runTask(task, this.#options));
    return performance.now() - begun;
  }

  #add(groups: readonly (readonly Waiting[])[]): void {
    const jobs = groups.map((group) => {
      const job = queueSweepJob({ ...this.#options.setting, tasks: group.map(({ task }) => task) });
      this.#open.set(job.id, group);
      return { ...job, bytes: group.length * TASK_BYTES };
    });
    this.#jobs.add(jobs);
  }

  /** Takes the results of jobs until none is open. Tasks without one were cancelled, or Redis refuses. */
  async #collect(): Promise<void> {
    this.#isCollecting = true;
    try {
      // Tasks that are added while the last end is on its way begin another round.
      while (this.#jobs.isOpen && !this.#options.signal.aborted) for await (const end of this.#jobs.ends()) this.#finish(end);
    } finally {
      this.#isCollecting = false;
      for (const group of this.#open.values()) settleAll(group);
      this.#open.clear();
    }
  }

  #finish({ job, outcome }: JobEnd): void {
    const group = this.#open.get(job.id) ?? [];
    this.#open.delete(job.id);
    if (outcome.state === 'done') this.#take(group, outcome.result as SweepAnswer);
    // A thread that dies takes the whole job with it: one by one, only the task that kills it fails.
    else if (group.length > 1 && !outcome.reason.startsWith(REFUSED)) this.#add(group.map((one) => [one]));
    else for (const { settle } of group) this.#drop(settle, outcome.reason);
  }

  #take(group: readonly Waiting[], { runs }: SweepAnswer): void {
    for (const [index, { settle }] of group.entries()) {
      const answer = runs[index];
      if (answer && 'run' in answer) settle(decodeRecord(answer.run) as Run);
      else this.#drop(settle, answer?.error ?? 'no answer');
    }
  }

  #drop(settle: (run: undefined) => void, reason: string): void {
    this.#options.failed(reason);
    settle(undefined);
  }
}

function settleAll(tasks: readonly Waiting[]): void {
  for (const { settle } of tasks) settle(undefined);
}

/** Returns a power of two, so that a sweep that begins again makes the same jobs although it measures another time. */
function tasksPerJob(milliseconds: number, tasks: number): number {
  const most = Math.min(MOST_TASKS, JOB_TIME / Math.max(milliseconds, 1), tasks / FEWEST_JOBS);
  return 2 ** Math.max(0, Math.floor(Math.log2(Math.max(1, most))));
}

function grouped(tasks: readonly Waiting[], size: number): Waiting[][] {
  return Array.from({ length: Math.ceil(tasks.length / size) }, (_, index) => tasks.slice(index * size, (index + 1) * size));
}
