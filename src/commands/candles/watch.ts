import type { CandleInterval } from '../../lib/model/interval.js';
import type { AnyRecord, Candle } from '../../lib/model/records.js';
import { seriesKey } from '../../lib/model/series.js';
import { WholeFile } from '../../lib/sinks/whole-file.js';
import { candleSvg } from './svg.js';

/** Candles kept of each symbol: the widest chart shows this many. */
export const CHART_CANDLES = 240;

/** The last candles of every symbol, of which the chart draws one. */
class ChartCandles {
  readonly #interval: string;
  readonly #series = new Map<string, Map<number, Candle>>();

  constructor(interval: string) {
    this.#interval = interval;
  }

  add(records: readonly AnyRecord[]): void {
    for (const record of records) {
      if (record.type === 'candle' && record.interval === this.#interval) this.#keep(record);
    }
  }

  /** Returns the candles of the symbol with the largest turnover, in order of time. */
  get candles(): Candle[] {
    const all = [...this.#series.values()].map((candles) => [...candles.values()].sort((a, b) => a.timestamp - b.timestamp));
    const turnover = (candles: readonly Candle[]) => candles.reduce((sum, candle) => sum + (candle.turnover ?? 0), 0);
    return all.sort((a, b) => turnover(b) - turnover(a))[0] ?? [];
  }

  /** Of two candles with one key the later one counts. */
  #keep(candle: Candle): void {
    const key = seriesKey(candle);
    const candles = this.#series.get(key) ?? new Map<number, Candle>();
    this.#series.set(key, candles);
    candles.set(candle.timestamp, candle);
    if (candles.size > CHART_CANDLES) candles.delete(candles.keys().next().value as number);
  }
}

/** Keeps the last candles of a run for its chart, and counts those that a gap overlaps. */
export class CandleWatch {
  incomplete = 0;
  readonly #chart: ChartCandles | undefined;
  readonly #svg: WholeFile | undefined;

  /** `shown` is the interval of the chart, undefined when none is drawn. Throws a `UsageError` when the SVG file exists and must not be replaced. */
  constructor(shown: CandleInterval | undefined, svg: string | undefined, force: boolean) {
    this.#chart = shown && new ChartCandles(shown.name);
    this.#svg = svg === undefined ? undefined : new WholeFile(svg, force);
  }

  get candles(): Candle[] {
    return this.#chart?.candles ?? [];
  }

  /** Yields the same records. At their end it reads `more` candles for the chart and writes the SVG file. */
  async *watch(records: AsyncIterable<AnyRecord[]>, more?: AsyncIterable<AnyRecord[]>): AsyncGenerator<AnyRecord[]> {
    try {
      for await (const batch of records) {
        this.#chart?.add(batch);
        for (const record of batch) if (record.type === 'candle' && record.complete === false) this.incomplete += 1;
        yield batch;
      }
      if (more) for await (const batch of more) this.#chart?.add(batch);
      await this.#svg?.write(candleSvg(this.candles));
      await this.#svg?.close();
    } catch (error) {
      await this.#svg?.abort();
      throw error;
    }
  }
}
