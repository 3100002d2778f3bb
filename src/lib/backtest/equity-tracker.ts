import { type Bars, endOfEvent, type Ticks } from './market-data.js';

/** Index of each number in the state of a tracker. */
export const PEAK = 0;
/** Equity below this is a new maximum drawdown, in per cent or in value. */
export const FLOOR = 1;
export const LOWEST = 2;
export const HIGHEST = 3;
export const MAX_LEVERAGE = 4;
export const MIN_DISTANCE = 5;
const PEAK_AT = 6;
/** The maximum drawdown as a fraction of its peak, and the one in value; each has the fields of `DRAWDOWN`. */
const RELATIVE = 7;
const ABSOLUTE = 12;
const SIZE = 17;
const DRAWDOWN = { size: 0, peak: 1, from: 2, at: 3, recoveredAt: 4 } as const;

/** Parts of a candle in the encoding of moments, as fractions of an event. */
const AT_OPENING = 0.25;
const INSIDE = 0.5;

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

/** A maximum drawdown: its size (a fraction of the peak, or a value), the peak before it, and its dates. */
export type Drawdown = {
  readonly size: number;
  readonly peak: number;
  readonly from: number;
  readonly at: number;
  /** When equity was back at the peak; 0 until then. */
  readonly recoveredAt: number;
};

/**
 * Tracks equity over every price while a position is open: its peak, the maximum drawdowns, and the price range since the
 * position last changed. The maximum leverage and the minimum distance to liquidation follow from that range.
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
    state[PEAK_AT] = time;
    state[MIN_DISTANCE] = Number.POSITIVE_INFINITY;
    for (const kind of [RELATIVE, ABSOLUTE]) {
      state[kind + DRAWDOWN.peak] = deposit;
      state[kind + DRAWDOWN.from] = time;
      state[kind + DRAWDOWN.at] = time;
    }
    this.clearRange();
  }

  get peak(): number {
    return this.state[PEAK] as number;
  }

  /** Maximum drawdown as a fraction of its peak. */
  get relative(): Drawdown {
    return this.#drawdownAt(RELATIVE);
  }

  /** Maximum drawdown in value. */
  get absolute(): Drawdown {
    return this.#drawdownAt(ABSOLUTE);
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

  /** Empties the price range: the position has changed, and no price has been traded since. */
  clearRange(): void {
    this.state[LOWEST] = Number.POSITIVE_INFINITY;
    this.state[HIGHEST] = Number.NEGATIVE_INFINITY;
  }

  /** Restarts the price range at a price. Call after the position has changed. */
  restartRange(price: number, position: PositionValue): void {
    this.state[LOWEST] = price;
    this.state[HIGHEST] = price;
    if (position.gross > 0) this.#measure(position, price);
  }

  /**
   * Extends the price range. A price at which nothing is left would hide the leverage at all prices before it, which is
   * therefore measured first.
   */
  extendRangeTo(price: number, position: PositionValue): void {
    if (position.base + position.net * price <= 0) this.measureRange(position);
    this.extendRange(price);
  }

  extendRange(price: number): void {
    if (price < (this.state[LOWEST] as number)) this.state[LOWEST] = price;
    if (price > (this.state[HIGHEST] as number)) this.state[HIGHEST] = price;
  }

  /** Measures leverage and liquidation distance over the price range. Call before the position changes, and at the end. */
  measureRange(position: PositionValue): void {
    const lowest = this.state[LOWEST] as number;
    const highest = this.state[HIGHEST] as number;
    if (position.gross === 0 || lowest > highest) return;
    this.#measure(position, lowest);
    if (highest !== lowest) this.#measure(position, highest);
  }

  /** Returns the drawdown of an equity value, a fraction of the peak. */
  drawdown(equity: number): number {
    return Math.max(0, (this.peak - equity) / this.peak);
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

  #drawdownAt(kind: number): Drawdown {
    const value = (field: number) => this.state[kind + field] as number;
    return {
      size: value(DRAWDOWN.size),
      peak: value(DRAWDOWN.peak),
      from: this.#timeOf(value(DRAWDOWN.from)),
      at: this.#timeOf(value(DRAWDOWN.at)),
      recoveredAt: this.#timeOf(value(DRAWDOWN.recoveredAt)),
    };
  }

  #timeOf(moment: number): number {
    if (moment >= 0) return moment;
    const place = -1 - moment;
    const event = Math.floor(place);
    if (place - event === AT_OPENING) return this.#feed.time[event] as number;
    return endOfEvent(this.#feed, event) - (place - event === INSIDE ? 1 : 0);
  }
}

/**
 * Encodes "just after this event" in place of a time, as a negative number. Looking up the time of every peak and drawdown
 * would wait for memory each time, although only the last few are ever needed.
 */
export function momentAfter(event: number): number {
  return -1 - event;
}

/** Encodes the opening of a candle. */
export function momentAtOpening(event: number): number {
  return -1 - event - AT_OPENING;
}

/** Encodes the extremes of a candle: the last microsecond before its end, like fills inside it. */
export function momentInside(event: number): number {
  return -1 - event - INSIDE;
}

/** Records a new peak of equity; `moment` is a time or an encoded moment. */
export function recordPeak(state: Float64Array, equity: number, moment: number): void {
  recover(state, RELATIVE, moment);
  recover(state, ABSOLUTE, moment);
  state[PEAK] = equity;
  state[PEAK_AT] = moment;
  const relative = equity * (1 - (state[RELATIVE] as number));
  const absolute = equity - (state[ABSOLUTE] as number);
  state[FLOOR] = relative > absolute ? relative : absolute;
}

function recover(state: Float64Array, kind: number, moment: number): void {
  const isOpen = (state[kind] as number) > 0 && state[kind + DRAWDOWN.recoveredAt] === 0;
  if (isOpen) state[kind + DRAWDOWN.recoveredAt] = moment;
}

/** Records equity below the floor: a new maximum drawdown in per cent, in value, or both. */
export function recordDrawdown(state: Float64Array, equity: number, moment: number): void {
  const peak = state[PEAK] as number;
  const fall = peak - equity;
  if (fall / peak > (state[RELATIVE] as number)) deepen(state, RELATIVE, fall / peak, moment);
  if (fall > (state[ABSOLUTE] as number)) deepen(state, ABSOLUTE, fall, moment);
  state[FLOOR] = equity;
}

function deepen(state: Float64Array, kind: number, size: number, moment: number): void {
  state[kind] = size;
  state[kind + DRAWDOWN.peak] = state[PEAK] as number;
  state[kind + DRAWDOWN.from] = state[PEAK_AT] as number;
  state[kind + DRAWDOWN.at] = moment;
  state[kind + DRAWDOWN.recoveredAt] = 0;
}
