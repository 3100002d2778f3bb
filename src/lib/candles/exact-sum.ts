/**
 * A sum of doubles that carries its rounding error along (Ogita, Rump, Oishi 2005, algorithm Sum2), so that it does not
 * depend on the order of what is added: to about 30 digits.
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
const POWERS = Array.from({ length: 23 }, (_, power) => Number(`1e${power}`));

/**
 * Returns `value` rounded to 15 significant digits: the decimal sum itself wherever that has no more of them. Prices and
 * amounts are decimals, and a sum of their doubles is off by at most 1.2e-16 of it: 0.1 + 0.2 is 0.3 here.
 */
export function roundSum(value: number): number {
  const decimals = DIGITS - 1 - Math.floor(Math.log10(Math.abs(value)));
  const scale = POWERS[decimals];
  if (scale === undefined) return Number(value.toPrecision(DIGITS));
  return Math.round(value * scale) / scale;
}
