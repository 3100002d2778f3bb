import type { HttpRequest } from '../../exchanges/exchange.js';
import type { PolledType } from '../../exchanges/polling.js';
import type { RestClient } from '../../history/rest-client.js';
import type { Market } from '../../model/records.js';
import type { Timing } from '../../transport/timing.js';
import type { Venue } from './connection-pool.js';
import type { Wire } from './wire.js';

export type PollerOptions = {
  readonly venue: Venue;
  readonly types: readonly PolledType[];
  /** Milliseconds between two rounds. */
  readonly every: number;
  readonly client: RestClient;
  readonly wire: Wire;
  readonly timing: Timing;
  /** Milliseconds since the epoch: rounds fall on its multiples of `every`. */
  readonly wall?: (() => number) | undefined;
  /** Told of a question without an answer, once until it is answered again. */
  readonly onFailure: (reason: string) => void;
  readonly onRecovery: (what: string) => void;
};

/** A round begins up to so much after its moment, so that not every machine asks in the same instant: a share, and ms. */
const JITTER_SHARE = 0.1;
const MOST_JITTER = 1_000;

/**
 * Asks an exchange by REST how things stand, again and again: at once, then at even moments of the clock. Answers become
 * wire events, so that a tape holds them and a replay maps them as this run does. A round that takes too long, since the
 * exchange wants to be left alone, makes later ones wait: nothing is asked twice at a time.
 */
export class Poller {
  /** Questions that were answered, and that were given up. */
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

  /** What is asked about. */
  set symbols(symbols: ReadonlyMap<Market, readonly string[]>) {
    this.#symbols = symbols;
  }

  start(): void {
    this.#done = this.#run();
  }

  /** Asks nothing more; resolves when nothing is under way. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { timing } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await Promise.all(this.#requests().map((request) => this.#ask(request)));
      await timing.sleep(this.#pause(), signal);
    }
  }

  /** Returns the milliseconds until the next round. */
  #pause(): number {
    const { every, timing, wall = Date.now } = this.#options;
    return every - (wall() % every) + Math.min(every * JITTER_SHARE, MOST_JITTER) * timing.random();
  }

  #requests(): HttpRequest[] {
    const { venue, types } = this.#options;
    return [...this.#symbols].flatMap(([market, symbols]) => venue.exchange.polling.requests(types, market, symbols));
  }

  async #ask(request: HttpRequest): Promise<void> {
    const { venue, client, wire, onFailure, onRecovery } = this.#options;
    const url = new URL(request.path, venue.restOrigin);
    url.search = new URLSearchParams(request.query).toString();
    try {
      const body = await client.get(venue.exchange, request);
      if (this.#stop.signal.aborted) return;
      this.answered += 1;
      wire.answer(venue.exchange, url.href, 200, body);
      if (this.#failing.delete(url.href)) onRecovery(`${venue.exchange.id} answers ${request.path} again`);
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.failed += 1;
      if (!this.#failing.has(url.href)) onFailure((error as Error).message);
      this.#failing.add(url.href);
    }
  }
}
