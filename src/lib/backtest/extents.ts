/** Lowest and highest price of every block of `size`, from the first price on. */
export type Extents = { readonly size: number; readonly lows: Float64Array; readonly highs: Float64Array };

/** Trades of a block; between two fills of a grid lie thousands. */
export const TICK_BLOCK = 256;
/** Candles of a block; a strategy on candles may trade every few dozen. */
export const BAR_BLOCK = 16;

const KNOWN = new WeakMap<Float64Array, Extents>();

/** Returns the extents of columns; they are found once per column and shared by all runs over it, as a sweep makes many. */
export function extentsOf(lows: Float64Array, highs: Float64Array, size: number): Extents {
  const known = KNOWN.get(lows);
  if (known !== undefined) return known;
  const count = Math.ceil(lows.length / size);
  const extents = { size, lows: new Float64Array(count), highs: new Float64Array(count) };
  for (let block = 0; block < count; block++) {
    const end = Math.min(lows.length, (block + 1) * size);
    extents.lows[block] = least(lows, block * size, end);
    extents.highs[block] = greatest(highs, block * size, end);
  }
  KNOWN.set(lows, extents);
  return extents;
}

function least(values: Float64Array, from: number, end: number): number {
  let found = values[from] as number;
  for (let index = from + 1; index < end; index++) {
    const value = values[index] as number;
    if (value < found) found = value;
  }
  return found;
}

function greatest(values: Float64Array, from: number, end: number): number {
  let found = values[from] as number;
  for (let index = from + 1; index < end; index++) {
    const value = values[index] as number;
    if (value > found) found = value;
  }
  return found;
}
