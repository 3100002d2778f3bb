import type { Market, Side } from '../model/records.js';
import { SECOND } from '../model/time.js';

/** The side of a taker in a column of numbers. */
export const TAKER = { sell: 0, buy: 1, unknown: 2 } as const;

export function takerCode(side: Side | undefined): number {
  return TAKER[side ?? 'unknown'];
}

/** Returns the side with a code of `TAKER`, undefined where it is not known. */
export function takerOf(code: number): Side | undefined {
  return code === TAKER.buy ? 'buy' : code === TAKER.sell ? 'sell' : undefined;
}

/** Trades in order, one typed column per field. Times are microseconds; `taker` is one of `TAKER`. */
export type Ticks = {
  readonly kind: 'trades';
  readonly time: Float64Array;
  readonly price: Float64Array;
  readonly amount: Float64Array;
  readonly taker: Uint8Array;
};

/** Candles in order of their opening times; `interval` is their length in microseconds. */
export type Bars = {
  readonly kind: 'candles';
  readonly interval: number;
  readonly time: Float64Array;
  readonly open: Float64Array;
  readonly high: Float64Array;
  readonly low: Float64Array;
  readonly close: Float64Array;
  readonly volume: Float64Array;
};

/** Numbers, each with the time from which it applies. */
export type TimedValues = { readonly time: Float64Array; readonly value: Float64Array };

/** A gap in the data, `[from, until)`. */
export type DataGap = { readonly from: number; readonly until: number };

/** Displayed amounts of an order book at one time, best price first on each side. */
export type BookView = {
  readonly time: number;
  readonly bids: readonly (readonly [price: number, amount: number])[];
  readonly asks: readonly (readonly [price: number, amount: number])[];
};

/** All input of a run for one symbol. */
export type MarketData = {
  readonly exchange: string;
  readonly market: Market;
  readonly symbol: string;
  readonly feed: Ticks | Bars;
  /** Mark prices; empty if the last traded price is used instead. */
  readonly marks: TimedValues;
  /** Funding rates, each charged at its time on the position held then. */
  readonly fundings: TimedValues;
  readonly gaps: readonly DataGap[];
  /** Books from which `--fill volume` reads queue positions. */
  readonly books: readonly BookView[];
};

/** Returns an empty series. */
export function emptyTimedValues(): TimedValues {
  return { time: new Float64Array(0), value: new Float64Array(0) };
}

/** Returns the price at which a feed begins: of its first trade, or the opening of its first candle. NaN if it is empty. */
export function firstPriceOf(feed: Ticks | Bars): number {
  return (feed.kind === 'trades' ? feed.price[0] : feed.open[0]) ?? Number.NaN;
}

/**
 * Returns the index of the first time at or after `limit`, from `from` on. A correct guess costs one comparison; otherwise
 * an exponential search is followed by a binary search.
 */
export function firstNotBefore(time: Float64Array, limit: number, from: number, guess = from): number {
  const isGuessed =
    guess > from && guess < time.length && (time[guess - 1] as number) < limit && (time[guess] as number) >= limit;
  if (isGuessed) return guess;
  let low = from;
  let step = 1;
  while (low + step < time.length && (time[low + step] as number) < limit) {
    low += step;
    step *= 2;
  }
  let high = Math.min(time.length, low + step);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((time[middle] as number) < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A settlement this soon after the opening of a candle belongs to the opening: exchanges settle on the hour, give or take. */
const AT_OPENING = SECOND;

/** Funding rates by the moment of their charge: `between` two events, and `inside` a candle, after its opening. */
type DueFundings = { readonly between: TimedValues; readonly inside: TimedValues };

/**
 * Returns the funding rates, split by when a run charges them. A candle records no times inside it: without this, every
 * settlement inside a candle would be charged at its close, to the position that the candle leaves. One within the first second
 * counts as at the opening.
 */
export function dueFundings({ feed, fundings }: Pick<MarketData, 'feed' | 'fundings'>): DueFundings {
  if (feed.kind === 'trades') return { between: fundings, inside: emptyTimedValues() };
  const between: [number, number][] = [];
  const inside: [number, number][] = [];
  fundings.time.forEach((at, index) => {
    const rate = fundings.value[index] as number;
    const opening = feed.time[candleAt(feed.time, at)] ?? Number.NEGATIVE_INFINITY;
    if (at - opening <= AT_OPENING) between.push([opening, rate]);
    else (at - opening < feed.interval ? inside : between).push([at, rate]);
  });
  return { between: timedValuesOf(between), inside: timedValuesOf(inside) };
}

function timedValuesOf(rows: readonly (readonly [time: number, value: number])[]): TimedValues {
  return { time: Float64Array.from(rows, ([time]) => time), value: Float64Array.from(rows, ([, value]) => value) };
}

/** Returns the index of the last candle that opens at or before a time, from `from` on. */
export function candleAt(time: Float64Array, at: number, from = 0): number {
  return firstNotBefore(time, at + 1, from) - 1;
}

/** Returns the part of the data in `[since, until)`, as views on the same memory. */
export function between(data: MarketData, since: number, until: number): MarketData {
  const cut = (time: Float64Array): [number, number] => [firstNotBefore(time, since, 0), firstNotBefore(time, until, 0)];
  const series = ({ time, value }: TimedValues): TimedValues => {
    const [from, end] = cut(time);
    return { time: time.subarray(from, end), value: value.subarray(from, end) };
  };
  return {
    ...data,
    feed: cutFeed(data.feed, ...cut(data.feed.time)),
    marks: series(data.marks),
    fundings: series(data.fundings),
    gaps: data.gaps.filter((gap) => gap.until > since && gap.from < until),
    books: data.books.filter(({ time }) => time >= since && time < until),
  };
}

function cutFeed(feed: Ticks | Bars, from: number, end: number): Ticks | Bars {
  const part = (column: Float64Array) => column.subarray(from, end);
  if (feed.kind === 'trades')
    return {
      ...feed,
      time: part(feed.time),
      price: part(feed.price),
      amount: part(feed.amount),
      taker: feed.taker.subarray(from, end),
    };
  const { time, open, high, low, close, volume } = feed;
  return {
    ...feed,
    time: part(time),
    open: part(open),
    high: part(high),
    low: part(low),
    close: part(close),
    volume: part(volume),
  };
}

/** Returns when an event is over: a trade at its time, a candle at its end. */
export function endOfEvent(feed: Ticks | Bars, index: number): number {
  const time = feed.time[index] as number;
  return feed.kind === 'trades' ? time : time + feed.interval;
}

/** Returns the end of the data: just after the last trade, or the end of the last candle. */
export function endOf(feed: Ticks | Bars): number {
  const last = feed.time.at(-1) ?? 0;
  return feed.kind === 'trades' ? last + 1 : last + feed.interval;
}
