import type { Exchange, Subscription } from '../../exchanges/exchange.js';
import type { Market } from '../../model/records.js';
import { MICROSECONDS_PER_MILLISECOND as MS } from '../../model/time.js';
import { lastTrades } from '../../storage/reading/last-trades.js';
import type { Capture } from '../capture/capture.js';
import { fetchHistory } from '../history/fetch.js';
import type { RestClient } from '../history/rest-client.js';
import { RepairFetcher } from '../repair/repair-fetcher.js';
import type { RepairJob, RepairLimits } from '../repair/repair-job.js';
import type { Wire } from './wire.js';

/** What repairing the holes of a run takes. */
export type RepairOptions = {
  readonly limits: RepairLimits;
  readonly client: RestClient;
  /** The store that the run writes to: its last trades are where a run goes on. */
  readonly store?: string | undefined;
};

type Parts = {
  readonly options: RepairOptions;
  readonly capture: Capture;
  readonly wire: Wire;
  readonly exchanges: readonly Exchange[];
  readonly warn: (message: string) => void;
};

/** The repair of a live run: what it fetches by REST, and what the store knows of the time before it. */
export class LiveRepair {
  readonly #parts: Parts;
  readonly #fetcher: RepairFetcher;
  readonly #resumed = new Set<string>();

  constructor(parts: Parts) {
    this.#parts = parts;
    const { wire, warn } = parts;
    this.#fetcher = new RepairFetcher({ pages: (job) => this.#pages(job), tell: (take) => wire.repair(take), warn });
  }

  /** Begins to fetch what has become due. */
  check(): void {
    this.#fetcher.check();
  }

  /** Tells the capture where the stored trades of subscriptions end, before these begin. */
  async resume(exchange: Exchange, subscriptions: readonly Subscription[]): Promise<void> {
    const { store } = this.#parts.options;
    if (store === undefined) return;
    const symbols = new Map<Market, string[]>();
    for (const { market, channel, symbol } of subscriptions) {
      const key = `${exchange.id} ${market} ${symbol}`;
      if (channel !== 'trade' || this.#resumed.has(key)) continue;
      this.#resumed.add(key);
      symbols.set(market, [...(symbols.get(market) ?? []), symbol]);
    }
    for (const [market, wanted] of symbols) await this.#resumeMarket(store, exchange.id, market, wanted);
  }

  async #resumeMarket(store: string, exchange: string, market: Market, symbols: readonly string[]): Promise<void> {
    const found = await lastTrades(store, { exchange, market, symbols, until: Date.now() * MS });
    for (const [symbol, trades] of found) this.#parts.capture.resume({ exchange, market, channel: 'trade', symbol }, trades);
  }

  #pages({ exchange: id, market, symbol, from, until }: RepairJob) {
    const { exchanges, options } = this.#parts;
    const exchange = exchanges.find((candidate) => candidate.id === id) as Exchange;
    return fetchHistory(options.client, exchange, { type: 'trade', market, symbol, from, until }, () => Date.now() * MS);
  }
}
