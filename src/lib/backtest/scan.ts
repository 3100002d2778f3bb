import { BAR_BLOCK, type BlockRanges, findBlockRanges, TICK_BLOCK } from './block-ranges.js';
import {
  type EquityTracker,
  FLOOR,
  HIGHEST,
  LOWEST,
  momentAfter,
  momentAtOpening,
  momentInside,
  PEAK,
  type PositionValue,
  recordDrawdown,
  recordPeak,
} from './equity-tracker.js';
import type { Bars, Ticks } from './market-data.js';
import { QuietRange } from './quiet-range.js';
import { isHighFirst, type Path } from './terms.js';

/** Prices of each event; a trade has one. */
type Columns = {
  readonly open: Float64Array;
  readonly low: Float64Array;
  readonly high: Float64Array;
  readonly last: Float64Array;
};

function columnsOf(feed: Ticks | Bars): Columns {
  if (feed.kind === 'candles') return { open: feed.open, low: feed.low, high: feed.high, last: feed.close };
  return { open: feed.price, low: feed.price, high: feed.price, last: feed.price };
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
  readonly #path: Path | undefined;

  /** `path` is the order of a candle's extremes. */
  constructor(feed: Ticks | Bars, tracker: EquityTracker, path: Path) {
    this.#path = feed.kind === 'candles' ? path : undefined;
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
    if (this.#isWithin(block, equityLow, equityHigh)) return;
    if (this.#path === undefined) addTrades(this.#columns, from, end, position, state);
    else addCandles(this.#columns, from, end, position, state, isHighFirst(this.#path, position.net));
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

/** Adds equity after every trade. A drawdown that deepens from one trade to the next is recorded once. */
function addTrades({ last }: Columns, from: number, end: number, { base, net }: PositionValue, state: Float64Array): void {
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

/** Adds equity along the path of every candle: opening, both extremes, close. Most candles reach neither limit. */
function addCandles(
  { open, low, high, last }: Columns,
  from: number,
  end: number,
  { base, net }: PositionValue,
  state: Float64Array,
  highFirst: boolean,
): void {
  const best = net > 0 ? high : low;
  const worst = net > 0 ? low : high;
  const first = highFirst ? high : low;
  const second = highFirst ? low : high;
  let peak = state[PEAK] as number;
  let floor = state[FLOOR] as number;
  for (let index = from; index < end; index++) {
    if (base + net * (best[index] as number) < peak && base + net * (worst[index] as number) >= floor) continue;
    add(state, base + net * (open[index] as number), momentAtOpening(index));
    add(state, base + net * (first[index] as number), momentInside(index));
    add(state, base + net * (second[index] as number), momentInside(index));
    add(state, base + net * (last[index] as number), momentAfter(index));
    peak = state[PEAK] as number;
    floor = state[FLOOR] as number;
  }
}

function add(state: Float64Array, equity: number, moment: number): void {
  if (equity < (state[FLOOR] as number)) recordDrawdown(state, equity, moment);
  else if (equity >= (state[PEAK] as number)) recordPeak(state, equity, moment);
}
