import type { FetchedPage } from '../../history/fetch.js';
import type { RepairJob } from './repair-job.js';
import type { TradeRepair } from './trade-repair.js';

export type RepairFetcherOptions = {
  /** Returns the pages that answer a job. Throws where the exchange does not. */
  readonly pages: (job: RepairJob) => AsyncIterable<FetchedPage>;
  /** Lets the repair take something, at the present local time (microseconds); undefined when the run has ended. */
  readonly tell: <Result>(take: (repair: TradeRepair, at: number) => Result) => Result | undefined;
  readonly warn: (message: string) => void;
};

/** Holes that are fetched at the same time; the limits of the exchanges are kept elsewhere. */
const AT_ONCE = 8;

/** Fetches what a repair wants. */
export class RepairFetcher {
  readonly #options: RepairFetcherOptions;
  readonly #told = new Set<string>();
  #running = 0;

  constructor(options: RepairFetcherOptions) {
    this.#options = options;
  }

  /** Begins what has become due. */
  check(): void {
    const jobs = this.#options.tell((repair, at) => repair.jobs(at, AT_ONCE - this.#running)) ?? [];
    for (const job of jobs) void this.#run(job);
  }

  async #run(job: RepairJob): Promise<void> {
    const { tell } = this.#options;
    this.#running += 1;
    let isFailed = false;
    try {
      await this.#fetch(job);
    } catch (error) {
      isFailed = true;
      this.#complain(job, (error as Error).message);
    }
    this.#running -= 1;
    tell((repair, at) => repair.ended(job, isFailed, at));
  }

  async #fetch(job: RepairJob): Promise<void> {
    const { pages, tell } = this.#options;
    let isNew = true;
    for await (const page of pages(job)) {
      for (const reason of page.rejected) this.#complain(job, reason);
      if (page.rejected.length > 0) throw new Error('an answer has trades that could not be read');
      if (!tell((repair) => repair.page(job, page, isNew))) return;
      isNew = page.last;
    }
  }

  /** Says the same of an exchange once: it concerns all of its symbols. */
  #complain({ exchange, symbol }: RepairJob, reason: string): void {
    const key = `${exchange} ${reason.replace(/[?].*/, '')}`;
    if (this.#told.has(key)) return;
    this.#told.add(key);
    this.#options.warn(`trades of ${exchange} ${symbol} could not be fetched again: ${reason}`);
  }
}
