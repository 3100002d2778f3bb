import type { Market } from '../model/records.js';

/** Trades in their order, one typed column per field. Times are microseconds; `buy` is 1 where the taker bought. */
export type Ticks = {
  readonly kind: 'trades';
  readonly time: Float64Array;
  readonly price: Float64Array;
  readonly amount: Float64Array;
  readonly buy: Uint8Array;
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

/** Numbers with the time from which each holds. */
export type Series = { readonly time: Float64Array; readonly value: Float64Array };

/** A hole in the data, `[from, until)`. */
export type Hole = { readonly from: number; readonly until: number };

/** Displayed amounts of a book at one time: prices best first on each side. */
export type BookView = {
  readonly time: number;
  readonly bids: readonly (readonly [price: number, amount: number])[];
  readonly asks: readonly (readonly [price: number, amount: number])[];
};

/** All that a run sees of one symbol. */
export type MarketData = {
  readonly exchange: string;
  readonly market: Market;
  readonly symbol: string;
  readonly feed: Ticks | Bars;
  /** Mark prices; none where the last trade stands for them. */
  readonly marks: Series;
  /** Rates, each charged at its time to what is held then. */
  readonly fundings: Series;
  readonly holes: readonly Hole[];
  /** What `--fill volume` reads its queues from. */
  readonly books: readonly BookView[];
};

/** Returns a series of nothing. */
export function emptySeries(): Series {
  return { time: new Float64Array(0), value: new Float64Array(0) };
}

/**
 * Returns the index of the first time that is not before `limit`, from `from` on. A guess that is right is found at once;
 * else steps double before they are halved.
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

/** Returns the part of the data in `[since, until)`, as views that share their memory. */
export function between(data: MarketData, since: number, until: number): MarketData {
  const cut = (time: Float64Array): [number, number] => [firstNotBefore(time, since, 0), firstNotBefore(time, until, 0)];
  const series = ({ time, value }: Series): Series => {
    const [from, end] = cut(time);
    return { time: time.subarray(from, end), value: value.subarray(from, end) };
  };
  return {
    ...data,
    feed: cutFeed(data.feed, ...cut(data.feed.time)),
    marks: series(data.marks),
    fundings: series(data.fundings),
    holes: data.holes.filter((hole) => hole.until > since && hole.from < until),
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
      buy: feed.buy.subarray(from, end),
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

/** Returns when an event is over: a trade at once, a candle at its end. */
export function endOfEvent(feed: Ticks | Bars, index: number): number {
  const time = feed.time[index] as number;
  return feed.kind === 'trades' ? time : time + feed.interval;
}

/** Returns the end of the data: just after the last trade, or the end of the last candle. */
export function endOf(feed: Ticks | Bars): number {
  const last = feed.time.at(-1) ?? 0;
  return feed.kind === 'trades' ? last + 1 : last + feed.interval;
}
