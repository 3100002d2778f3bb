import type { TimedValues } from './market-data.js';

/** Reads timed values one by one. */
export class Cursor {
  /** Time of the next value, infinite after the last. It is kept because reading beyond the end of a typed array is slow. */
  at: number;
  readonly #series: TimedValues;
  #next = 0;

  constructor(series: TimedValues) {
    this.#series = series;
    this.at = series.time[0] ?? Number.POSITIVE_INFINITY;
  }

  /** Returns the next value and advances. Call only while `at` is finite. */
  take(): number {
    const { time, value } = this.#series;
    const taken = value[this.#next++] as number;
    this.at = time[this.#next] ?? Number.POSITIVE_INFINITY;
    return taken;
  }
}
