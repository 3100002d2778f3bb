import type { FetchedPage } from '../../history/fetch.js';
import type { RepairJob } from './repair-job.js';
import type { TradeRepair } from './trade-repair.js';

type RepairFetcherOptions = {
  /** Returns the pages that answer a job. Throws where the exchange does not answer. */
  readonly pages: (job: RepairJob) => AsyncIterable<FetchedPage>;
  /** Calls the repair with the present local time (microseconds); returns undefined when the run has ended. */
  readonly apply: <Result>(change: (repair: TradeRepair, at: number) => Result) => Result | undefined;
  readonly warn: (message: string) => void;
};

/** Fetch jobs that run at the same time; the rate limits of the exchanges are kept by the client. */
const CONCURRENT_JOBS = 8;

/** Runs the fetch jobs of a repair. */
export class RepairFetcher {
  readonly #options: RepairFetcherOptions;
  readonly #reported = new Set<string>();
  #running = 0;

  constructor(options: RepairFetcherOptions) {
    this.#options = options;
  }

  /** Starts the jobs that are due. */
  check(): void {
    const jobs = this.#options.apply((repair, at) => repair.jobs(at, CONCURRENT_JOBS - this.#running)) ?? [];
    for (const job of jobs) void this.#run(job);
  }

  async #run(job: RepairJob): Promise<void> {
    const { apply } = this.#options;
    this.#running += 1;
    let isFailed = false;
    try {
      await this.#fetch(job);
    } catch (error) {
      isFailed = true;
      this.#report(job, (error as Error).message);
    }
    this.#running -= 1;
    apply((repair, at) => repair.jobEnded(job, isFailed, at));
  }

  async #fetch(job: RepairJob): Promise<void> {
    const { pages, apply } = this.#options;
    let isNew = true;
    for await (const page of pages(job)) {
      for (const reason of page.rejected) this.#report(job, reason);
      if (page.rejected.length > 0) throw new Error('an answer has trades that could not be read');
      if (!apply((repair) => repair.takePage(job, page, isNew))) return;
      isNew = page.last;
    }
  }

  /** Warns once per exchange and reason: a failing endpoint concerns all of its symbols. */
  #report({ exchange, symbol }: RepairJob, reason: string): void {
    const key = `${exchange} ${reason.replace(/[?].*/, '')}`;
    if (this.#reported.has(key)) return;
    this.#reported.add(key);
    this.#options.warn(`missing trades of ${exchange} ${symbol} could not be fetched: ${reason}`);
  }
}
