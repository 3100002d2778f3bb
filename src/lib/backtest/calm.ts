import { FLOOR, type Gauge, HIGHEST, LEAST_DISTANCE, LOWEST, MAX_LEVERAGE, PEAK, type Stake } from './gauge.js';

/** What rounding may do to equity, and to leverage and distances, relative to them and more: prices this near are looked at. */
const EQUITY_MARGIN = 1e-12;
const RATIO_MARGIN = 1e-9;

/**
 * The prices, all excluded, between which nothing happens and nothing is worth noting. `low` and `high` are the innermost;
 * beyond the bounds something happens, beyond `equityLow` and `equityHigh` there may be a new peak of equity or a deeper fall
 * below one, beyond `riskLow` and `riskHigh` a greater leverage or a nearer liquidation than ever before.
 */
export class Calm {
  low = Number.NEGATIVE_INFINITY;
  high = Number.POSITIVE_INFINITY;
  equityLow = Number.NEGATIVE_INFINITY;
  equityHigh = Number.POSITIVE_INFINITY;
  riskLow = Number.NEGATIVE_INFINITY;
  riskHigh = Number.POSITIVE_INFINITY;

  /** With nothing held only the bounds matter. */
  within(low: number, high: number): void {
    this.low = low;
    this.high = high;
  }

  /** Finds the prices anew: after what is held, the bounds or the gauge have changed. */
  find(low: number, high: number, stake: Stake, { state }: Gauge): void {
    this.#findEquity(stake, state);
    this.#findRisk(stake, state);
    this.low = greatest(low, this.equityLow, this.riskLow);
    this.high = least(high, this.equityHigh, this.riskHigh);
  }

  /** base + net × p stays below the peak and above the deepest fall. */
  #findEquity({ base, net }: Stake, state: Float64Array): void {
    const peak = state[PEAK] as number;
    const margin = (Math.abs(base) + peak) * EQUITY_MARGIN;
    const most = peak - margin - base;
    const least = (state[FLOOR] as number) + margin - base;
    if (net !== 0) {
      this.equityLow = (net > 0 ? least : most) / net;
      this.equityHigh = (net > 0 ? most : least) / net;
    } else {
      const isCalm = least < 0 && most > 0;
      this.equityLow = isCalm ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
      this.equityHigh = -this.equityLow;
    }
  }

  /**
   * Further from the extremes so far only records count. A fall nears the liquidation price below, (p − l) / p; a rise the
   * one above, (l − p) / p. Leverage, gross × p / (base + net × p), grows with the price where base is positive and with
   * its fall where it is not.
   */
  #findRisk({ base, net, gross, liquidationBelow, liquidationAbove }: Stake, state: Float64Array): void {
    const distance = (state[LEAST_DISTANCE] as number) * (1 + RATIO_MARGIN) + RATIO_MARGIN;
    const leverage = (state[MAX_LEVERAGE] as number) * (1 - RATIO_MARGIN);
    let falls = liquidationBelow > 0 ? liquidationBelow / Math.max(0, 1 - distance) : Number.NEGATIVE_INFINITY;
    let rises = liquidationAbove > 0 ? liquidationAbove / (1 + distance) : Number.POSITIVE_INFINITY;
    const rate = gross - leverage * net;
    const reached = (leverage * base) / rate;
    if (base < 0) falls = rate < 0 ? Math.max(falls, reached) : Number.POSITIVE_INFINITY;
    else if (rate > 0) rises = Math.min(rises, reached);
    this.riskLow = Math.min(falls, state[LOWEST] as number);
    this.riskHigh = Math.max(rises, state[HIGHEST] as number);
  }
}

function greatest(a: number, b: number, c: number): number {
  const greater = a > b ? a : b;
  return c > greater ? c : greater;
}

function least(a: number, b: number, c: number): number {
  const less = a < b ? a : b;
  return c < less ? c : less;
}
