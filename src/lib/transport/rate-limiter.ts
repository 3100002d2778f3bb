import type { Timing } from './timing.js';

/** A number of requests within any span of `within` milliseconds. */
export type Rate = { readonly requests: number; readonly within: number };

/**
 * One limit. Requests can be delayed on the way, so that the server sees more of them in one span than were started in it.
 * A request therefore counts from its start until `within` after its end: the server counts it somewhere between.
 */
class Quota {
  readonly #rate: Rate;
  #running = 0;
  #ended: number[] = [];
  #pausedUntil = Number.NEGATIVE_INFINITY;

  constructor(rate: Rate) {
    this.#rate = rate;
  }

  /** Returns the milliseconds until the next request may start, 0 for now, infinity when another one must end first. */
  wait(now: number): number {
    const pause = this.pauseLeft(now);
    const { requests, within } = this.#rate;
    while (this.#ended.length > 0 && (this.#ended[0] as number) + within <= now) this.#ended.shift();
    if (this.#running + this.#ended.length < requests) return pause;
    const first = this.#ended[this.#running + this.#ended.length - requests];
    return first === undefined ? Number.POSITIVE_INFINITY : Math.max(pause, first + within - now);
  }

  /** Returns the milliseconds that are left of the pause that the exchange asked for. */
  pauseLeft(now: number): number {
    return Math.max(0, this.#pausedUntil - now);
  }

  start(): void {
    this.#running += 1;
  }

  end(now: number): void {
    this.#running -= 1;
    this.#ended.push(now);
  }

  pause(until: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, until);
  }
}

/** After a time without requests one goes first; the others wait for its end, but no longer than `patience`; milliseconds. */
export type ScoutRule = { readonly quiet: number; readonly patience: number };

/**
 * Keeps the requests to one host within its limits: one for the host, one per endpoint. Requests start in order of the calls.
 *
 * The repairs of many symbols begin together. If the exchange has banned the address meanwhile, every one of their requests
 * would be sent within the ban and make it longer. With a `scout` rule one request shows what the host answers, then the
 * others start, or are paused.
 */
export class RateLimiter {
  readonly #timing: Timing;
  readonly #host: Quota;
  readonly #scout: ScoutRule | undefined;
  #running = 0;
  #lastEnd = Number.NEGATIVE_INFINITY;
  /** While a scout runs: until when the others wait for it. */
  #scoutUntil = Number.NEGATIVE_INFINITY;
  readonly #endpoints = new Map<string, Quota>();
  readonly #turns = new Map<string, Promise<void>>();
  readonly #wake = new Set<() => void>();

  constructor(host: Rate, timing: Timing, scout?: ScoutRule) {
    this.#timing = timing;
    this.#host = new Quota(host);
    this.#scout = scout;
  }

  /**
   * Waits until a request to an endpoint may start. Returns a function to call when it has ended, undefined when the
   * signal was aborted first, or when the exchange has asked for a pause longer than `longest`. `rate` is the limit of the
   * endpoint, the same in every call.
   */
  async enter(
    endpoint: string,
    rate: Rate | undefined,
    { signal, longest = Number.POSITIVE_INFINITY }: { readonly signal?: AbortSignal | undefined; readonly longest?: number } = {},
  ): Promise<(() => void) | undefined> {
    const quotas = [this.#host, this.#quota(endpoint, rate)];
    const before = this.#turns.get(endpoint);
    let pass = () => {};
    const turn = new Promise<void>((resolve) => {
      pass = resolve;
    });
    this.#turns.set(endpoint, turn);
    await before;
    try {
      for (let wait = this.#wait(quotas); wait > 0; wait = this.#wait(quotas)) {
        if (signal?.aborted || this.#pauseOf(quotas) > longest) return undefined;
        await this.#waitFor(wait, signal);
      }
      if (signal?.aborted) return undefined;
      this.#start(quotas);
      return this.#exit(quotas);
    } finally {
      pass();
      if (this.#turns.get(endpoint) === turn) this.#turns.delete(endpoint);
    }
  }

  /** Starts no request to an endpoint for the given milliseconds; without an endpoint, none to the host. */
  pause(milliseconds: number, endpoint?: string): void {
    const quota = endpoint === undefined ? this.#host : this.#quota(endpoint, undefined);
    quota.pause(this.#timing.now() + milliseconds);
  }

  #quota(endpoint: string, rate: Rate | undefined): Quota {
    const quota = this.#endpoints.get(endpoint) ?? new Quota(rate ?? { requests: Number.POSITIVE_INFINITY, within: 0 });
    this.#endpoints.set(endpoint, quota);
    return quota;
  }

  #wait(quotas: readonly Quota[]): number {
    const now = this.#timing.now();
    const wait = Math.max(...quotas.map((quota) => quota.wait(now)));
    return wait === 0 && this.#running > 0 ? Math.max(0, this.#scoutUntil - now) : wait;
  }

  #pauseOf(quotas: readonly Quota[]): number {
    const now = this.#timing.now();
    return Math.max(...quotas.map((quota) => quota.pauseLeft(now)));
  }

  #start(quotas: readonly Quota[]): void {
    const now = this.#timing.now();
    if (this.#scout && this.#running === 0 && now - this.#lastEnd >= this.#scout.quiet)
      this.#scoutUntil = now + this.#scout.patience;
    this.#running += 1;
    for (const quota of quotas) quota.start();
  }

  /** An infinite wait ends when any request ends, as does that for a scout. */
  async #waitFor(wait: number, signal: AbortSignal | undefined): Promise<void> {
    const isForScout = this.#running > 0 && this.#timing.now() < this.#scoutUntil;
    if (wait === Number.POSITIVE_INFINITY) return this.#ended(signal);
    if (!isForScout) return this.#timing.sleep(wait, signal);
    const over = new AbortController();
    const either = signal ? AbortSignal.any([signal, over.signal]) : over.signal;
    await Promise.race([this.#timing.sleep(wait, either), this.#ended(either)]);
    over.abort();
  }

  async #ended(signal: AbortSignal | undefined): Promise<void> {
    await new Promise<void>((resolve) => {
      const done = () => {
        this.#wake.delete(done);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      this.#wake.add(done);
      signal?.addEventListener('abort', done, { once: true });
    });
  }

  #exit(quotas: readonly Quota[]): () => void {
    let hasEnded = false;
    return () => {
      if (hasEnded) return;
      hasEnded = true;
      const now = this.#timing.now();
      this.#running -= 1;
      this.#lastEnd = now;
      this.#scoutUntil = Number.NEGATIVE_INFINITY;
      for (const quota of quotas) quota.end(now);
      for (const wake of [...this.#wake]) wake();
    };
  }
}
