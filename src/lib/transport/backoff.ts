/** Milliseconds between attempts: the first pause, and the one that is never exceeded. */
export type BackoffOptions = { readonly first: number; readonly longest: number; readonly random: () => number };

/** A shared outage brings everybody back at once: below this share of the pause nobody returns. */
const LEAST_SHARE = 0.1;

/**
 * Pauses between attempts, doubled each time (2, 4, 8, 16, 32, 60, 60 … s) with full jitter: each is drawn evenly from
 * nearly nothing to its whole length, so that connections lost together do not come back together.
 */
export class Backoff {
  readonly #options: BackoffOptions;
  #attempts = 0;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  /** Attempts since the last success. */
  get attempts(): number {
    return this.#attempts;
  }

  /** Returns the milliseconds to wait before the next attempt. */
  next(): number {
    const { first, longest, random } = this.#options;
    const pause = Math.min(longest, first * 2 ** Math.min(this.#attempts, 30));
    this.#attempts += 1;
    return pause * Math.max(LEAST_SHARE, random());
  }

  /** Notes a success: data has come, not just a connection. */
  reset(): void {
    this.#attempts = 0;
  }
}
