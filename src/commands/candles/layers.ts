import { readInput } from '../../lib/input/input.js';
import { endsGap } from '../../lib/model/gap-repair.js';
import type { CandleInterval } from '../../lib/model/interval.js';
import { bucketStart } from '../../lib/model/interval.js';
import type { AnyRecord, Candle, Gap, RecordOf } from '../../lib/model/records.js';
import { camelCase } from '../../lib/model/schema.js';
import type { RecordSelection } from '../../lib/model/selection.js';
import { seriesKey } from '../../lib/model/series.js';
import { readStore } from '../../lib/storage/reading/store-reader.js';
import { PAGE_FEATURES, type PageSymbol } from './page.js';

type Layers = {
  readonly gaps: Gap[];
  readonly signals: RecordOf<'signal'>[];
  readonly features: Map<(typeof PAGE_FEATURES)[number], Map<number, number>>;
};

/** What lies over and under the candles of a page: gaps, signals and features, by symbol. */
export class ChartLayers {
  readonly #interval: CandleInterval;
  readonly #symbols = new Map<string, Layers>();

  constructor(interval: CandleInterval) {
    this.#interval = interval;
  }

  add(records: readonly AnyRecord[]): void {
    for (const record of records) {
      if (record.type === 'gap' && record.channel === 'trade') this.#gap(record);
      else if (record.type === 'signal') this.#of(record).signals.push(record);
      else if (record.type === 'features') this.#row(record);
    }
  }

  /** Adds what a store has in the time of the candles. */
  async read(directory: string, selection: RecordSelection, series: readonly (readonly Candle[])[]): Promise<void> {
    const since = Math.min(...series.map((candles) => candles[0]?.timestamp ?? Number.POSITIVE_INFINITY));
    if (!Number.isFinite(since)) return;
    const types = ['gap', 'features', 'signal'] as const;
    for await (const records of readStore(directory, { ...selection, since, types: [...types] })) this.add(records);
  }

  /** Adds what the files of INPUT have beside trades and candles. Lines that are no records were reported before. */
  async readFiles(paths: readonly string[]): Promise<void> {
    for await (const records of readInput(paths, { broken() {} })) this.add(records);
  }

  /** Returns candles with their layers. */
  under(candles: readonly Candle[]): PageSymbol {
    const [first] = candles;
    return { candles, ...(first ? this.#of(first) : { gaps: [], signals: [], features: new Map() }) };
  }

  /** A repaired gap is none, and the run and the store may both give the same one. */
  #gap(gap: Gap): void {
    const layers = this.#of(gap);
    const others = layers.gaps.filter((known) => (gap.missing ? !isSame(gap, known) : !endsGap(gap, known)));
    layers.gaps.splice(0, layers.gaps.length, ...others, ...(gap.missing ? [gap] : []));
  }

  #row(row: RecordOf<'features'>): void {
    const { features } = this.#of(row);
    // A row stands at the end of its second.
    const time = bucketStart(this.#interval.size, row.timestamp - 1);
    for (const name of PAGE_FEATURES) {
      const value = (row as unknown as Readonly<Record<string, unknown>>)[camelCase(name)];
      if (typeof value !== 'number') continue;
      const values = features.get(name) ?? new Map<number, number>();
      features.set(name, values.set(time, value));
    }
  }

  #of(record: { readonly exchange: string; readonly market: string; readonly symbol: string }): Layers {
    const key = seriesKey(record);
    const layers = this.#symbols.get(key) ?? { gaps: [], signals: [], features: new Map() };
    this.#symbols.set(key, layers);
    return layers;
  }
}

function isSame(a: Gap, b: Gap): boolean {
  return a.fromTimestamp === b.fromTimestamp && a.untilTimestamp === b.untilTimestamp;
}
