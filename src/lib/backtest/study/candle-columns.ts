import { UsageError } from '../../model/errors.js';
import { originOf, parseInterval } from '../../model/interval.js';
import type { Candle } from '../../model/records.js';
import { EARLIEST, formatDuration, formatTime, LATEST, parseDuration } from '../../model/time.js';
import type { Bars } from '../market-data.js';
import { Column, timeOrder } from './columns.js';

/** Counts of candles that were not used, by reason. */
type CandleCounts = {
  open: number;
  /** Candles without prices: nothing traded in them. */
  empty: number;
  duplicates: number;
  incomplete: number;
  /** Missing candles between the first and the last. */
  missing: number;
};

/** The columns of a candle's numbers; `arrival` is 0 where it is unknown, `incomplete` 1 for an incomplete candle and else 0. */
export const CANDLE_NUMBERS = ['time', 'open', 'high', 'low', 'close', 'volume', 'arrival', 'incomplete'] as const;
type CandleNumbers = Readonly<Record<(typeof CANDLE_NUMBERS)[number], number>>;

/** A candle that is open, without prices, usable, or none that can be meant. */
export const CANDLE_STATE = { open: 0, empty: 1, usable: 2, doubtful: 3 } as const;
const VOLUME = CANDLE_NUMBERS.indexOf('volume');

/**
 * Returns the state of a row of `CANDLE_NUMBERS`, in which NaN is a missing number; `closed` is 1, or 0 for an open candle. What
 * it asks of the time, the prices and the volume is what `checkedCandle` asks of a record.
 */
export function candleState(numbers: readonly Float64Array[], row: number, closed: number, { size, origin }: Opening): number {
  const time = (numbers[0] as Float64Array)[row] as number;
  const open = (numbers[1] as Float64Array)[row] as number;
  const high = (numbers[2] as Float64Array)[row] as number;
  const low = (numbers[3] as Float64Array)[row] as number;
  const close = (numbers[4] as Float64Array)[row] as number;
  const volume = (numbers[VOLUME] as Float64Array)[row] as number;
  const isAligned = time >= EARLIEST && time < LATEST && (time - origin) % size === 0;
  const isPriced = low > 0 && low <= open && low <= close && high >= open && high >= close && high < Number.POSITIVE_INFINITY;
  const isEmpty = volume === 0 && Number.isNaN(open) && Number.isNaN(high) && Number.isNaN(low) && Number.isNaN(close);
  const isMeant = isAligned && (isPriced || isEmpty) && volume >= 0 && volume < Number.POSITIVE_INFINITY;
  if (!isMeant || (closed !== 0 && closed !== 1)) return CANDLE_STATE.doubtful;
  return closed === 0 ? CANDLE_STATE.open : isEmpty ? CANDLE_STATE.empty : CANDLE_STATE.usable;
}

/** When candles open: every `size` microseconds, counted from `origin`. */
export type Opening = { readonly size: number; readonly origin: number };

export function openingOf(interval: string): Opening {
  const { size } = parseInterval(interval);
  return { size, origin: originOf(size) };
}

/** Candles of one interval and source in the order of the input. An object for each takes thirty times the memory. */
export class CandleSeries {
  readonly time = new Column();
  readonly open = new Column();
  readonly high = new Column();
  readonly low = new Column();
  readonly close = new Column();
  readonly volume = new Column();
  readonly arrival = new Column();
  readonly incomplete = new Column();

  /** Makes room for candles that are added next. */
  reserve(candles: number): void {
    for (const name of CANDLE_NUMBERS) this[name].reserve(candles);
  }

  add(candle: CandleNumbers): void {
    for (const name of CANDLE_NUMBERS) this[name].push(candle[name]);
  }

  /** Adds rows `[from, until)` of columns in the order of `CANDLE_NUMBERS`. */
  append(columns: readonly Float64Array[], from: number, until: number): void {
    for (const [index, name] of CANDLE_NUMBERS.entries()) this[name].append(columns[index] as Float64Array, from, until);
  }

  /** Returns one candle per time in order of time, as indices; undefined for all as they are. Of copies, `isLaterCopy` decides. */
  distinct(): Uint32Array | undefined {
    const { time } = this;
    const order = timeOrder(time);
    const kept = new Uint32Array(time.length);
    let length = 0;
    for (let place = 0; place < time.length; place++) {
      const index = order ? (order[place] as number) : place;
      const before = kept[length - 1] as number;
      if (length === 0 || time.at(before) !== time.at(index)) kept[length++] = index;
      else if (this.arrival.at(index) >= this.arrival.at(before)) kept[length - 1] = index;
    }
    return order || length < time.length ? kept.subarray(0, length) : undefined;
  }
}

/** Collects closed candles and turns those of one interval and source into typed columns. */
export class CandleColumns {
  readonly counts: CandleCounts = { open: 0, empty: 0, duplicates: 0, incomplete: 0, missing: 0 };
  /** Opening times of candles that overlap an unrepaired gap. */
  readonly incomplete: number[] = [];
  readonly #series = new Map<string, CandleSeries>();

  /** Number of closed candles, copies included. */
  get count(): number {
    return [...this.#series.values()].reduce((sum, { time }) => sum + time.length, 0);
  }

  add(candle: Candle): void {
    const { timestamp, open, high, low, close, volume, localTimestamp, closed, complete } = candle;
    if (!closed) this.counts.open++;
    else if (open === undefined || high === undefined || low === undefined || close === undefined) this.counts.empty++;
    else
      this.series(candle.interval, candle.source).add({
        time: timestamp,
        open,
        high,
        low,
        close,
        volume,
        arrival: localTimestamp ?? 0,
        incomplete: complete === false ? 1 : 0,
      });
  }

  /** Returns the candles of an interval and source, to add to. */
  series(interval: string, source: string): CandleSeries {
    const name = `${interval} ${source}`;
    const known = this.#series.get(name) ?? new CandleSeries();
    this.#series.set(name, known);
    return known;
  }

  /** Returns the candles of an interval (by default the only one). Candles from trades take precedence over the exchange's. */
  finish(interval: string | undefined): Bars {
    const [name, series] = this.#chosen(interval);
    let order: Uint32Array | undefined;
    for (const one of this.#series.values()) {
      const distinct = one.distinct();
      if (distinct) this.counts.duplicates += one.time.length - distinct.length;
      if (one === series) order = distinct;
    }
    const size = parseDuration(name);
    const time = series.time.shared(order);
    for (let place = 0; place < time.length; place++)
      if (series.incomplete.at(order ? (order[place] as number) : place) === 1) this.incomplete.push(time[place] as number);
    this.counts.incomplete = this.incomplete.length;
    const bars: Bars = {
      kind: 'candles',
      interval: size,
      time,
      open: series.open.shared(order),
      high: series.high.shared(order),
      low: series.low.shared(order),
      close: series.close.shared(order),
      volume: series.volume.shared(order),
    };
    this.#check(bars);
    return bars;
  }

  #chosen(interval: string | undefined): [interval: string, CandleSeries] {
    const intervals = [...new Set([...this.#series.keys()].map((name) => name.split(' ')[0] as string))];
    const only = interval ?? (intervals.length === 1 ? intervals[0] : undefined);
    if (only === undefined) throw new UsageError(`missing --interval: the input has candles of ${intervals.join(', ')}`);
    const found = this.#series.get(`${only} trades`) ?? this.#series.get(`${only} exchange`);
    if (found === undefined)
      throw new UsageError(`--interval: expected one of ${intervals.join(', ') || 'the candles in the input'}, was ${only}`);
    return [only, found];
  }

  #check(bars: Bars): void {
    const { time, open, high, low, close, interval: size } = bars;
    let missing = 0;
    for (let index = 0; index < time.length; index++) {
      const [least, most] = [low[index] as number, high[index] as number];
      const [first, last] = [open[index] as number, close[index] as number];
      if (!(least > 0 && least <= first && least <= last && most >= first && most >= last)) throw contradiction(bars, index);
      if (index === 0) continue;
      const passed = (time[index] as number) - (time[index - 1] as number);
      if (passed < size)
        throw new UsageError(
          `candle of ${formatTime(time[index] as number)}: overlaps the one before at an interval of ${formatDuration(size)}`,
        );
      missing += Math.round(passed / size) - 1;
    }
    this.counts.missing += missing;
  }
}

function contradiction({ time, ...prices }: Bars, index: number): UsageError {
  const found = (['open', 'high', 'low', 'close'] as const).map((name) => prices[name][index]);
  return new UsageError(
    `candle of ${formatTime(time[index] as number)}: expected low ≤ open and close ≤ high, all above zero, was ${found.join(', ')}`,
  );
}
