/** High, low and close of a candle. */
export type PriceRange = { readonly high: number; readonly low: number; readonly close: number };

/** Candles of an average, as in Wilder's book. */
export const PERIOD = 14;

/**
 * Returns the average true range of `bars` (the oldest first) after J. Welles Wilder, "New Concepts in Technical Trading
 * Systems" (1978): the mean of the first 14 true ranges, then (13 × the average before + the true range) / 14. The true
 * range of the first bar is its high minus its low. Undefined for fewer than 14 bars.
 */
export function averageTrueRange(bars: readonly PriceRange[]): number | undefined {
  if (bars.length < PERIOD) return undefined;
  let sum = 0;
  let average = 0;
  let previousClose: number | undefined;
  for (let index = 0; index < bars.length; index++) {
    const bar = bars[index] as PriceRange;
    const range = trueRange(bar, previousClose);
    if (index < PERIOD) sum += range;
    average = index < PERIOD ? sum / PERIOD : (average * (PERIOD - 1) + range) / PERIOD;
    previousClose = bar.close;
  }
  return average;
}

function trueRange({ high, low }: PriceRange, previousClose: number | undefined): number {
  if (previousClose === undefined) return high - low;
  return Math.max(high, previousClose) - Math.min(low, previousClose);
}
