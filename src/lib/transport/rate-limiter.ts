import type { Timing } from './timing.js';

/** A number of requests within any span of `within` milliseconds. */
export type Rate = { readonly requests: number; readonly within: number };

/**
 * What several processes at one address may send together. A request that was let through calls the function when it has ended;
 * one that was not, asks again after the milliseconds.
 */
export type SharedBudget = {
  take(limits: ReadonlyMap<string, Rate>): Promise<(() => void) | number>;
  /** A pause (milliseconds) that the exchange asked for holds for all. */
  pause(limit: string, milliseconds: number): void;
};

type LimiterOptions = {
  readonly scout?: ScoutRule | undefined;
  /** The budget that other processes take from, too, and what it calls the limit of the host. */
  readonly shared?: { readonly budget: SharedBudget; readonly host: string } | undefined;
};

/** Milliseconds after which a shared budget is asked again at the latest: a request of another process may have ended. */
const ASK_AGAIN = 250;

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
    this.cancel();
    this.#ended.push(now);
  }

  /** Takes back a start: the request was not sent. */
  cancel(): void {
    this.#running -= 1;
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
  readonly #rate: Rate;
  readonly #options: LimiterOptions;
  #running = 0;
  #lastEnd = Number.NEGATIVE_INFINITY;
  /** While a scout runs: until when the others wait for it. */
  #scoutUntil = Number.NEGATIVE_INFINITY;
  readonly #endpoints = new Map<string, Quota>();
  readonly #turns = new Map<string, Promise<void>>();
  readonly #wake = new Set<() => void>();

  constructor(host: Rate, timing: Timing, options: LimiterOptions = {}) {
    this.#timing = timing;
    this.#host = new Quota(host);
    this.#rate = host;
    this.#options = options;
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
      while (await this.#startWhenAllowed(quotas, signal, longest)) {
        const taken = await this.#take(endpoint, rate);
        if (typeof taken === 'function') return this.#exit(quotas, taken);
        this.#running -= 1;
        for (const quota of quotas) quota.cancel();
        if (taken > longest) return undefined;
        await this.#timing.sleep(Math.min(taken, ASK_AGAIN), signal);
      }
      return undefined;
    } finally {
      pass();
      if (this.#turns.get(endpoint) === turn) this.#turns.delete(endpoint);
    }
  }

  /** Starts no request to an endpoint for the given milliseconds; without an endpoint, none to the host. */
  pause(milliseconds: number, endpoint?: string): void {
    const quota = endpoint === undefined ? this.#host : this.#quota(endpoint, undefined);
    quota.pause(this.#timing.now() + milliseconds);
    const { shared } = this.#options;
    shared?.budget.pause(endpoint === undefined ? shared.host : `${shared.host}${endpoint}`, milliseconds);
  }

  /** Waits until the own limits allow a request, and counts it at that moment. Returns false when none may be sent. */
  async #startWhenAllowed(quotas: readonly Quota[], signal: AbortSignal | undefined, longest: number): Promise<boolean> {
    for (let wait = this.#wait(quotas); wait > 0; wait = this.#wait(quotas)) {
      if (signal?.aborted || this.#pauseOf(quotas) > longest) return false;
      await this.#waitFor(wait, signal);
    }
    if (signal?.aborted) return false;
    this.#start(quotas);
    return true;
  }

  async #take(endpoint: string, rate: Rate | undefined): Promise<(() => void) | number> {
    const { shared } = this.#options;
    if (!shared) return () => {};
    const limits = new Map([[shared.host, this.#rate]]);
    return await shared.budget.take(rate ? limits.set(`${shared.host}${endpoint}`, rate) : limits);
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
    const { scout } = this.#options;
    if (scout && this.#running === 0 && now - this.#lastEnd >= scout.quiet) this.#scoutUntil = now + scout.patience;
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

  #exit(quotas: readonly Quota[], leave: () => void): () => void {
    let hasEnded = false;
    return () => {
      if (hasEnded) return;
      hasEnded = true;
      leave();
      const now = this.#timing.now();
      this.#running -= 1;
      this.#lastEnd = now;
      this.#scoutUntil = Number.NEGATIVE_INFINITY;
      for (const quota of quotas) quota.end(now);
      for (const wake of [...this.#wake]) wake();
    };
  }
}
