import { type Bars, endOfEvent, type Ticks } from './market-data.js';

/** Index of each number in the state of a tracker. */
export const PEAK = 0;
/** Equity below this is a new maximum drawdown. */
export const FLOOR = 1;
export const LOWEST = 2;
export const HIGHEST = 3;
export const MAX_LEVERAGE = 4;
export const MIN_DISTANCE = 5;
const PEAK_AT = 6;
const DRAWDOWN = 7;
const DRAWDOWN_PEAK = 8;
const DRAWDOWN_FROM = 9;
const DRAWDOWN_AT = 10;
const RECOVERED_AT = 11;
const SIZE = 12;

/**
 * Value of the positions as a function of the price: equity(p) = base + net × p, notional(p) = gross × p, and the prices at
 * which a falling or a rising price liquidates (NaN if none does).
 */
export type PositionValue = {
  readonly base: number;
  readonly net: number;
  readonly gross: number;
  readonly liquidationBelow: number;
  readonly liquidationAbove: number;
};

/**
 * Tracks equity over every price while a position is open: its peak, the maximum drawdown as a fraction of the peak, and
 * the price range since the position last changed. The maximum leverage and the minimum distance to liquidation follow from
 * that range.
 *
 * The loops of `scan.ts` read and write these numbers hundreds of thousands of times. As object fields V8 would box each
 * one, so they are kept in a typed array.
 */
export class EquityTracker {
  readonly state = new Float64Array(SIZE);

  readonly #feed: Ticks | Bars;

  constructor(deposit: number, feed: Ticks | Bars) {
    const { state } = this;
    const time = feed.time[0] ?? 0;
    this.#feed = feed;
    state[PEAK] = deposit;
    state[FLOOR] = deposit;
    state[DRAWDOWN_PEAK] = deposit;
    state[PEAK_AT] = time;
    state[DRAWDOWN_FROM] = time;
    state[DRAWDOWN_AT] = time;
    state[MIN_DISTANCE] = Number.POSITIVE_INFINITY;
  }

  get peak(): number {
    return this.state[PEAK] as number;
  }

  /** Maximum drawdown, a fraction of `drawdownPeak`, the peak before it. */
  get maxDrawdown(): number {
    return this.state[DRAWDOWN] as number;
  }

  get drawdownPeak(): number {
    return this.state[DRAWDOWN_PEAK] as number;
  }

  get drawdownFrom(): number {
    return this.#timeOf(this.state[DRAWDOWN_FROM] as number);
  }

  get drawdownAt(): number {
    return this.#timeOf(this.state[DRAWDOWN_AT] as number);
  }

  /** When equity was back at `drawdownPeak`; 0 until then. */
  get recoveredAt(): number {
    return this.#timeOf(this.state[RECOVERED_AT] as number);
  }

  /** Maximum ratio of notional to equity. */
  get maxLeverage(): number {
    return this.state[MAX_LEVERAGE] as number;
  }

  /** Minimum distance to a liquidation price, a fraction of the price; infinite if there was none. */
  get minDistance(): number {
    return this.state[MIN_DISTANCE] as number;
  }

  /** Adds equity at one moment. */
  addEquity(equity: number, time: number): void {
    if (equity < (this.state[FLOOR] as number)) recordDrawdown(this.state, equity, time);
    else if (equity >= (this.state[PEAK] as number)) recordPeak(this.state, equity, time);
  }

  /** Restarts the price range. Call after the position has changed. */
  restartRange(price: number, position: PositionValue): void {
    this.state[LOWEST] = price;
    this.state[HIGHEST] = price;
    if (position.gross > 0) this.#measure(position, price);
  }

  extendRange(price: number): void {
    if (price < (this.state[LOWEST] as number)) this.state[LOWEST] = price;
    if (price > (this.state[HIGHEST] as number)) this.state[HIGHEST] = price;
  }

  /** Measures leverage and liquidation distance over the price range. Call before the position changes, and at the end. */
  measureRange(position: PositionValue): void {
    if (position.gross === 0) return;
    this.#measure(position, this.state[LOWEST] as number);
    this.#measure(position, this.state[HIGHEST] as number);
  }

  #measure({ base, net, gross, liquidationBelow, liquidationAbove }: PositionValue, price: number): void {
    const { state } = this;
    const equity = base + net * price;
    const leverage = equity > 0 ? (gross * price) / equity : 0;
    if (leverage > (state[MAX_LEVERAGE] as number)) state[MAX_LEVERAGE] = leverage;
    const below = (price - liquidationBelow) / price;
    if (below < (state[MIN_DISTANCE] as number)) state[MIN_DISTANCE] = Math.max(0, below);
    const above = (liquidationAbove - price) / price;
    if (above < (state[MIN_DISTANCE] as number)) state[MIN_DISTANCE] = Math.max(0, above);
  }

  #timeOf(moment: number): number {
    return moment < 0 ? endOfEvent(this.#feed, -1 - moment) : moment;
  }

  /** Returns the drawdown of an equity value, a fraction of the peak. */
  drawdown(equity: number): number {
    return Math.max(0, (this.peak - equity) / this.peak);
  }
}

/**
 * Encodes "just after this event" in place of a time, as a negative number. Looking up the time of every peak and drawdown
 * would wait for memory each time, although only the last few are ever needed.
 */
export function momentAfter(event: number): number {
  return -1 - event;
}

/** Records a new peak of equity; `moment` is a time or the result of `momentAfter`. */
export function recordPeak(state: Float64Array, equity: number, moment: number): void {
  const isUnderWater = (state[DRAWDOWN] as number) > 0 && state[RECOVERED_AT] === 0;
  if (isUnderWater) state[RECOVERED_AT] = moment;
  state[PEAK] = equity;
  state[PEAK_AT] = moment;
  state[FLOOR] = equity * (1 - (state[DRAWDOWN] as number));
}

/** Records a new maximum drawdown. */
export function recordDrawdown(state: Float64Array, equity: number, moment: number): void {
  const peak = state[PEAK] as number;
  state[FLOOR] = equity;
  state[DRAWDOWN] = (peak - equity) / peak;
  state[DRAWDOWN_PEAK] = peak;
  state[DRAWDOWN_FROM] = state[PEAK_AT] as number;
  state[DRAWDOWN_AT] = moment;
  state[RECOVERED_AT] = 0;
}
