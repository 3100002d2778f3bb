import { UsageError } from '../../model/errors.js';
import { isLaterCopy } from '../../model/order.js';
import type { Candle } from '../../model/records.js';
import { formatDuration, formatTime, parseDuration } from '../../model/time.js';
import type { Bars } from '../market-data.js';

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

/** Collects closed candles and turns those of one interval and source into typed columns. */
export class CandleColumns {
  readonly counts: CandleCounts = { open: 0, empty: 0, duplicates: 0, incomplete: 0, missing: 0 };
  /** Opening times of candles that overlap an unrepaired gap. */
  readonly incomplete: number[] = [];
  readonly #candles = new Map<string, Map<number, Candle>>();

  get count(): number {
    return [...this.#candles.values()].reduce((sum, candles) => sum + candles.size, 0);
  }

  add(candle: Candle): void {
    if (!candle.closed) {
      this.counts.open++;
      return;
    }
    if (candle.open === undefined || candle.high === undefined || candle.low === undefined || candle.close === undefined) {
      this.counts.empty++;
      return;
    }
    const name = `${candle.interval} ${candle.source}`;
    const candles = this.#candles.get(name) ?? new Map<number, Candle>();
    this.#candles.set(name, candles);
    const before = candles.get(candle.timestamp);
    if (before !== undefined) this.counts.duplicates++;
    if (before === undefined || isLaterCopy(candle, before)) candles.set(candle.timestamp, candle);
  }

  /** Returns the candles of an interval (by default the only one). Candles from trades take precedence over the exchange's. */
  finish(interval: string | undefined): Bars {
    const candles = this.#chosen(interval);
    const size = parseDuration(candles[0]?.interval ?? '1m');
    for (const { timestamp, complete } of candles) if (complete === false) this.incomplete.push(timestamp);
    this.counts.incomplete = this.incomplete.length;
    this.#check(candles, size);
    const column = (value: (candle: Candle) => number) => {
      const values = new Float64Array(new SharedArrayBuffer(candles.length * 8));
      for (const [index, candle] of candles.entries()) values[index] = value(candle);
      return values;
    };
    return {
      kind: 'candles',
      interval: size,
      time: column(({ timestamp }) => timestamp),
      open: column(({ open }) => open as number),
      high: column(({ high }) => high as number),
      low: column(({ low }) => low as number),
      close: column(({ close }) => close as number),
      volume: column(({ volume }) => volume),
    };
  }

  #chosen(interval: string | undefined): Candle[] {
    const intervals = [...new Set([...this.#candles.keys()].map((name) => name.split(' ')[0] as string))];
    const only = interval ?? (intervals.length === 1 ? intervals[0] : undefined);
    if (only === undefined) throw new UsageError(`missing --interval: the input has candles of ${intervals.join(', ')}`);
    const found = this.#candles.get(`${only} trades`) ?? this.#candles.get(`${only} exchange`);
    if (found === undefined)
      throw new UsageError(`--interval: expected one of ${intervals.join(', ') || 'the candles in the input'}, was ${only}`);
    return [...found.values()].sort((a, b) => a.timestamp - b.timestamp);
  }

  #check(candles: readonly Candle[], size: number): void {
    for (const [index, { timestamp, open, high, low, close }] of candles.entries()) {
      const [top, bottom] = [Math.max(open as number, close as number), Math.min(open as number, close as number)];
      if (!((low as number) > 0 && (low as number) <= bottom && (high as number) >= top))
        throw new UsageError(
          `candle of ${formatTime(timestamp)}: expected low ≤ open and close ≤ high, all above zero, was ${open}, ${high}, ${low}, ${close}`,
        );
      const before = candles[index - 1]?.timestamp;
      if (before === undefined) continue;
      if (timestamp < before + size)
        throw new UsageError(
          `candle of ${formatTime(timestamp)}: overlaps the one before at an interval of ${formatDuration(size)}`,
        );
      this.counts.missing += Math.round((timestamp - before) / size) - 1;
    }
  }
}
