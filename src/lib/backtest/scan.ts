import type { Gauge } from './gauge.js';
import type { Bars, Ticks } from './market-data.js';

/**
 * What holds while the price runs on without touching an order: the bounds at which something happens (a price equal to a
 * bound has reached it), and equity(p) = base + net × p.
 */
export type Stretch = {
  readonly low: number;
  readonly high: number;
  readonly base: number;
  readonly net: number;
  /** Nothing is held, or equity is told by mark prices: only the bounds matter. */
  readonly isFlat: boolean;
};

/**
 * Returns the index of the first trade in `[from, end)` that reaches a bound, else `end`; the gauge has seen those before.
 *
 * This loop and the next are where a run spends its time. They stand alone, on typed columns and local numbers: inside one
 * state machine, V8 drops them out of optimised code again and again once a sweep calls it with other parameters.
 */
export function scanTicks(feed: Ticks, from: number, end: number, stretch: Stretch, gauge: Gauge): number {
  const { low, high, base, net, isFlat } = stretch;
  const price = feed.price;
  if (isFlat) return scanFlat(price, price, from, end, low, high);
  let { peak, worst, worstPeak, lowest, highest, isUnderWater } = gauge;
  let floor = peak * (1 - worst);
  let peakIndex = -1;
  let worstPeakIndex = -1;
  let worstIndex = -1;
  let recoveredIndex = -1;
  let index = from;
  for (; index < end; index++) {
    const p = price[index] as number;
    if (p <= low || p >= high) break;
    if (p < lowest) lowest = p;
    else if (p > highest) highest = p;
    const equity = base + net * p;
    if (equity >= peak) {
      if (isUnderWater) {
        isUnderWater = false;
        recoveredIndex = index;
      }
      peak = equity;
      peakIndex = index;
      floor = equity * (1 - worst);
    } else if (equity < floor) {
      worst = (peak - equity) / peak;
      worstPeak = peak;
      floor = equity;
      worstPeakIndex = peakIndex;
      worstIndex = index;
      recoveredIndex = -1;
      isUnderWater = true;
    }
  }
  gauge.keep({ peak, peakIndex, worst, worstPeak, worstPeakIndex, worstIndex, recoveredIndex, lowest, highest }, feed.time);
  return index;
}

/** The same over candles: bounds and extremes by their lows and highs, equity at their closes. */
export function scanBars(feed: Bars, from: number, end: number, stretch: Stretch, gauge: Gauge): number {
  const { low, high, base, net, isFlat } = stretch;
  const { low: lows, high: highs, close } = feed;
  if (isFlat) return scanFlat(lows, highs, from, end, low, high);
  let { peak, worst, worstPeak, lowest, highest, isUnderWater } = gauge;
  let floor = peak * (1 - worst);
  let peakIndex = -1;
  let worstPeakIndex = -1;
  let worstIndex = -1;
  let recoveredIndex = -1;
  let index = from;
  for (; index < end; index++) {
    const l = lows[index] as number;
    const h = highs[index] as number;
    if (l <= low || h >= high) break;
    if (l < lowest) lowest = l;
    if (h > highest) highest = h;
    const equity = base + net * (close[index] as number);
    if (equity >= peak) {
      if (isUnderWater) {
        isUnderWater = false;
        recoveredIndex = index;
      }
      peak = equity;
      peakIndex = index;
      floor = equity * (1 - worst);
    } else if (equity < floor) {
      worst = (peak - equity) / peak;
      worstPeak = peak;
      floor = equity;
      worstPeakIndex = peakIndex;
      worstIndex = index;
      recoveredIndex = -1;
      isUnderWater = true;
    }
  }
  gauge.keep({ peak, peakIndex, worst, worstPeak, worstPeakIndex, worstIndex, recoveredIndex, lowest, highest }, feed.time);
  return index;
}

function scanFlat(lows: Float64Array, highs: Float64Array, from: number, end: number, low: number, high: number): number {
  let index = from;
  while (index < end && (lows[index] as number) > low && (highs[index] as number) < high) index++;
  return index;
}
