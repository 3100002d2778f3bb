import { ExactSum } from '../model/exact-sum.js';
import { DAY, SECOND } from '../model/time.js';
import type { MicroRow } from './micro-series.js';

/** Buy minus sell volume of one symbol since UTC midnight. */
export class DayFlow {
  #sum: ExactSum | undefined;

  /** Undefined on a day whose start is not in the data, and after a trade without side. */
  get value(): number | undefined {
    return this.#sum?.value;
  }

  update({ timestamp, delta }: MicroRow): void {
    if (timestamp - midnightBefore(timestamp) === SECOND) this.#sum = new ExactSum();
    if (delta === undefined) this.#sum = undefined;
    this.#sum?.add(delta ?? 0);
  }

  /** Resumes from an earlier row: its sum of decimals is exact in its digits. */
  restore(value: number | undefined): void {
    this.restart();
    if (value === undefined) return;
    this.#sum = new ExactSum();
    this.#sum.add(value);
  }

  restart(): void {
    this.#sum = undefined;
  }
}

/** Returns the midnight before a row; the row that ends at midnight belongs to the day before. */
export function midnightBefore(end: number): number {
  return Math.floor((end - 1) / DAY) * DAY;
}
