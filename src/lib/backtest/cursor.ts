import type { Series } from './market-data.js';

/** Goes through a series once, value by value. */
export class Cursor {
  /** When the next value comes, infinite after the last. Kept, since reading beyond the end of a typed array is slow. */
  at: number;
  readonly #series: Series;
  #next = 0;

  constructor(series: Series) {
    this.#series = series;
    this.at = series.time[0] ?? Number.POSITIVE_INFINITY;
  }

  /** Returns the next value and goes on; to be called while there is one. */
  take(): number {
    const { time, value } = this.#series;
    const taken = value[this.#next++] as number;
    this.at = time[this.#next] ?? Number.POSITIVE_INFINITY;
    return taken;
  }
}
