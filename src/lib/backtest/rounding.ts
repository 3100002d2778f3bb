/** Quotients this close to a whole number count as whole: 0.3 / 0.1 is 2.9999999999999996. */
const TOLERANCE = 1e-9;
/** More decimals than the tick or lot of any exchange. */
const MOST_DECIMALS = 15;
/** Digits of a double that are still exact after an addition. */
const DIGITS = 15;

/**
 * Rounding to a tick or a lot. Results are the nearest decimals (0.3, not 0.30000000000000004), so that sums of amounts end
 * at exactly zero. Without a size, values are kept to 15 significant digits.
 */
export class Rounding {
  readonly size: number | undefined;
  readonly #scale: number;

  constructor(size: number | undefined) {
    this.size = size;
    this.#scale = size === undefined ? 0 : 10 ** decimalsOf(size);
  }

  /** Rounds down to a multiple of the size. */
  down(value: number): number {
    if (this.size === undefined) return this.tidy(value);
    return this.tidy(Math.floor(value / this.size + TOLERANCE) * this.size);
  }

  /** Rounds up to a multiple of the size. */
  up(value: number): number {
    if (this.size === undefined) return this.tidy(value);
    return this.tidy(Math.ceil(value / this.size - TOLERANCE) * this.size);
  }

  /** Removes floating-point noise from a sum of multiples. */
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

/** Returns the adjacent double below (`-1`) or above (`1`): turns "strictly below" into a bound that can be reached. */
export function neighbour(value: number, direction: -1 | 1): number {
  if (!Number.isFinite(value) || value <= 0) return value;
  BITS.setFloat64(0, value);
  // Positive doubles are ordered like their bits. Two 32-bit halves avoid a BigInt on the heap.
  const low = BITS.getUint32(4);
  BITS.setUint32(4, low + direction);
  if (low === (direction > 0 ? LAST : 0)) BITS.setUint32(0, BITS.getUint32(0) + direction);
  return BITS.getFloat64(0);
}
