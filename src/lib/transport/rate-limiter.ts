import type { Timing } from './timing.js';

/** So many requests within any span of so many milliseconds. */
export type Rate = { readonly requests: number; readonly within: number };

/**
 * One limit. A request counts from its start until `within` after its end: the server counted it somewhere between, so
 * that no delay on the way can make two spans of ours overlap in one of its own.
 */
class Quota {
  readonly #rate: Rate;
  #running = 0;
  #ended: number[] = [];
  #pausedUntil = Number.NEGATIVE_INFINITY;

  constructor(rate: Rate) {
    this.#rate = rate;
  }

  /** Returns how long the next request has to wait (ms), 0 when it may start, infinity when one has to end first. */
  wait(now: number): number {
    const pause = Math.max(0, this.#pausedUntil - now);
    const { requests, within } = this.#rate;
    while (this.#ended.length > 0 && (this.#ended[0] as number) + within <= now) this.#ended.shift();
    if (this.#running + this.#ended.length < requests) return pause;
    const first = this.#ended[this.#running + this.#ended.length - requests];
    return first === undefined ? Number.POSITIVE_INFINITY : Math.max(pause, first + within - now);
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

/** Keeps the requests to one host within its limits: one of the whole host, and one per endpoint. First come, first served. */
export class RateLimiter {
  readonly #timing: Timing;
  readonly #host: Quota;
  readonly #endpoints = new Map<string, Quota>();
  readonly #turns = new Map<string, Promise<void>>();
  readonly #wake = new Set<() => void>();

  constructor(host: Rate, timing: Timing) {
    this.#timing = timing;
    this.#host = new Quota(host);
  }

  /**
   * Waits until a request to an endpoint may start, and returns what is to be called when it has ended, undefined when the
   * signal was aborted first. `rate` is the endpoint's own limit, the same every time.
   */
  async enter(endpoint: string, rate: Rate | undefined, signal?: AbortSignal): Promise<(() => void) | undefined> {
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
        if (signal?.aborted) return undefined;
        await this.#waitFor(wait, signal);
      }
      if (signal?.aborted) return undefined;
      for (const quota of quotas) quota.start();
      return this.#exit(quotas);
    } finally {
      pass();
      if (this.#turns.get(endpoint) === turn) this.#turns.delete(endpoint);
    }
  }

  /** Lets no request to an endpoint start for so many milliseconds, to none at all without one. */
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
    return Math.max(...quotas.map((quota) => quota.wait(now)));
  }

  /** Where a request has to end first, its end ends the wait. */
  async #waitFor(wait: number, signal: AbortSignal | undefined): Promise<void> {
    if (wait !== Number.POSITIVE_INFINITY) return this.#timing.sleep(wait, signal);
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
      for (const quota of quotas) quota.end(this.#timing.now());
      for (const wake of [...this.#wake]) wake();
    };
  }
}
