/** Lowest and highest price of every block of `size` consecutive events. */
export type BlockRanges = { readonly size: number; readonly lows: Float64Array; readonly highs: Float64Array };

/** Trades per block: between two fills of a grid there are thousands of trades. */
export const TICK_BLOCK = 256;
/** Candles per block: a strategy on candles may trade every few dozen candles. */
export const BAR_BLOCK = 16;

const KNOWN = new WeakMap<Float64Array, BlockRanges>();

/** Returns the block ranges of two columns. They are cached per column, because a sweep runs over it many times. */
export function findBlockRanges(lows: Float64Array, highs: Float64Array, size: number): BlockRanges {
  const known = KNOWN.get(lows);
  if (known !== undefined) return known;
  const count = Math.ceil(lows.length / size);
  const ranges = { size, lows: new Float64Array(count), highs: new Float64Array(count) };
  for (let block = 0; block < count; block++) {
    const end = Math.min(lows.length, (block + 1) * size);
    ranges.lows[block] = minimumOf(lows, block * size, end);
    ranges.highs[block] = maximumOf(highs, block * size, end);
  }
  KNOWN.set(lows, ranges);
  return ranges;
}

function minimumOf(values: Float64Array, from: number, end: number): number {
  let found = values[from] as number;
  for (let index = from + 1; index < end; index++) {
    const value = values[index] as number;
    if (value < found) found = value;
  }
  return found;
}

function maximumOf(values: Float64Array, from: number, end: number): number {
  let found = values[from] as number;
  for (let index = from + 1; index < end; index++) {
    const value = values[index] as number;
    if (value > found) found = value;
  }
  return found;
}
