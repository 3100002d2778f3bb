import { Calm } from './calm.js';
import { BAR_BLOCK, type Extents, extentsOf, TICK_BLOCK } from './extents.js';
import { FLOOR, fall, type Gauge, HIGHEST, LOWEST, momentAfter, PEAK, rise, type Stake } from './gauge.js';
import type { Bars, Ticks } from './market-data.js';

/** What trades or candles reach. */
type Columns = { readonly low: Float64Array; readonly high: Float64Array; readonly last: Float64Array };

function columnsOf(feed: Ticks | Bars): Columns {
  if (feed.kind === 'candles') return { low: feed.low, high: feed.high, last: feed.close };
  return { low: feed.price, high: feed.price, last: feed.price };
}

/** Runs over prices to where one of them matters. Blocks of prices that stay calm are passed over unseen, see `calm.ts`. */
export class Scan {
  readonly #columns: Columns;
  readonly #extents: Extents;
  readonly #gauge: Gauge;
  readonly #calm = new Calm();

  constructor(feed: Ticks | Bars, gauge: Gauge) {
    this.#columns = columnsOf(feed);
    this.#extents = extentsOf(this.#columns.low, this.#columns.high, feed.kind === 'candles' ? BAR_BLOCK : TICK_BLOCK);
    this.#gauge = gauge;
  }

  /**
   * Returns the index of the first event in `[from, end)` that reaches a bound, else `end`; a price equal to a bound has
   * reached it. The gauge then knows what those before it did to `stake`; without one only the bounds matter.
   */
  next(from: number, end: number, low: number, high: number, stake: Stake | undefined): number {
    const { size } = this.#extents;
    let index = from;
    while (index < end) {
      if (stake === undefined) this.#calm.within(low, high);
      else this.#calm.find(low, high, stake, this.#gauge);
      index = this.#skip(index, end);
      if (index === end) return end;
      const block = Math.floor(index / size);
      const stop = Math.min(end, (block + 1) * size);
      const found = this.#isWithin(block, low, high) ? stop : reach(this.#columns, index, stop, low, high);
      if (stake !== undefined) this.#follow(block, index, found, stake);
      if (found < stop) return found;
      index = stop;
    }
    return end;
  }

  /** Returns the index after the blocks that stay calm, of which the first and the last may be entered in the middle. */
  #skip(from: number, end: number): number {
    const { size, lows, highs } = this.#extents;
    const { low, high } = this.#calm;
    const first = Math.floor(from / size);
    const last = Math.ceil(end / size);
    let block = first;
    while (block < last && (lows[block] as number) > low && (highs[block] as number) < high) block++;
    return block === first ? from : Math.min(end, block * size);
  }

  #isWithin(block: number, low: number, high: number): boolean {
    const { lows, highs } = this.#extents;
    return (lows[block] as number) > low && (highs[block] as number) < high;
  }

  /** Takes the events of a part of a block into account, as far as they may matter. */
  #follow(block: number, from: number, end: number, stake: Stake): void {
    const { riskLow, riskHigh, equityLow, equityHigh } = this.#calm;
    const { state } = this.#gauge;
    if (!this.#isWithin(block, riskLow, riskHigh)) extend(this.#columns, from, end, state);
    if (!this.#isWithin(block, equityLow, equityHigh)) note(this.#columns, from, end, stake, state);
  }
}

/*
 * The loops in which a run spends its time stand alone, on typed columns and local numbers: inside one state machine, V8
 * drops them out of optimised code again and again once a sweep calls it with other parameters.
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

/** Takes equity after every event. A fall that goes deeper from one event to the next is written down once. */
function note({ last }: Columns, from: number, end: number, { base, net }: Stake, state: Float64Array): void {
  let peak = state[PEAK] as number;
  let floor = state[FLOOR] as number;
  let deepest = -1;
  for (let index = from; index < end; index++) {
    const equity = base + net * (last[index] as number);
    if (equity < floor) {
      floor = equity;
      deepest = index;
    } else if (equity >= peak) {
      if (deepest >= 0) fall(state, floor, momentAfter(deepest));
      deepest = -1;
      rise(state, equity, momentAfter(index));
      peak = equity;
      floor = state[FLOOR] as number;
    }
  }
  if (deepest >= 0) fall(state, floor, momentAfter(deepest));
}
