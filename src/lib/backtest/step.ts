/** Quotients this close to a whole number are taken for it: 0.3 / 0.1 is 2.9999999999999996. */
const TOLERANCE = 1e-9;
/** More decimals than any exchange's tick or lot has. */
const MOST_DECIMALS = 15;
/** What a double can be trusted with after an addition. */
const DIGITS = 15;

/**
 * A tick or a lot. Values come back as the decimal nearest to them (0.3, not 0.30000000000000004), so that sums of
 * amounts end at exactly zero. Without a size nothing is rounded.
 */
export class Step {
  readonly size: number | undefined;
  readonly #scale: number;

  constructor(size: number | undefined) {
    this.size = size;
    this.#scale = size === undefined ? 0 : 10 ** decimalsOf(size);
  }

  /** Returns the greatest multiple that is not above `value`; without a size the value to 15 significant digits. */
  down(value: number): number {
    if (this.size === undefined) return this.tidy(value);
    return this.tidy(Math.floor(value / this.size + TOLERANCE) * this.size);
  }

  /** Returns the least multiple that is not below `value`. */
  up(value: number): number {
    if (this.size === undefined) return this.tidy(value);
    return this.tidy(Math.ceil(value / this.size - TOLERANCE) * this.size);
  }

  /** Returns a sum without what floating point added to it: the multiple, without a size 15 significant digits. */
  tidy(value: number): number {
    return this.#scale === 0 ? Number(value.toPrecision(DIGITS)) : Math.round(value * this.#scale) / this.#scale;
  }
}

function decimalsOf(size: number): number {
  for (let decimals = 0; decimals < MOST_DECIMALS; decimals++) {
    const scaled = size * 10 ** decimals;
    if (Math.abs(scaled - Math.round(scaled)) < TOLERANCE * scaled) return decimals;
  }
  return MOST_DECIMALS;
}

const BITS = new DataView(new ArrayBuffer(8));
const LAST = 0xffff_ffff;

/** Returns the number next to `value`, towards −∞ (`-1`) or +∞ (`1`): "below" as a bound that is reached. */
export function neighbour(value: number, direction: -1 | 1): number {
  if (!Number.isFinite(value) || value <= 0) return value;
  BITS.setFloat64(0, value);
  // Doubles above zero are ordered as their bits are; in two halves, since one of 64 would be a BigInt on the heap.
  const low = BITS.getUint32(4);
  BITS.setUint32(4, low + direction);
  if (low === (direction > 0 ? LAST : 0)) BITS.setUint32(0, BITS.getUint32(0) + direction);
  return BITS.getFloat64(0);
}
