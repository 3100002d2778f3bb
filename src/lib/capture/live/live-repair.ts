import type { Exchange } from '../../exchanges/exchange.js';
import { fetchHistory } from '../../history/fetch.js';
import type { RestClient } from '../../history/rest-client.js';
import { MICROSECONDS_PER_MILLISECOND as MS } from '../../model/time.js';
import { RepairFetcher } from '../repair/repair-fetcher.js';
import type { RepairJob, RepairLimits } from '../repair/repair-job.js';
import type { Wire } from './wire.js';

/** Limits and client of gap repair. */
export type RepairOptions = {
  readonly limits: RepairLimits;
  readonly client: RestClient;
};

type Parts = {
  readonly options: RepairOptions;
  readonly wire: Wire;
  readonly exchanges: readonly Exchange[];
  readonly warn: (message: string) => void;
};

/** Fetches missing trades of a live run over REST. */
export class LiveRepair {
  readonly #parts: Parts;
  readonly #fetcher: RepairFetcher;

  constructor(parts: Parts) {
    this.#parts = parts;
    const { wire, warn } = parts;
    this.#fetcher = new RepairFetcher({ pages: (job) => this.#pages(job), apply: (change) => wire.repair(change), warn });
  }

  /** Starts the fetch jobs that are due. */
  check(): void {
    this.#fetcher.check();
  }

  #pages({ exchange: id, market, symbol, from, until }: RepairJob) {
    const { exchanges, options } = this.#parts;
    const exchange = exchanges.find((candidate) => candidate.id === id) as Exchange;
    return fetchHistory(options.client, exchange, { type: 'trade', market, symbol, from, until }, () => Date.now() * MS);
  }
}
