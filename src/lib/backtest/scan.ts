import { BAR_BLOCK, type BlockRanges, findBlockRanges, TICK_BLOCK } from './block-ranges.js';
import {
  type EquityTracker,
  FLOOR,
  HIGHEST,
  LOWEST,
  momentAfter,
  PEAK,
  type PositionValue,
  recordDrawdown,
  recordPeak,
} from './equity-tracker.js';
import type { Bars, Ticks } from './market-data.js';
import { QuietRange } from './quiet-range.js';

/** Lowest, highest and last price of each event. */
type Columns = { readonly low: Float64Array; readonly high: Float64Array; readonly last: Float64Array };

function columnsOf(feed: Ticks | Bars): Columns {
  if (feed.kind === 'candles') return { low: feed.low, high: feed.high, last: feed.close };
  return { low: feed.price, high: feed.price, last: feed.price };
}

/**
 * Finds the next event that matters. Without it, a run would process every trade in full, although only a few thousand of
 * millions do anything. Whole blocks inside the quiet range are skipped by their extremes alone; see `quiet-range.ts`.
 */
export class Scan {
  readonly #columns: Columns;
  readonly #ranges: BlockRanges;
  readonly #tracker: EquityTracker;
  readonly #quiet = new QuietRange();

  constructor(feed: Ticks | Bars, tracker: EquityTracker) {
    this.#columns = columnsOf(feed);
    this.#ranges = findBlockRanges(this.#columns.low, this.#columns.high, feed.kind === 'candles' ? BAR_BLOCK : TICK_BLOCK);
    this.#tracker = tracker;
  }

  /**
   * Returns the index of the first event in `[from, end)` that reaches a bound, else `end`. A price equal to a bound has
   * reached it. The tracker then includes all events before it; without a position, only the bounds matter.
   */
  next(from: number, end: number, low: number, high: number, position: PositionValue | undefined): number {
    const { size } = this.#ranges;
    let index = from;
    while (index < end) {
      if (position === undefined) this.#quiet.setBounds(low, high);
      else this.#quiet.update(low, high, position, this.#tracker);
      index = this.#skip(index, end);
      if (index === end) return end;
      const block = Math.floor(index / size);
      const stop = Math.min(end, (block + 1) * size);
      const found = this.#isWithin(block, low, high) ? stop : reach(this.#columns, index, stop, low, high);
      if (position !== undefined) this.#follow(block, index, found, position);
      if (found < stop) return found;
      index = stop;
    }
    return end;
  }

  /** Returns the index after the quiet blocks; `from` and `end` may lie in the middle of a block. */
  #skip(from: number, end: number): number {
    const { size, lows, highs } = this.#ranges;
    const { low, high } = this.#quiet;
    const first = Math.floor(from / size);
    const last = Math.ceil(end / size);
    let block = first;
    while (block < last && (lows[block] as number) > low && (highs[block] as number) < high) block++;
    return block === first ? from : Math.min(end, block * size);
  }

  #isWithin(block: number, low: number, high: number): boolean {
    const { lows, highs } = this.#ranges;
    return (lows[block] as number) > low && (highs[block] as number) < high;
  }

  /** Adds the events of a part of a block to the tracker, as far as they can matter. */
  #follow(block: number, from: number, end: number, position: PositionValue): void {
    const { riskLow, riskHigh, equityLow, equityHigh } = this.#quiet;
    const { state } = this.#tracker;
    if (!this.#isWithin(block, riskLow, riskHigh)) extend(this.#columns, from, end, state);
    if (!this.#isWithin(block, equityLow, equityHigh)) note(this.#columns, from, end, position, state);
  }
}

/*
 * A run spends its time in the loops below. Inside a larger function, V8 deoptimises them again and again as soon as a sweep
 * calls it with other parameters. So each loop is a function of its own, on typed columns and local numbers.
 */

function reach({ low: lows, high: highs }: Columns, from: number, end: number, low: number, high: number): number {
  let index = from;
  while (index < end && (lows[index] as number) > low && (highs[index] as number) < high) index++;
  return index;
}

function extend({ low, high }: Columns, from: number, end: number, state: Float64Array): void {
  let lowest = state[LOWEST] as number;
  let highest = state[HIGHEST] as number;
  for (let index = from; index < end; index++) {
    if ((low[index] as number) < lowest) lowest = low[index] as number;
    if ((high[index] as number) > highest) highest = high[index] as number;
  }
  state[LOWEST] = lowest;
  state[HIGHEST] = highest;
}

/** Adds equity after every event. A drawdown that deepens from one event to the next is recorded once. */
function note({ last }: Columns, from: number, end: number, { base, net }: PositionValue, state: Float64Array): void {
  let peak = state[PEAK] as number;
  let floor = state[FLOOR] as number;
  let deepest = -1;
  for (let index = from; index < end; index++) {
    const equity = base + net * (last[index] as number);
    if (equity < floor) {
      floor = equity;
      deepest = index;
    } else if (equity >= peak) {
      if (deepest >= 0) recordDrawdown(state, floor, momentAfter(deepest));
      deepest = -1;
      recordPeak(state, equity, momentAfter(index));
      peak = equity;
      floor = state[FLOOR] as number;
    }
  }
  if (deepest >= 0) recordDrawdown(state, floor, momentAfter(deepest));
}
