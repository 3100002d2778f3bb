/** What a loop over prices has seen of equity, as indices into its times; −1 where nothing new was seen. */
export type Course = {
  readonly peak: number;
  readonly peakIndex: number;
  readonly worst: number;
  readonly worstPeak: number;
  readonly worstPeakIndex: number;
  readonly worstIndex: number;
  readonly recoveredIndex: number;
  readonly lowest: number;
  readonly highest: number;
};

/**
 * What has to be known of every price while something is held: the peak of equity, the deepest fall below one as a fraction
 * of it, and the extremes of the price since the position last changed. The loops of `scan.ts` keep this in locals.
 */
export class Gauge {
  peak: number;
  peakAt: number;
  /** Deepest fall, as a fraction of `worstPeak`, the peak it fell from. */
  worst = 0;
  worstPeak: number;
  worstFrom: number;
  worstAt: number;
  /** When equity was back at `worstPeak`; 0 as long as it is not. */
  recoveredAt = 0;
  /** Extremes of the price since `restart`. */
  lowest = 0;
  highest = 0;

  constructor(deposit: number, time: number) {
    this.peak = deposit;
    this.worstPeak = deposit;
    this.peakAt = time;
    this.worstFrom = time;
    this.worstAt = time;
  }

  /** Whether the deepest fall has not been made up for yet. */
  get isUnderWater(): boolean {
    return this.worst > 0 && this.recoveredAt === 0;
  }

  /** Takes equity at one moment. */
  note(equity: number, time: number): void {
    if (equity >= this.peak) {
      if (this.isUnderWater) this.recoveredAt = time;
      this.peak = equity;
      this.peakAt = time;
    } else if (equity < this.peak * (1 - this.worst)) {
      this.worst = (this.peak - equity) / this.peak;
      this.worstPeak = this.peak;
      this.worstFrom = this.peakAt;
      this.worstAt = time;
      this.recoveredAt = 0;
    }
  }

  /** Takes what a loop has seen. */
  keep(seen: Course, time: Float64Array): void {
    const at = (index: number, before: number) => (index < 0 ? before : (time[index] as number));
    if (seen.worstIndex >= 0) {
      this.worst = seen.worst;
      this.worstPeak = seen.worstPeak;
      this.worstFrom = at(seen.worstPeakIndex, this.peakAt);
      this.worstAt = at(seen.worstIndex, this.worstAt);
      this.recoveredAt = 0;
    }
    this.recoveredAt = at(seen.recoveredIndex, this.recoveredAt);
    this.peak = seen.peak;
    this.peakAt = at(seen.peakIndex, this.peakAt);
    this.lowest = seen.lowest;
    this.highest = seen.highest;
  }

  /** Begins the extremes of the price anew. */
  restart(price: number): void {
    this.lowest = price;
    this.highest = price;
  }

  extend(price: number): void {
    if (price < this.lowest) this.lowest = price;
    if (price > this.highest) this.highest = price;
  }

  /** Returns how far equity is below its peak, a fraction. */
  depth(equity: number): number {
    return Math.max(0, (this.peak - equity) / this.peak);
  }
}
