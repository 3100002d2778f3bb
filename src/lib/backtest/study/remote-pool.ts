import { decodeRecord } from '../../model/ndjson.js';
import type { Run } from '../../model/records.js';
import { type JobOutcome, type JobQueue, REFUSED } from '../../redis/job-queue.js';
import type { LoadedMarket } from './market-reader.js';
import { type Pool, runTask, type Task } from './pool.js';
import type { StrategyModule } from './strategy-module.js';
import { queueSweepJob, type SweepAnswer, type SweepSetting } from './sweep-job.js';

type RemotePoolOptions = {
  readonly queue: JobQueue;
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
/** Jobs that are looked at together: about in the order in which they end. */
const WINDOW = 256;
/** Jobs that are added together. */
const ADDED_AT_ONCE = 500;
/** Milliseconds between two looks: they grow while nothing ends. */
const SHORTEST_PAUSE = 10;
const LONGEST_PAUSE = 250;
/** Milliseconds that running jobs and Redis have after Ctrl-C. */
const GRACE = 3_000;

type Waiting = { readonly task: Task; readonly settle: (run: Run | undefined) => void };

/** Creates a pool that runs the tasks as jobs of `mdtool worker` processes. */
export function createRemotePool(options: RemotePoolOptions): Pool {
  const pool = new RemotePool(options);
  return { size: options.size, run: (task) => pool.run(task), close: () => pool.close() };
}

class RemotePool {
  readonly #options: RemotePoolOptions;
  /** Tasks of this turn of the event loop: a sweep hands over all it has. */
  #handedOver: Waiting[] = [];
  /** Jobs without a result, in the order in which they were added. */
  readonly #open = new Map<string, readonly Waiting[]>();
  #tasksPerJob: number | undefined;
  #isCollecting = false;
  #isOver = false;
  #failure: Error | undefined;

  constructor(options: RemotePoolOptions) {
    this.#options = options;
    options.signal.addEventListener('abort', () => void this.#cancel(), { once: true });
  }

  async run(task: Task): Promise<Run | undefined> {
    const run = await new Promise<Run | undefined>((settle) => {
      this.#handedOver.push({ task, settle });
      if (this.#handedOver.length === 1) setImmediate(() => void this.#flush());
    });
    if (this.#failure) throw this.#failure;
    return run;
  }

  async close(): Promise<void> {
    this.#end();
    await this.#options.queue.close();
  }

  async #flush(): Promise<void> {
    let tasks = this.#handedOver;
    this.#handedOver = [];
    try {
      if (this.#isOver || this.#options.signal.aborted) return settleAll(tasks);
      if (this.#tasksPerJob === undefined) {
        const [first, ...rest] = tasks as [Waiting, ...Waiting[]];
        tasks = rest;
        this.#tasksPerJob = tasksPerJob(this.#measure(first), rest.length);
      }
      await this.#add(grouped(tasks, this.#tasksPerJob));
    } catch (error) {
      this.#fail(error as Error, tasks);
    }
  }

  /** Runs a task here and returns its milliseconds. What is wrong with every task is found before anything is sent. */
  #measure({ task, settle }: Waiting): number {
    const begun = performance.now();
    settle(runTask(task, this.#options));
    return performance.now() - begun;
  }

  async #add(groups: readonly (readonly Waiting[])[]): Promise<void> {
    const jobs = groups.map((group) => ({
      ...queueSweepJob({ ...this.#options.setting, tasks: group.map(({ task }) => task) }),
      group,
    }));
    for (const { id, group } of jobs) this.#open.set(id, group);
    for (let index = 0; index < jobs.length && !this.#options.signal.aborted; index += ADDED_AT_ONCE)
      await this.#options.queue.add(jobs.slice(index, index + ADDED_AT_ONCE));
    if (!this.#isCollecting) void this.#collect().catch((error: Error) => this.#fail(error, []));
  }

  /** Reads the results of jobs until none is open. */
  async #collect(): Promise<void> {
    this.#isCollecting = true;
    let pause = SHORTEST_PAUSE;
    while (this.#open.size > 0 && !this.#isOver) {
      const ids = [...this.#open.keys()].slice(0, WINDOW);
      const outcomes = await this.#options.queue.outcomes(ids);
      for (const [id, outcome] of outcomes) await this.#finish(id, outcome);
      pause = outcomes.size > 0 ? SHORTEST_PAUSE : Math.min(pause * 1.5, LONGEST_PAUSE);
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
    this.#isCollecting = false;
  }

  async #finish(id: string, outcome: JobOutcome): Promise<void> {
    const group = this.#open.get(id);
    if (group === undefined) return;
    if (outcome.state === 'lost') {
      // A killed Redis may have lost the last second. Cancelled jobs are gone because they were removed.
      if (!this.#options.signal.aborted) await this.#add([group]);
      return;
    }
    this.#open.delete(id);
    if (outcome.state === 'done') this.#take(group, outcome.result as SweepAnswer);
    // A thread that dies takes the whole job with it: one by one, only the task that kills it fails.
    else if (group.length > 1 && !outcome.reason.startsWith(REFUSED)) await this.#add(group.map((one) => [one]));
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

  /** Removes what waits; what runs may end, so that its work is not lost. */
  async #cancel(): Promise<void> {
    const end = new Promise<void>((resolve) => setTimeout(resolve, GRACE).unref());
    const running = await Promise.race([this.#options.queue.cancel([...this.#open.keys()]), end]).catch(() => undefined);
    for (const [id, group] of this.#open) if (!running?.includes(id)) this.#close(id, group);
    await end;
    this.#end();
  }

  #close(id: string, group: readonly Waiting[]): void {
    this.#open.delete(id);
    settleAll(group);
  }

  #end(): void {
    this.#isOver = true;
    for (const [id, group] of this.#open) this.#close(id, group);
  }

  #fail(error: Error, tasks: readonly Waiting[]): void {
    this.#failure ??= error;
    settleAll(tasks);
    this.#end();
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
