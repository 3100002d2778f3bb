import type { Bars, Ticks } from '../../backtest/market-data.js';
import type { LevelSpan } from '../../backtest/strategy.js';
import type { Equity, Fill, Run } from '../../model/records.js';
import { DAY, HOUR, MINUTE, SECOND } from '../../model/time.js';

/** Maximum number of candles of a chart: more make it slow without showing more. */
const MAX_CANDLES = 4000;
const SIZES = [1, 5, 15, 30]
  .map((seconds) => seconds * SECOND)
  .concat([1, 5, 15, 30].map((minutes) => minutes * MINUTE))
  .concat([1, 4, 12].map((hours) => hours * HOUR))
  .concat([1, 7, 30].map((days) => days * DAY));

/** Times are seconds, as the chart counts them. */
type ChartCandle = { time: number; open: number; high: number; low: number; close: number };
type ChartValue = { readonly time: number; readonly value?: number };
type ChartMarker = {
  readonly time: number;
  readonly position: 'aboveBar' | 'belowBar';
  readonly shape: 'arrowUp' | 'arrowDown' | 'square';
  readonly color: string;
  readonly text: string;
};

const COLOURS: Partial<Record<NonNullable<Fill['reason']>, string>> = {
  entry: '#2962ff',
  level: '#2962ff',
  take_profit: '#089981',
  liquidation: '#d50000',
  stop: '#f23645',
};
const OTHER_COLOUR = '#b26a00';

/** Time axis of a report: every drawn value belongs to one of its candles. */
export class ReportAxis {
  readonly size: number;
  readonly candles: readonly ChartCandle[];

  constructor(feed: Ticks | Bars) {
    const { time } = feed;
    const length = (time.at(-1) ?? 0) - (time[0] ?? 0) + 1;
    const minimum = feed.kind === 'candles' ? feed.interval : 0;
    this.size = Math.max(SIZES.find((size) => length / size <= MAX_CANDLES) ?? (SIZES.at(-1) as number), minimum);
    this.candles = this.#candlesOf(feed);
  }

  /** Returns the opening time of the candle at a time, in seconds. */
  secondOf(time: number): number {
    return (Math.floor(time / this.size) * this.size) / SECOND;
  }

  /** Returns the last value of each candle. */
  line(points: readonly Equity[], value: (point: Equity) => number): ChartValue[] {
    const last = new Map<number, number>();
    for (const point of points) last.set(this.secondOf(point.timestamp - 1), value(point));
    return [...last].sort(([a], [b]) => a - b).map(([time, shown]) => ({ time, value: shown }));
  }

  /** Returns what the deposit of a run would be worth in the coin itself, from the run's first price to its last. */
  held({ fromTimestamp, untilTimestamp, parameters }: Run): ChartValue[] {
    const { deposit } = parameters as { readonly deposit: number };
    const [from, until] = [this.secondOf(fromTimestamp), this.secondOf(untilTimestamp - 1)];
    const candles = this.candles.filter(({ time }) => time >= from && time <= until);
    const first = candles[0]?.open as number;
    return candles.map(({ time, close }) => ({ time, value: (deposit * close) / first }));
  }

  /** Returns one marker per candle, side and reason, with its number of fills. */
  markers(fills: readonly Fill[]): ChartMarker[] {
    const groups = new Map<string, { fill: Fill; count: number; amount: number }>();
    for (const fill of fills) {
      const key = `${this.secondOf(fill.timestamp)} ${fill.side} ${fill.reason}`;
      const group = groups.get(key) ?? { fill, count: 0, amount: 0 };
      groups.set(key, { fill, count: group.count + 1, amount: group.amount + fill.amount });
    }
    return [...groups.values()].map(({ fill, count, amount }) => ({
      time: this.secondOf(fill.timestamp),
      position: fill.side === 'buy' ? 'belowBar' : 'aboveBar',
      shape: fill.reason === 'liquidation' ? 'square' : fill.side === 'buy' ? 'arrowUp' : 'arrowDown',
      color: (fill.reason && COLOURS[fill.reason]) ?? OTHER_COLOUR,
      text: `${(fill.reason ?? '').replace('_', ' ')} ${Number(amount.toPrecision(6))}${count > 1 ? ` (${count})` : ''}`,
    }));
  }

  /** Returns one line per level, interrupted where there was no grid. */
  levels(spans: readonly LevelSpan[]): ChartValue[][] {
    const end = this.candles.at(-1)?.time ?? 0;
    const count = Math.max(0, ...spans.map(({ prices }) => prices.length));
    return Array.from({ length: count }, (_, level) => {
      const points = new Map<number, ChartValue>();
      for (const { from, until, prices } of spans) {
        const [start, stop] = [this.secondOf(from), Math.min(end, this.secondOf(until))];
        const value = prices[level];
        if (value === undefined || stop < start) continue;
        points.set(start, { time: start, value });
        if (stop > start) points.set(stop, { time: stop, value });
        if (stop < end) points.set(stop + this.size / SECOND, { time: stop + this.size / SECOND });
      }
      return [...points.values()].sort((a, b) => a.time - b.time);
    });
  }

  #candlesOf(feed: Ticks | Bars): ChartCandle[] {
    const candles: ChartCandle[] = [];
    const columns = feed.kind === 'trades' ? { open: feed.price, high: feed.price, low: feed.price, close: feed.price } : feed;
    for (let index = 0; index < feed.time.length; index++) {
      const time = this.secondOf(feed.time[index] as number);
      const [open, high, low, close] = [columns.open[index], columns.high[index], columns.low[index], columns.close[index]];
      const candle = candles.at(-1);
      if (candle?.time !== time) candles.push({ time, open, high, low, close } as ChartCandle);
      else {
        candle.high = Math.max(candle.high, high as number);
        candle.low = Math.min(candle.low, low as number);
        candle.close = close as number;
      }
    }
    return candles;
  }
}

/** Returns the return of every UTC month, per cent. */
export function monthlyReturns(points: readonly Equity[], deposit: number): { readonly month: string; readonly pct: number }[] {
  const ends = new Map<string, number>();
  // A point at midnight of the first day belongs to the month before.
  for (const { timestamp, equity } of points) ends.set(new Date((timestamp - 1) / 1000).toISOString().slice(0, 7), equity);
  let before = deposit;
  return [...ends].map(([month, equity]) => {
    const pct = (equity / before - 1) * 100;
    before = equity;
    return { month, pct };
  });
}
