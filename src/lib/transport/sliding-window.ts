/** Admits at most so many events within any span of time; knows time only from its calls (milliseconds). */
export class SlidingWindow {
  readonly #most: number;
  readonly #span: number;
  #admitted: number[] = [];

  constructor(most: number, span: number) {
    this.#most = most;
    this.#span = span;
  }

  /** Returns how long the next event has to wait, 0 when it may happen now. */
  wait(now: number): number {
    this.#forget(now);
    if (this.#admitted.length < this.#most) return 0;
    return (this.#admitted[this.#admitted.length - this.#most] as number) + this.#span - now;
  }

  /** Counts an event that happens now. */
  count(now: number): void {
    this.#forget(now);
    this.#admitted.push(now);
  }

  /** Events within the span that ends now. */
  used(now: number): number {
    this.#forget(now);
    return this.#admitted.length;
  }

  #forget(now: number): void {
    let expired = 0;
    while (expired < this.#admitted.length && (this.#admitted[expired] as number) <= now - this.#span) expired += 1;
    if (expired > 0) this.#admitted = this.#admitted.slice(expired);
  }
}
