import { type CandleInterval, parseInterval } from '../model/interval.js';
import type { AnyRecord, Candle, Clock, Gap, Market, Trade } from '../model/records.js';
import { marketKey } from '../model/series.js';
import { type CandleCounts, type CandleOptions, isOfInput } from './options.js';
import { CandleSeries } from './series.js';

type MarketState = {
  readonly series: Map<string, CandleSeries>;
  /** The greatest `clock` record. */
  clock: number | undefined;
  /** The greatest arrival of a trade, which counts as long as there is no `clock`; of a smaller candle, see there. */
  arrival: number;
  /** The greatest arrival of anything: what the clock has passed at the end of the input. */
  latest: number;
  /** The clock's time at which a candle can be closed next. */
  due: number;
};

/**
 * Builds candles from trades, or from smaller candles, as they come: the one definition of every candle. It knows time
 * only from its input: per exchange and market the greatest `clock` record, else the greatest arrival.
 *
 * A candle is closed when the clock passes its end plus the grace; later trades are counted, not taken. A `gap` that is
 * learned after candles were closed sends these again with `complete: false`; of two candles with one key the later one
 * counts. `gap` and `clock` pass through: a `clock` after the candles it closes, a `gap` before those it changes.
 */
export class CandleAggregator {
  readonly counts: CandleCounts = { trades: 0, candles: 0, late: 0, duplicates: 0, unused: 0, unmarked: 0 };
  readonly #options: CandleOptions;
  readonly #markets = new Map<string, MarketState>();
  readonly #intervals = new Map<string, CandleInterval>();

  constructor(options: CandleOptions) {
    this.#options = options;
  }

  /** Returns the records that follow from `record`. They are made while they are read: read them all before the next `add`. */
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

  /** Learns that a trade which is not selected has arrived: it closes candles as a selected one does. */
  observe(record: AnyRecord): Iterable<AnyRecord> {
    if (record.type !== 'trade') return NOTHING;
    const market = this.#market(record);
    market.arrival = Math.max(market.arrival, record.localTimestamp ?? record.timestamp);
    return this.#closed(market);
  }

  /** Returns the open candles at the end of the input: closed where the clock has passed their end. */
  *finish(): Generator<Candle> {
    for (const market of this.#markets.values()) {
      const { clock, arrival, latest } = market;
      for (const series of market.series.values()) yield* series.finish(clock ?? Math.max(arrival, latest));
    }
  }

  #trade(trade: Trade): Iterable<AnyRecord> {
    const market = this.#market(trade);
    market.arrival = Math.max(market.arrival, trade.localTimestamp ?? trade.timestamp);
    const series = this.#series(market, trade);
    const revised = series.addTrade(trade, timeOf(market));
    market.due = Math.min(market.due, series.due);
    const closed = this.#closed(market);
    return revised ? both(revised, closed) : closed;
  }

  #candle(candle: Candle): Iterable<AnyRecord> {
    const market = this.#market(candle);
    const interval = this.#interval(candle.interval);
    // A closed candle tells that the clock, wherever it was closed, had passed its end. Its arrival would close too much:
    // a candle that is sent again carries that of the gap which made it incomplete, and others are still to come.
    market.arrival = Math.max(market.arrival, candle.closed ? candle.timestamp + interval.size : candle.timestamp);
    market.latest = Math.max(market.latest, candle.localTimestamp ?? 0);
    const series = this.#series(market, candle);
    series.addCandle(candle, interval, timeOf(market));
    market.due = Math.min(market.due, series.due);
    return this.#closed(market);
  }

  *#gap(gap: Gap): Generator<AnyRecord> {
    yield gap;
    if (isOfInput(gap.channel, this.#options)) yield* this.#series(this.#market(gap), gap).addGap(gap);
  }

  *#clock(clock: Clock): Generator<AnyRecord> {
    const market = this.#market(clock);
    market.clock = Math.max(market.clock ?? 0, clock.timestamp);
    yield* this.#closed(market);
    yield clock;
  }

  #unused(): Iterable<AnyRecord> {
    this.counts.unused += 1;
    return NOTHING;
  }

  #closed(market: MarketState): Iterable<AnyRecord> {
    return timeOf(market) < market.due ? NOTHING : this.#close(market);
  }

  *#close(market: MarketState): Generator<AnyRecord> {
    const now = timeOf(market);
    market.due = Number.POSITIVE_INFINITY;
    for (const series of market.series.values()) {
      if (series.due <= now) yield* series.close(now);
      market.due = Math.min(market.due, series.due);
    }
  }

  #market({ exchange, market }: { readonly exchange: string; readonly market: Market }): MarketState {
    const key = marketKey({ exchange, market });
    let state = this.#markets.get(key);
    if (state === undefined) {
      state = { series: new Map(), clock: undefined, arrival: 0, latest: 0, due: Number.POSITIVE_INFINITY };
      this.#markets.set(key, state);
    }
    return state;
  }

  #series(state: MarketState, { exchange, market, symbol }: Trade | Candle | Gap): CandleSeries {
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

function timeOf({ clock, arrival }: MarketState): number {
  return clock ?? arrival;
}
