/**
 * A sum of doubles that carries its rounding error along (Ogita, Rump, Oishi 2005, algorithm Sum2). Without it the sum
 * would depend on the order of its terms; with it about 30 digits are exact.
 */
export class ExactSum {
  #sum = 0;
  #error = 0;

  add(value: number): void {
    const sum = this.#sum + value;
    const added = sum - this.#sum;
    this.#error += this.#sum - (sum - added) + (value - added);
    this.#sum = sum;
  }

  /** Adds another sum with its error. */
  addSum(other: ExactSum): void {
    this.add(other.#sum);
    this.#error += other.#error;
  }

  get value(): number {
    return roundSum(this.#sum + this.#error);
  }
}

const DIGITS = 15;
/** Powers of ten are exact as doubles up to here. */
const MOST_DECIMALS = 22;
const POWERS = Array.from({ length: MOST_DECIMALS + 1 }, (_, power) => Number(`1e${power}`));

/**
 * Returns `value` rounded to 15 significant digits (and at most 22 decimals). Prices and amounts are decimals, and a sum
 * of their doubles is off by about 1e-16 of it. Rounding restores the decimal sum: 0.1 + 0.2 is 0.3 here.
 */
export function roundSum(value: number): number {
  if (value === 0) return 0;
  const decimals = Math.min(DIGITS - 1 - Math.floor(Math.log10(Math.abs(value))), MOST_DECIMALS);
  const scale = POWERS[Math.abs(decimals)] ?? Number(`1e${-decimals}`);
  return decimals >= 0 ? Math.round(value * scale) / scale : Math.round(value / scale) * scale;
}
