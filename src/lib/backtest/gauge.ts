/** Where each number stands in a gauge's state. */
export const PEAK = 0;
export const PEAK_AT = 1;
export const WORST = 2;
export const WORST_PEAK = 3;
export const WORST_FROM = 4;
export const WORST_AT = 5;
export const RECOVERED_AT = 6;
export const LOWEST = 7;
export const HIGHEST = 8;
const SIZE = 9;

/**
 * What has to be known of every price while something is held: the peak of equity, the deepest fall below one as a fraction
 * of it, and the extremes of the price since the position last changed. The numbers stand in a typed array, since the loops
 * of `scan.ts` read and write all of them hundreds of thousands of times, and fields of objects would be boxed.
 */
export class Gauge {
  readonly state = new Float64Array(SIZE);

  constructor(deposit: number, time: number) {
    const { state } = this;
    state[PEAK] = deposit;
    state[WORST_PEAK] = deposit;
    state[PEAK_AT] = time;
    state[WORST_FROM] = time;
    state[WORST_AT] = time;
  }

  get peak(): number {
    return this.state[PEAK] as number;
  }

  /** Deepest fall, as a fraction of `worstPeak`, the peak it fell from. */
  get worst(): number {
    return this.state[WORST] as number;
  }

  get worstPeak(): number {
    return this.state[WORST_PEAK] as number;
  }

  get worstFrom(): number {
    return this.state[WORST_FROM] as number;
  }

  get worstAt(): number {
    return this.state[WORST_AT] as number;
  }

  /** When equity was back at `worstPeak`; 0 as long as it is not. */
  get recoveredAt(): number {
    return this.state[RECOVERED_AT] as number;
  }

  /** Extremes of the price since `restart`. */
  get lowest(): number {
    return this.state[LOWEST] as number;
  }

  get highest(): number {
    return this.state[HIGHEST] as number;
  }

  /** Takes equity at one moment. */
  note(equity: number, time: number): void {
    const { state } = this;
    const peak = state[PEAK] as number;
    if (equity >= peak) {
      if (isUnderWater(state)) state[RECOVERED_AT] = time;
      state[PEAK] = equity;
      state[PEAK_AT] = time;
    } else if (equity < peak * (1 - (state[WORST] as number))) {
      state[WORST] = (peak - equity) / peak;
      state[WORST_PEAK] = peak;
      state[WORST_FROM] = state[PEAK_AT] as number;
      state[WORST_AT] = time;
      state[RECOVERED_AT] = 0;
    }
  }

  /** Begins the extremes of the price anew. */
  restart(price: number): void {
    this.state[LOWEST] = price;
    this.state[HIGHEST] = price;
  }

  extend(price: number): void {
    if (price < this.lowest) this.state[LOWEST] = price;
    if (price > this.highest) this.state[HIGHEST] = price;
  }

  /** Returns how far equity is below its peak, a fraction. */
  depth(equity: number): number {
    return Math.max(0, (this.peak - equity) / this.peak);
  }
}

/** Returns whether the deepest fall has not been made up for yet. */
export function isUnderWater(state: Float64Array): boolean {
  return (state[WORST] as number) > 0 && state[RECOVERED_AT] === 0;
}
