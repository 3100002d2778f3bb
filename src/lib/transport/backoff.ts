/** Milliseconds between attempts: the first pause, and the one that is never exceeded. */
type BackoffOptions = { readonly first: number; readonly longest: number; readonly random: () => number };

/** After a shared outage everybody reconnects at once. No pause is shorter than this share of its length. */
const MINIMUM_SHARE = 0.1;

/**
 * Pauses between attempts, doubled each time (2, 4, 8, 16, 32, 60, 60 … s). Connections that are lost together would
 * reconnect together. Each pause is drawn evenly from a tenth of its length to all of it, so that they spread.
 */
export class Backoff {
  readonly #options: BackoffOptions;
  #attempts = 0;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  /** Returns the milliseconds to wait before the next attempt. */
  next(): number {
    const { first, longest, random } = this.#options;
    const pause = Math.min(longest, first * 2 ** Math.min(this.#attempts, 30));
    this.#attempts += 1;
    return pause * Math.max(MINIMUM_SHARE, random());
  }

  /** Starts again with the first pause. Call after data, not after opening: a server may accept and close at once. */
  reset(): void {
    this.#attempts = 0;
  }
}
