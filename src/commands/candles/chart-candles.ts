import type { AnyRecord, Candle } from '../../lib/model/records.js';
import { seriesKey } from '../../lib/model/series.js';

/** Candles kept of each symbol and interval: as many as the widest picture has room for. */
export const CHART_CANDLES = 240;

type Series = { readonly candles: Map<number, Candle> };

/** The last candles of every symbol that went by, of which one symbol is drawn. */
export class ChartCandles {
  readonly #interval: string;
  readonly #series = new Map<string, Series>();

  /** Of several intervals the charts show one. */
  constructor(interval: string) {
    this.#interval = interval;
  }

  add(records: readonly AnyRecord[]): void {
    for (const record of records) {
      if (record.type === 'candle' && record.interval === this.#interval) this.#keep(record);
    }
  }

  /** Returns the candles of the symbol with the greatest turnover, in order of time. */
  get candles(): Candle[] {
    const all = [...this.#series.values()].map(({ candles }) => [...candles.values()].sort((a, b) => a.timestamp - b.timestamp));
    const turnover = (candles: readonly Candle[]) => candles.reduce((sum, candle) => sum + (candle.turnover ?? 0), 0);
    return all.sort((a, b) => turnover(b) - turnover(a))[0] ?? [];
  }

  /** Of two candles with one key the later one counts. */
  #keep(candle: Candle): void {
    const key = seriesKey(candle);
    const { candles } = this.#series.get(key) ?? { candles: new Map<number, Candle>() };
    this.#series.set(key, { candles });
    candles.set(candle.timestamp, candle);
    if (candles.size > CHART_CANDLES) candles.delete(candles.keys().next().value as number);
  }
}
