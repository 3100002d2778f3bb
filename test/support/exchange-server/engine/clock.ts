import { performance } from 'node:perf_hooks';

/**
 * The exchange's time in whole milliseconds. It follows the wall clock from `start` on, or stands still until `advance`
 * when manual; it never goes back.
 */
export class MarketClock {
  readonly isManual: boolean;
  readonly #speed: number;
  #time: number;
  #seen = performance.now();

  /** `speed` is market time to real time. */
  constructor(start: number, isManual: boolean, speed = 1) {
    this.#speed = speed;
    this.#time = start;
    this.isManual = isManual;
  }

  now(): number {
    if (!this.isManual) {
      const seen = performance.now();
      this.#time += (seen - this.#seen) * this.#speed;
      this.#seen = seen;
    }
    return Math.floor(this.#time);
  }

  advance(milliseconds: number): void {
    this.#time += milliseconds;
  }
}

/**
 * The time by which the exchange's rules count: real time × `scale`, plus what a test skips. Apart from the market's, so
 * that an hour of trades can pass without any client being late with its ping.
 */
export class RuleClock {
  readonly #scale: number;
  #skipped = 0;

  constructor(scale: number) {
    this.#scale = scale;
  }

  now(): number {
    return performance.now() * this.#scale + this.#skipped;
  }

  skip(milliseconds: number): void {
    this.#skipped += milliseconds;
  }
}
