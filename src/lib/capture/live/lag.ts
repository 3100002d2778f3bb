/** Upper bounds of the histogram buckets, ms: each 20 % above the one before, from 0.1 ms to more than a minute. */
const BOUNDS = Array.from({ length: 76 }, (_, i) => 0.1 * 1.2 ** i);

/** Microseconds over which the least lag is taken. */
const WINDOW = 5_000_000;

/** The least lag (ms) of the data that arrived from a time (microseconds) on. */
export type LagWindow = { readonly from: number; least: number };

/** Histogram of the delay of data: arrival minus push time of the exchange. Its fixed buckets never grow. */
export class Lag {
  readonly #counts = new Array<number>(BOUNDS.length + 1).fill(0);
  #total = 0;
  #minimum = 0;
  #heard: number | undefined;
  #window: LagWindow | undefined;
  #latest: LagWindow | undefined;

  /** Adds a lag in microseconds; a negative one means that the clocks differ. `at` is its arrival, microseconds. */
  add(microseconds: number, at = 0): void {
    this.#total += 1;
    const milliseconds = microseconds / 1000;
    this.#minimum = Math.min(this.#minimum, milliseconds);
    this.#heard = at;
    const from = at - (at % WINDOW);
    if (this.#window?.from === from) this.#window.least = Math.min(this.#window.least, milliseconds);
    else {
      this.#latest = this.#window;
      this.#window = { from, least: milliseconds };
    }
    const index = milliseconds <= 0.1 ? 0 : Math.ceil(Math.log(milliseconds / 0.1) / Math.log(1.2));
    const position = Math.min(Math.max(index, 0), BOUNDS.length);
    this.#counts[position] = (this.#counts[position] ?? 0) + 1;
  }

  get total(): number {
    return this.#total;
  }

  /** When data arrived last, microseconds. */
  get heard(): number | undefined {
    return this.#heard;
  }

  /** The last whole window in which data arrived. */
  get latest(): LagWindow | undefined {
    return this.#latest;
  }

  /** The most negative lag (ms), 0 without one. */
  get minimum(): number {
    return this.#minimum;
  }

  /** Returns the quantile `share` of the lag (ms), rounded up to the bound of its bucket; undefined without data. */
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
