import { BAR_BLOCK, type Extents, extentsOf, TICK_BLOCK } from './extents.js';
import {
  type Gauge,
  HIGHEST,
  isUnderWater,
  LOWEST,
  PEAK,
  PEAK_AT,
  RECOVERED_AT,
  WORST,
  WORST_AT,
  WORST_FROM,
  WORST_PEAK,
} from './gauge.js';
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

/** Returns the index of the first trade in `[from, end)` that reaches a bound, else `end`; the gauge has seen those before. */
export function scanTicks(feed: Ticks, from: number, end: number, stretch: Stretch, gauge: Gauge): number {
  const extents = extentsOf(feed.price, feed.price, TICK_BLOCK);
  let index = from;
  while (index < end) {
    index = skipBlocks(extents, index, end, stretch, gauge);
    if (index === end) return end;
    const stop = Math.min(end, (Math.floor(index / TICK_BLOCK) + 1) * TICK_BLOCK);
    const found = eachTick(feed, index, stop, stretch, gauge);
    if (found < stop) return found;
    index = stop;
  }
  return end;
}

/** The same over candles. */
export function scanBars(feed: Bars, from: number, end: number, stretch: Stretch, gauge: Gauge): number {
  const extents = extentsOf(feed.low, feed.high, BAR_BLOCK);
  let index = from;
  while (index < end) {
    index = skipBlocks(extents, index, end, stretch, gauge);
    if (index === end) return end;
    const stop = Math.min(end, (Math.floor(index / BAR_BLOCK) + 1) * BAR_BLOCK);
    const found = eachBar(feed, index, stop, stretch, gauge);
    if (found < stop) return found;
    index = stop;
  }
  return end;
}

/**
 * Returns the index after the whole blocks in which no price reaches a bound, and equity neither gets to its peak nor falls
 * deeper than ever: of those only the extremes matter. Equity rises or falls with the price, so a block's extremes tell.
 */
function skipBlocks({ size, lows, highs }: Extents, from: number, end: number, stretch: Stretch, gauge: Gauge): number {
  if (from % size !== 0) return from;
  const { low, high, base, net, isFlat } = stretch;
  const { state, peak, worst } = gauge;
  const floor = peak * (1 - worst);
  let { lowest, highest } = gauge;
  let block = from / size;
  const last = Math.floor(end / size);
  for (; block < last; block++) {
    const bottom = lows[block] as number;
    const top = highs[block] as number;
    if (bottom <= low || top >= high) break;
    if (isFlat) continue;
    const [atBottom, atTop] = [base + net * bottom, base + net * top];
    if (atBottom >= peak || atTop >= peak || atBottom < floor || atTop < floor) break;
    if (bottom < lowest) lowest = bottom;
    if (top > highest) highest = top;
  }
  state[LOWEST] = lowest;
  state[HIGHEST] = highest;
  return block * size;
}

/**
 * One price after the other. This loop and the next are where a run spends its time. They stand alone, on typed columns and
 * local numbers: inside one state machine, V8 drops them out of optimised code again and again once a sweep calls it with
 * other parameters. A new deepest fall is rare and is written down at once.
 */
function eachTick({ price, time }: Ticks, from: number, end: number, stretch: Stretch, { state }: Gauge): number {
  const { low, high, base, net, isFlat } = stretch;
  if (isFlat) return scanFlat(price, price, from, end, low, high);
  let peak = state[PEAK] as number;
  let floor = peak * (1 - (state[WORST] as number));
  let lowest = state[LOWEST] as number;
  let highest = state[HIGHEST] as number;
  let peakIndex = -1;
  let index = from;
  for (; index < end; index++) {
    const p = price[index] as number;
    if (p <= low || p >= high) break;
    if (p < lowest) lowest = p;
    else if (p > highest) highest = p;
    const equity = base + net * p;
    if (equity >= peak) {
      if (peakIndex < 0) recover(state, time[index] as number);
      peak = equity;
      peakIndex = index;
      floor = peak * (1 - (state[WORST] as number));
    } else if (equity < floor) {
      if (peakIndex >= 0) state[PEAK_AT] = time[peakIndex] as number;
      peakIndex = -1;
      floor = deepen(state, peak, equity, time[index] as number);
    }
  }
  if (peakIndex >= 0) state[PEAK_AT] = time[peakIndex] as number;
  state[PEAK] = peak;
  state[LOWEST] = lowest;
  state[HIGHEST] = highest;
  return index;
}

/** The same over candles: bounds and extremes by their lows and highs, equity at their closes, which is when they end. */
function eachBar(feed: Bars, from: number, end: number, stretch: Stretch, { state }: Gauge): number {
  const { low, high, base, net, isFlat } = stretch;
  const { low: lows, high: highs, close, time, interval } = feed;
  if (isFlat) return scanFlat(lows, highs, from, end, low, high);
  let peak = state[PEAK] as number;
  let floor = peak * (1 - (state[WORST] as number));
  let lowest = state[LOWEST] as number;
  let highest = state[HIGHEST] as number;
  let peakIndex = -1;
  let index = from;
  for (; index < end; index++) {
    const l = lows[index] as number;
    const h = highs[index] as number;
    if (l <= low || h >= high) break;
    if (l < lowest) lowest = l;
    if (h > highest) highest = h;
    const equity = base + net * (close[index] as number);
    if (equity >= peak) {
      if (peakIndex < 0) recover(state, (time[index] as number) + interval);
      peak = equity;
      peakIndex = index;
      floor = peak * (1 - (state[WORST] as number));
    } else if (equity < floor) {
      if (peakIndex >= 0) state[PEAK_AT] = (time[peakIndex] as number) + interval;
      peakIndex = -1;
      floor = deepen(state, peak, equity, (time[index] as number) + interval);
    }
  }
  if (peakIndex >= 0) state[PEAK_AT] = (time[peakIndex] as number) + interval;
  state[PEAK] = peak;
  state[LOWEST] = lowest;
  state[HIGHEST] = highest;
  return index;
}

function recover(state: Float64Array, time: number): void {
  if (isUnderWater(state)) state[RECOVERED_AT] = time;
}

/** Writes down a fall deeper than all before, and returns equity below which there is a deeper one. */
function deepen(state: Float64Array, peak: number, equity: number, time: number): number {
  state[WORST] = (peak - equity) / peak;
  state[WORST_PEAK] = peak;
  state[WORST_FROM] = state[PEAK_AT] as number;
  state[WORST_AT] = time;
  state[RECOVERED_AT] = 0;
  return peak * (1 - (state[WORST] as number));
}

function scanFlat(lows: Float64Array, highs: Float64Array, from: number, end: number, low: number, high: number): number {
  let index = from;
  while (index < end && (lows[index] as number) > low && (highs[index] as number) < high) index++;
  return index;
}
