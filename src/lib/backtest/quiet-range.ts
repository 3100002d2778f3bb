import {
  type EquityTracker,
  FLOOR,
  HIGHEST,
  LOWEST,
  MAX_LEVERAGE,
  MIN_DISTANCE,
  PEAK,
  type PositionValue,
} from './equity-tracker.js';

/** More than the relative rounding error of equity, and of leverage and distances: prices this near a limit are examined. */
const EQUITY_MARGIN = 1e-12;
const RATIO_MARGIN = 1e-9;

/**
 * Prices between which nothing can happen. Without it, a run evaluates equity, leverage and liquidation at every price:
 * millions of trades between two fills of a grid. A block of prices inside the range is skipped without a look at them.
 *
 *     bound   equityLow   riskLow             riskHigh   equityHigh   bound
 *       |---------|----------|====== quiet ======|-----------|----------|
 *
 * Beyond a bound, an order or a liquidation executes. Beyond `equityLow` or `equityHigh`, equity may reach a new peak or a
 * new maximum drawdown. Beyond `riskLow` or `riskHigh`, leverage may reach a new maximum or the distance to liquidation a
 * new minimum. `low` and `high` are the innermost of the three; all limits are exclusive.
 */
export class QuietRange {
  low = Number.NEGATIVE_INFINITY;
  high = Number.POSITIVE_INFINITY;
  equityLow = Number.NEGATIVE_INFINITY;
  equityHigh = Number.POSITIVE_INFINITY;
  riskLow = Number.NEGATIVE_INFINITY;
  riskHigh = Number.POSITIVE_INFINITY;

  /** Sets the range of a flat account: only the bounds matter. */
  setBounds(low: number, high: number): void {
    this.low = low;
    this.high = high;
  }

  /** Recomputes the quiet ranges. Call after the position, the order bounds or the equity tracker change. */
  update(low: number, high: number, position: PositionValue, { state }: EquityTracker): void {
    this.#findEquity(position, state);
    this.#findRisk(position, state);
    this.low = maximumOf(low, this.equityLow, this.riskLow);
    this.high = minimumOf(high, this.equityHigh, this.riskHigh);
  }

  /** Inside the range, base + net × p stays below the peak and above the maximum drawdown. */
  #findEquity({ base, net }: PositionValue, state: Float64Array): void {
    const peak = state[PEAK] as number;
    const margin = (Math.abs(base) + peak) * EQUITY_MARGIN;
    const upper = peak - margin - base;
    const lower = (state[FLOOR] as number) + margin - base;
    if (net !== 0) {
      this.equityLow = (net > 0 ? lower : upper) / net;
      this.equityHigh = (net > 0 ? upper : lower) / net;
    } else {
      const isQuiet = lower < 0 && upper > 0;
      this.equityLow = isQuiet ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
      this.equityHigh = -this.equityLow;
    }
  }

  /**
   * Inside the price range seen so far nothing is new. Outside it, a falling price nears the lower liquidation price by
   * (p − l) / p, a rising price the upper one by (l − p) / p. Leverage, gross × p / (base + net × p), grows with a rising
   * price if base is positive, else with a falling one.
   */
  #findRisk({ base, net, gross, liquidationBelow, liquidationAbove }: PositionValue, state: Float64Array): void {
    const distance = (state[MIN_DISTANCE] as number) * (1 + RATIO_MARGIN) + RATIO_MARGIN;
    const leverage = (state[MAX_LEVERAGE] as number) * (1 - RATIO_MARGIN);
    let below = liquidationBelow > 0 ? liquidationBelow / Math.max(0, 1 - distance) : Number.NEGATIVE_INFINITY;
    let above = liquidationAbove > 0 ? liquidationAbove / (1 + distance) : Number.POSITIVE_INFINITY;
    const rate = gross - leverage * net;
    const reached = (leverage * base) / rate;
    if (base < 0) below = rate < 0 ? Math.max(below, reached) : Number.POSITIVE_INFINITY;
    else if (rate > 0) above = Math.min(above, reached);
    this.riskLow = Math.min(below, state[LOWEST] as number);
    this.riskHigh = Math.max(above, state[HIGHEST] as number);
  }
}

function maximumOf(a: number, b: number, c: number): number {
  const larger = a > b ? a : b;
  return c > larger ? c : larger;
}

function minimumOf(a: number, b: number, c: number): number {
  const smaller = a < b ? a : b;
  return c < smaller ? c : smaller;
}
