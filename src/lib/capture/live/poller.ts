import type { HttpRequest } from '../../exchanges/exchange.js';
import type { PolledType } from '../../exchanges/polling.js';
import { restOriginFor } from '../../exchanges/requests.js';
import type { RestClient } from '../../history/rest-client.js';
import type { Market } from '../../model/records.js';
import type { Timing } from '../../transport/timing.js';
import type { Venue } from './connection-pool.js';
import type { Wire } from './wire.js';

type PollerOptions = {
  readonly venue: Venue;
  readonly types: readonly PolledType[];
  /** Milliseconds between two rounds. */
  readonly every: number;
  readonly client: RestClient;
  readonly wire: Wire;
  readonly timing: Timing;
  /** Milliseconds since the epoch: rounds fall on its multiples of `every`. */
  readonly wall?: (() => number) | undefined;
  /** Called when a request fails; once, until it succeeds again. */
  readonly onFailure: (reason: string) => void;
  readonly onRecovery: (what: string) => void;
};

/** Several machines would poll at the same instant. A round starts up to this later: a share of the interval, and milliseconds. */
const JITTER_SHARE = 0.1;
const MAX_JITTER = 1_000;

/**
 * Polls an exchange over REST: at once, then at multiples of the interval. Answers become wire events, so that a tape holds
 * them and a replay maps them as the run does. A throttled round can take longer than the interval: the next one waits, so
 * that no request runs twice at the same time.
 */
export class Poller {
  /** Requests that were answered, and requests that were given up. */
  answered = 0;
  failed = 0;
  readonly #options: PollerOptions;
  readonly #stop = new AbortController();
  readonly #failing = new Set<string>();
  #symbols: ReadonlyMap<Market, readonly string[]> = new Map();
  #done: Promise<void> = Promise.resolve();

  constructor(options: PollerOptions) {
    this.#options = options;
  }

  /** The polled symbols. */
  set symbols(symbols: ReadonlyMap<Market, readonly string[]>) {
    this.#symbols = symbols;
  }

  start(): void {
    this.#done = this.#run();
  }

  /** Stops polling; resolves when no request is running. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { timing } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await Promise.all(this.#requests().map((request) => this.#request(request)));
      await timing.sleep(this.#pause(), signal);
    }
  }

  /** Returns the milliseconds until the next round. */
  #pause(): number {
    const { every, timing, wall = Date.now } = this.#options;
    return every - (wall() % every) + Math.min(every * JITTER_SHARE, MAX_JITTER) * timing.random();
  }

  #requests(): HttpRequest[] {
    const { venue, types } = this.#options;
    return [...this.#symbols].flatMap(([market, symbols]) => venue.exchange.polling?.requests(types, market, symbols) ?? []);
  }

  async #request(request: HttpRequest): Promise<void> {
    const { venue, client, wire, onFailure, onRecovery } = this.#options;
    const url = new URL(request.path, restOriginFor(venue.exchange.markets, venue.origins, request));
    url.search = new URLSearchParams(request.query).toString();
    try {
      const body = await client.get(venue.exchange, request);
      if (this.#stop.signal.aborted) return;
      this.answered += 1;
      wire.answer(venue.exchange, url.href, 200, body);
      if (this.#failing.delete(url.href)) onRecovery(`${venue.exchange.id} answers GET ${request.path} again`);
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.failed += 1;
      if (!this.#failing.has(url.href)) onFailure((error as Error).message);
      this.#failing.add(url.href);
    }
  }
}
