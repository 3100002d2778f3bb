import { restOriginFor } from '../../exchanges/requests.js';
import type { RestClient } from '../../history/rest-client.js';
import type { Market } from '../../model/records.js';
import type { Timing } from '../../transport/timing.js';
import type { Venue } from './connection-pool.js';
import type { Wire } from './wire.js';

type BookFetcherOptions = {
  readonly venues: readonly Venue[];
  readonly client: RestClient;
  readonly wire: Wire;
  readonly timing: Timing;
  readonly warn: (message: string) => void;
};

/** Between two requests for one book, ms. */
const FETCH_EVERY = 500;

/**
 * Fetches whole books over REST, for delta feeds that begin without one. The answer becomes a wire event, so that a tape
 * holds it and a replay joins it with the same deltas.
 */
export class BookFetcher {
  readonly #options: BookFetcherOptions;
  readonly #fetched = new Map<string, number>();
  readonly #failed = new Set<string>();

  constructor(options: BookFetcherOptions) {
    this.#options = options;
  }

  /** Asks for a book, unless that was just done. Returns false where its feed sends the whole book itself. */
  fetch(exchange: string, market: Market, symbol: string): boolean {
    const venue = this.#options.venues.find((candidate) => candidate.exchange.id === exchange);
    const request = venue?.exchange.bookSnapshots?.request(market, symbol);
    if (!venue || !request) return false;
    const key = `${exchange} ${market} ${symbol}`;
    if (this.#options.timing.now() < (this.#fetched.get(key) ?? 0)) return true;
    // Until it is answered, nothing is asked again.
    this.#fetched.set(key, Number.POSITIVE_INFINITY);
    void this.#ask(venue, { market, ...request }).finally(() => this.#fetched.set(key, this.#options.timing.now() + FETCH_EVERY));
    return true;
  }

  async #ask({ exchange, origins }: Venue, request: Parameters<RestClient['get']>[1]): Promise<void> {
    const { client, wire, warn } = this.#options;
    const url = new URL(request.path, restOriginFor(exchange.markets, origins, request));
    url.search = new URLSearchParams(request.query).toString();
    try {
      wire.answer(exchange, url.href, 200, await client.get(exchange, request));
    } catch (error) {
      if (!this.#failed.has(exchange.id)) warn(`a whole book could not be fetched: ${(error as Error).message}`);
      this.#failed.add(exchange.id);
    }
  }
}
