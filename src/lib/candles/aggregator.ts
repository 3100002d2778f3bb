import { type CandleInterval, parseInterval } from '../model/interval.js';
import { MarketSeries, marketOf } from '../model/market-series.js';
import type { AnyRecord, Candle, Clock, Gap, Trade } from '../model/records.js';
import type { MarketName } from '../model/series.js';
import { type CandleCounts, type CandleOptions, DEFAULT_OPTIONS, isOfInput } from './options.js';
import { CandleSeries } from './series.js';

class CandleMarket extends MarketSeries<Candle, CandleSeries> {
  /** The latest arrival of a smaller candle: it counts only at the end of the input. */
  latest = 0;
}

/**
 * Builds candles from trades, or from smaller candles, record by record: the one definition of every candle. It knows time
 * only from its input: per exchange and market the latest `clock` record, else the latest arrival.
 *
 * A candle closes when the clock passes its end plus the grace; later trades are counted and dropped. A `gap` that becomes
 * known after candles were closed emits them again with `complete: false`; of two candles with one key the later one
 * counts. `gap` and `clock` pass through: a `clock` after the candles it closes, a `gap` before those it changes.
 */
export class CandleAggregator {
  readonly counts: CandleCounts = { trades: 0, candles: 0, late: 0, duplicates: 0, unused: 0, unmarked: 0 };
  readonly #options: CandleOptions;
  readonly #markets = new Map<string, CandleMarket>();
  readonly #intervals = new Map<string, CandleInterval>();

  /** Missing options are those of `mdtool candles`: 1-minute candles of trades, opened by their first one. */
  constructor(options: Partial<CandleOptions> = {}) {
    this.#options = { ...DEFAULT_OPTIONS, ...options };
  }

  /** Returns the records that follow from `record`. They are produced lazily: read them all before the next `add`. */
  add(record: AnyRecord): Iterable<AnyRecord> {
    switch (record.type) {
      case 'trade':
        return this.#options.source === 'trades' ? this.#trade(record) : this.#unused();
      case 'candle':
        return record.source === this.#options.source ? this.#candle(record) : this.#unused();
      case 'gap':
        return this.#gap(record);
      case 'clock':
        return this.#clock(record);
      default:
        return this.#unused();
    }
  }

  /** Records the arrival of a trade that is not selected: it closes candles as a selected one does. */
  observe(record: AnyRecord): Iterable<AnyRecord> {
    if (record.type !== 'trade') return NOTHING;
    const market = this.#market(record);
    market.arrive(record.localTimestamp ?? record.timestamp);
    return this.#closed(market);
  }

  /** Returns the open candles at the end of the input: closed where the clock has passed their end. */
  *finish(): Generator<Candle> {
    for (const market of this.#markets.values()) {
      const now = market.hasClock ? market.now : Math.max(market.now, market.latest);
      for (const series of market.series.values()) yield* series.finish(now);
    }
  }

  #trade(trade: Trade): Iterable<AnyRecord> {
    const market = this.#market(trade);
    market.arrive(trade.localTimestamp ?? trade.timestamp);
    const series = this.#series(market, trade);
    const revised = series.addTrade(trade, market.now);
    market.schedule(series);
    const closed = this.#closed(market);
    return revised ? both(revised, closed) : closed;
  }

  #candle(candle: Candle): Iterable<AnyRecord> {
    const market = this.#market(candle);
    const interval = this.#interval(candle.interval);
    // A closed candle proves that the clock had passed its end where it was closed. Its arrival proves less: a candle that is
    // emitted again carries the arrival of the gap that made it incomplete, and would close candles that are still open.
    market.arrive(candle.closed ? candle.timestamp + interval.size : candle.timestamp);
    market.latest = Math.max(market.latest, candle.localTimestamp ?? 0);
    const series = this.#series(market, candle);
    series.addCandle(candle, interval, market.now);
    market.schedule(series);
    return this.#closed(market);
  }

  *#gap(gap: Gap): Generator<AnyRecord> {
    yield gap;
    if (isOfInput(gap.channel, this.#options)) yield* this.#series(this.#market(gap), gap).addGap(gap);
  }

  *#clock(clock: Clock): Generator<AnyRecord> {
    const market = this.#market(clock);
    market.setClock(clock.timestamp);
    yield* this.#closed(market);
    yield clock;
  }

  #unused(): Iterable<AnyRecord> {
    this.counts.unused += 1;
    return NOTHING;
  }

  #closed(market: CandleMarket): Iterable<AnyRecord> {
    return market.isDue ? market.close() : NOTHING;
  }

  #market(identity: MarketName): CandleMarket {
    return marketOf(this.#markets, identity, () => new CandleMarket());
  }

  #series(state: CandleMarket, { exchange, market, symbol }: Trade | Candle | Gap): CandleSeries {
    let series = state.series.get(symbol);
    if (series === undefined) {
      series = new CandleSeries({ exchange, market, symbol }, this.#options, this.counts);
      state.series.set(symbol, series);
    }
    return series;
  }

  #interval(name: string): CandleInterval {
    const known = this.#intervals.get(name);
    if (known) return known;
    const interval = parseInterval(name);
    this.#intervals.set(name, interval);
    return interval;
  }
}

const NOTHING: readonly AnyRecord[] = [];

function* both(first: Iterable<AnyRecord>, second: Iterable<AnyRecord>): Generator<AnyRecord> {
  yield* first;
  yield* second;
}
