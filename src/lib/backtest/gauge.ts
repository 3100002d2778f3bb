import { type Bars, endOfEvent, type Ticks } from './market-data.js';

/** Where each number stands in a gauge's state. */
export const PEAK = 0;
/** Equity below this is deeper below a peak, as a fraction of it, than ever before. */
export const FLOOR = 1;
export const LOWEST = 2;
export const HIGHEST = 3;
export const MAX_LEVERAGE = 4;
export const LEAST_DISTANCE = 5;
const PEAK_AT = 6;
const WORST = 7;
const WORST_PEAK = 8;
const WORST_FROM = 9;
const WORST_AT = 10;
const RECOVERED_AT = 11;
const SIZE = 12;

/**
 * What is held, as far as prices tell of it: equity(p) = base + net × p, notional(p) = gross × p, and the prices at which
 * a fall or a rise liquidates, NaN where none does.
 */
export type Stake = {
  readonly base: number;
  readonly net: number;
  readonly gross: number;
  readonly liquidationBelow: number;
  readonly liquidationAbove: number;
};

/**
 * What has to be known of every price while something is held: the peak of equity, the deepest fall below one as a fraction
 * of it, and the extremes of the price since the position last changed, from which the greatest leverage and the least
 * distance to liquidation follow. The numbers stand in a typed array, since the loops of `scan.ts` read and write them
 * hundreds of thousands of times, and fields of objects would be boxed.
 */
export class Gauge {
  readonly state = new Float64Array(SIZE);

  readonly #feed: Ticks | Bars;

  constructor(deposit: number, feed: Ticks | Bars) {
    const { state } = this;
    const time = feed.time[0] ?? 0;
    this.#feed = feed;
    state[PEAK] = deposit;
    state[FLOOR] = deposit;
    state[WORST_PEAK] = deposit;
    state[PEAK_AT] = time;
    state[WORST_FROM] = time;
    state[WORST_AT] = time;
    state[LEAST_DISTANCE] = Number.POSITIVE_INFINITY;
  }

  get peak(): number {
    return this.state[PEAK] as number;
  }

  /** Deepest fall, as a fraction of `worstPeak`, the peak it fell from. */
  get worst(): number {
    return this.state[WORST] as number;
  }

  get worstPeak(): number {
    return this.state[WORST_PEAK] as number;
  }

  get worstFrom(): number {
    return this.#timeOf(this.state[WORST_FROM] as number);
  }

  get worstAt(): number {
    return this.#timeOf(this.state[WORST_AT] as number);
  }

  /** When equity was back at `worstPeak`; 0 as long as it is not. */
  get recoveredAt(): number {
    return this.#timeOf(this.state[RECOVERED_AT] as number);
  }

  /** Greatest ratio of notional to equity. */
  get maxLeverage(): number {
    return this.state[MAX_LEVERAGE] as number;
  }

  /** Least distance to a liquidation price, a fraction of the price; infinite where there was none. */
  get leastDistance(): number {
    return this.state[LEAST_DISTANCE] as number;
  }

  /** Takes equity at one moment. */
  note(equity: number, time: number): void {
    if (equity < (this.state[FLOOR] as number)) fall(this.state, equity, time);
    else if (equity >= (this.state[PEAK] as number)) rise(this.state, equity, time);
  }

  /** Begins the extremes of the price anew, after what is held has changed. */
  restart(price: number, stake: Stake): void {
    this.state[LOWEST] = price;
    this.state[HIGHEST] = price;
    if (stake.gross > 0) this.#measure(stake, price);
  }

  extend(price: number): void {
    if (price < (this.state[LOWEST] as number)) this.state[LOWEST] = price;
    if (price > (this.state[HIGHEST] as number)) this.state[HIGHEST] = price;
  }

  /** Takes into account how far the price went with this held: before that changes, and at the end. */
  settle(stake: Stake): void {
    if (stake.gross === 0) return;
    this.#measure(stake, this.state[LOWEST] as number);
    this.#measure(stake, this.state[HIGHEST] as number);
  }

  #measure({ base, net, gross, liquidationBelow, liquidationAbove }: Stake, price: number): void {
    const { state } = this;
    const equity = base + net * price;
    const leverage = equity > 0 ? (gross * price) / equity : 0;
    if (leverage > (state[MAX_LEVERAGE] as number)) state[MAX_LEVERAGE] = leverage;
    const below = (price - liquidationBelow) / price;
    if (below < (state[LEAST_DISTANCE] as number)) state[LEAST_DISTANCE] = Math.max(0, below);
    const above = (liquidationAbove - price) / price;
    if (above < (state[LEAST_DISTANCE] as number)) state[LEAST_DISTANCE] = Math.max(0, above);
  }

  #timeOf(moment: number): number {
    return moment < 0 ? endOfEvent(this.#feed, -1 - moment) : moment;
  }

  /** Returns how far equity is below its peak, a fraction. */
  depth(equity: number): number {
    return Math.max(0, (this.peak - equity) / this.peak);
  }
}

/**
 * Returns the moment after an event as the gauge takes it in place of a time: below zero, since to look up the time of
 * every peak and fall, when only a few last, would be to wait for memory again and again.
 */
export function momentAfter(event: number): number {
  return -1 - event;
}

/** Writes down a new peak of equity; `moment` is a time, or that after an event. */
export function rise(state: Float64Array, equity: number, moment: number): void {
  const isUnderWater = (state[WORST] as number) > 0 && state[RECOVERED_AT] === 0;
  if (isUnderWater) state[RECOVERED_AT] = moment;
  state[PEAK] = equity;
  state[PEAK_AT] = moment;
  state[FLOOR] = equity * (1 - (state[WORST] as number));
}

/** Writes down a fall deeper than all before. */
export function fall(state: Float64Array, equity: number, moment: number): void {
  const peak = state[PEAK] as number;
  state[FLOOR] = equity;
  state[WORST] = (peak - equity) / peak;
  state[WORST_PEAK] = peak;
  state[WORST_FROM] = state[PEAK_AT] as number;
  state[WORST_AT] = moment;
  state[RECOVERED_AT] = 0;
}
