import { isPiped } from '../../lib/input/paths.js';
import type { CandleInterval } from '../../lib/model/interval.js';
import type { AnyRecord, Candle } from '../../lib/model/records.js';
import type { RecordSelection } from '../../lib/model/selection.js';
import { seriesKey } from '../../lib/model/series.js';
import { WholeFile } from '../../lib/sinks/whole-file.js';
import type { ChartLayers } from './layers.js';
import { candleSvg } from './svg.js';

/** Candles kept of each symbol: the widest chart of a terminal shows this many, a page more. */
export const CHART_CANDLES = 240;
export const PAGE_CANDLES = 5_000;
/** Charts on one page, and on a terminal where symbols are named. */
const MAX_CHARTS = 12;

/** The last candles of every symbol. */
class ChartCandles {
  readonly #interval: string;
  readonly #most: number;
  readonly #series = new Map<string, Map<number, Candle>>();

  constructor(interval: string, most: number) {
    this.#interval = interval;
    this.#most = most;
  }

  add(records: readonly AnyRecord[]): void {
    for (const record of records) {
      if (record.type === 'candle' && record.interval === this.#interval) this.#keep(record);
    }
  }

  /** Returns the candles of every symbol in order of time, the largest turnover first. */
  get series(): Candle[][] {
    const all = [...this.#series.values()].map((candles) => [...candles.values()].sort((a, b) => a.timestamp - b.timestamp));
    const turnover = (candles: readonly Candle[]) => candles.reduce((sum, candle) => sum + (candle.turnover ?? 0), 0);
    return all.sort((a, b) => turnover(b) - turnover(a));
  }

  /** Of two candles with one key the later one counts. */
  #keep(candle: Candle): void {
    const key = seriesKey(candle);
    const candles = this.#series.get(key) ?? new Map<number, Candle>();
    this.#series.set(key, candles);
    candles.set(candle.timestamp, candle);
    if (candles.size > this.#most) candles.delete(candles.keys().next().value as number);
  }
}

/** What is drawn of a run. */
type Drawn = {
  readonly interval: CandleInterval;
  readonly svg: string | undefined;
  readonly html: string | undefined;
  readonly force: boolean;
  /** Reads the layers of a page from a store. */
  readonly readLayers?: ((layers: ChartLayers, series: readonly (readonly Candle[])[]) => Promise<void>) | undefined;
};

/** Keeps the last candles of a run for its charts, and counts those that a gap overlaps. */
export class CandleWatch {
  incomplete = 0;
  readonly #drawn: Drawn | undefined;
  readonly #chart: ChartCandles | undefined;
  readonly #svg: WholeFile | undefined;
  readonly #html: WholeFile | undefined;

  /** `drawn` is undefined when nothing is drawn. Throws a `UsageError` when a file exists and must not be replaced. */
  constructor(drawn: Drawn | undefined) {
    this.#drawn = drawn;
    this.#chart = drawn && new ChartCandles(drawn.interval.name, drawn.html === undefined ? CHART_CANDLES : PAGE_CANDLES);
    this.#svg = drawn?.svg === undefined ? undefined : new WholeFile(drawn.svg, drawn.force);
    this.#html = drawn?.html === undefined ? undefined : new WholeFile(drawn.html, drawn.force);
  }

  /** The candles of the symbols, the largest turnover first: at most as many as are drawn at once. */
  get series(): Candle[][] {
    return this.#chart?.series.slice(0, MAX_CHARTS) ?? [];
  }

  /** Yields the same records. At their end it reads `more` candles for the charts and writes the files. */
  async *watch(records: AsyncIterable<AnyRecord[]>, more?: AsyncIterable<AnyRecord[]>): AsyncGenerator<AnyRecord[]> {
    const layers = this.#html && this.#drawn ? new (await import('./layers.js')).ChartLayers(this.#drawn.interval) : undefined;
    try {
      for await (const batch of records) {
        this.#chart?.add(batch);
        layers?.add(batch);
        for (const record of batch) if (record.type === 'candle' && record.complete === false) this.incomplete += 1;
        yield batch;
      }
      if (more) for await (const batch of more) this.#chart?.add(batch);
      await this.#svg?.write(candleSvg(this.series[0] ?? []));
      await this.#svg?.close();
      if (layers) await this.#writePage(layers);
    } catch (error) {
      await this.#svg?.abort();
      await this.#html?.abort();
      throw error;
    }
  }

  async #writePage(layers: ChartLayers): Promise<void> {
    const { interval, readLayers } = this.#drawn as Drawn;
    const { series } = this;
    await readLayers?.(layers, series);
    const { candlePage } = await import('./page.js');
    const left = (this.#chart?.series.length ?? 0) - series.length;
    await this.#html?.write(
      candlePage(
        series.map((candles) => layers.under(candles)),
        interval,
        left,
      ),
    );
    await this.#html?.close();
  }
}

/** Standard input cannot be read twice. */
export function layersOf(input: readonly string[], directory: string, selection: RecordSelection): Drawn['readLayers'] {
  if (input.length > 0) return isPiped(input) ? undefined : (layers) => layers.readFiles(input);
  return (layers, series) => layers.read(directory, selection, series);
}
