/** Upper bounds of the classes, ms: each about a fifth above the one before, from 0.1 ms to beyond a minute. */
const BOUNDS = Array.from({ length: 76 }, (_, i) => 0.1 * 1.2 ** i);

/** How late data arrives: arrival minus the exchange's push time. Classes of fixed bounds, so that it never grows. */
export class Lag {
  readonly #counts = new Array<number>(BOUNDS.length + 1).fill(0);
  #total = 0;
  #negative = 0;
  #least = 0;

  /** Adds a lag in microseconds; a negative one means that the clocks differ. */
  add(microseconds: number): void {
    this.#total += 1;
    const milliseconds = microseconds / 1000;
    if (milliseconds < 0) {
      this.#negative += 1;
      this.#least = Math.min(this.#least, milliseconds);
    }
    const index = milliseconds <= 0.1 ? 0 : Math.ceil(Math.log(milliseconds / 0.1) / Math.log(1.2));
    const position = Math.min(Math.max(index, 0), BOUNDS.length);
    this.#counts[position] = (this.#counts[position] ?? 0) + 1;
  }

  get total(): number {
    return this.#total;
  }

  /** Share of negative lags, and the most negative one (ms). */
  get negativeShare(): number {
    return this.#total === 0 ? 0 : this.#negative / this.#total;
  }

  get least(): number {
    return this.#least;
  }

  /** Returns the lag (ms) that `share` of all stay below, rounded up to its class; undefined before anything came. */
  quantile(share: number): number | undefined {
    if (this.#total === 0) return undefined;
    let seen = 0;
    for (const [index, count] of this.#counts.entries()) {
      seen += count;
      if (seen >= share * this.#total) return BOUNDS[Math.min(index, BOUNDS.length - 1)];
    }
    return BOUNDS.at(-1);
  }
}
