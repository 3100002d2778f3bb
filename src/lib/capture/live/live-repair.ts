import { setTimeout as wait } from 'node:timers/promises';
import type { Exchange } from '../../exchanges/exchange.js';
import { fetchHistory } from '../../history/fetch.js';
import type { RestClient } from '../../history/rest-client.js';
import { UnreachableError } from '../../model/errors.js';
import type { Trade } from '../../model/records.js';
import { HOUR, MINUTE, MICROSECONDS_PER_MILLISECOND as MS } from '../../model/time.js';
import type { Feed } from '../repair/feed-table.js';
import { RepairFetcher } from '../repair/repair-fetcher.js';
import type { RepairJob, RepairLimits } from '../repair/repair-job.js';
import type { ConnectionPool } from './connection-pool.js';
import type { Wire } from './wire.js';

/** Limits and client of gap repair. */
export type RepairOptions = {
  readonly limits: RepairLimits;
  readonly client: RestClient;
  /** Microseconds between two audits of a trade feed; absent for none. */
  readonly auditEvery?: number | undefined;
};

type Parts = {
  readonly options: RepairOptions;
  readonly wire: Wire;
  readonly exchanges: readonly Exchange[];
  readonly warn: (message: string) => void;
  /** The pool of an exchange, which can resubscribe a mute feed. */
  readonly pool: (exchange: string) => Pick<ConnectionPool, 'mayResubscribeTrades' | 'resubscribeTrades'>;
};

/** Audits that run at the same time: they leave most of the rate limits to repairs. */
const CONCURRENT_AUDITS = 2;
/** The same at the end of a run, which waits for them. */
const CONCURRENT_LAST_AUDITS = 8;
const LAST_CHECK = 50;
const LAST_RETRY = 500;
/** Milliseconds in which as many feeds as possible are compared once more at the end, without anything unusual about them. */
const LAST_LOOK = 1_500;

/** Fetches missing trades of a live run over REST, and audits its trade feeds. */
export class LiveRepair {
  readonly #parts: Parts;
  readonly #fetcher: RepairFetcher;
  /** Reasons of failed audits. */
  readonly #reported = new Set<string>();
  #audits = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
    const { wire, warn } = parts;
    this.#fetcher = new RepairFetcher({ pages: (job) => this.#pages(job), apply: (change) => wire.repair(change), warn });
  }

  /** Starts the fetch jobs that are due. */
  check(): void {
    this.#fetcher.check();
  }

  /**
   * Starts the audits that are due: compares the exchange's newest trades with those that a feed delivered. A topic may fall
   * mute while its connection lives, and no frame would ever show it.
   */
  audit(): void {
    const { wire, options } = this.#parts;
    if (options.auditEvery === undefined) return;
    for (const feed of wire.dueAudits(CONCURRENT_AUDITS - this.#audits)) void this.#audit(feed);
  }

  /**
   * Audits the feeds with a silence that nothing has proven, then the others while there is time, and waits for the repairs
   * that follow; for `within` milliseconds at most. Without it a run that ends before its next audit would call itself
   * complete, and lack what a topic that was mute for a moment did not deliver.
   */
  async finish(within: number): Promise<void> {
    const { wire, options } = this.#parts;
    if (options.auditEvery === undefined) return;
    const end = performance.now() + within;
    const isLate = () => performance.now() >= end;
    const asked = new Set<Feed>();
    let left = wire.unprovenFeeds();
    while (left.length > 0 && !isLate()) {
      for (const feed of left) asked.add(feed);
      await this.#auditWithin(left, end);
      left = wire.unprovenFeeds();
      if (left.length > 0) await wait(LAST_RETRY);
    }
    const others = wire.deliveredTrades().filter((feed) => !asked.has(feed));
    await this.#auditWithin(others, Math.min(end, performance.now() + LAST_LOOK));
    for (const feed of others) asked.add(feed);
    const isOpen = () => [...asked].some((feed) => wire.repair((repair) => repair.isOpen(feed)));
    while (isOpen() && !isLate()) await wait(LAST_CHECK);
    if (left.length === 0) return;
    const { symbol } = left[0] as Feed;
    const more = left.length > 1 ? ` and ${left.length - 1} more` : '';
    this.#parts.warn(`the last silence of ${symbol}${more} could not be compared with the exchange before the end`);
  }

  /** Audits feeds, as many as there are until a moment of `performance.now()`. */
  async #auditWithin(feeds: readonly Feed[], end: number): Promise<void> {
    const waiting = [...feeds];
    const work = async () => {
      for (let feed = waiting.shift(); feed && performance.now() < end; feed = waiting.shift()) await this.#audit(feed, true);
    };
    const all = Promise.all(Array.from({ length: CONCURRENT_LAST_AUDITS }, work));
    await Promise.race([all, wait(end - performance.now(), undefined, { ref: false })]);
  }

  async #audit(feed: Feed, isLast = false): Promise<void> {
    const { wire, warn } = this.#parts;
    const pool = this.#parts.pool(feed.exchange);
    this.#audits += 1;
    try {
      const listed = await this.#newest(feed);
      const mayResubscribe = !isLast && pool.mayResubscribeTrades(feed.market, feed.symbol);
      const isMute = wire.audit(feed, listed, { mayResubscribe, isLast });
      if (!isMute) return;
      warn(`${feed.exchange} ${feed.market} ${feed.symbol}: its trades stopped arriving; subscribing again`);
      pool.resubscribeTrades(feed.market, feed.symbol);
    } catch (error) {
      // An exchange that does not answer is no reason to stop; the feed has its next turn. Nobody awaits an audit: an error
      // that is thrown on would end the process.
      if (!(error instanceof UnreachableError)) this.#warnOnce(feed, error as Error);
    } finally {
      this.#audits -= 1;
    }
  }

  #warnOnce({ exchange, symbol }: Feed, { message }: Error): void {
    if (this.#reported.has(message)) return;
    this.#reported.add(message);
    this.#parts.warn(`the trades of ${exchange} ${symbol} could not be compared with the exchange: ${message}`);
  }

  /** Returns the newest trades that the exchange lists, oldest first. */
  async #newest({ exchange, market, symbol }: Feed): Promise<readonly Trade[]> {
    const until = Date.now() * MS + MINUTE;
    const job = { exchange, market, symbol, from: until - HOUR, until, startedAt: until };
    for await (const { records, rejected } of this.#pages(job))
      return rejected.length > 0 ? [] : records.filter((record): record is Trade => record.type === 'trade');
    return [];
  }

  #pages({ exchange: id, market, symbol, from, until }: RepairJob) {
    const { exchanges, options } = this.#parts;
    const exchange = exchanges.find((candidate) => candidate.id === id) as Exchange;
    return fetchHistory(options.client, exchange, { type: 'trade', market, symbol, from, until }, () => Date.now() * MS);
  }
}
