import { MarketSeries } from '../model/market-series.js';
import type { AnyRecord, BookSnapshot, Clock, Funding, Gap, MarkPrice, OpenInterest, Ticker, Trade } from '../model/records.js';
import { type MarketName, marketKey, seriesKey } from '../model/series.js';
import { BAR_INTERVAL } from './bars.js';
import type { Past } from './feature-series.js';
import type { SymbolIdentity } from './micro-series.js';
import type { EngineCounts, EngineOptions } from './options.js';
import type { SecondInput } from './second-inputs.js';
import { NO_ROWS, SymbolSeries, type SymbolWarmUp, waitOf } from './symbol-series.js';
import { quotesOfSnapshot } from './top-of-book.js';

class FeatureMarket extends MarketSeries<AnyRecord, SymbolSeries> {
  /** Clocks of a batch that wait for the rows before them. */
  readonly waiting: Clock[] = [];
}

/** The records of which a second is made. */
type InputRecord = Trade | BookSnapshot | Ticker | MarkPrice | OpenInterest | Funding;

/** Where the inputs of one symbol go. */
export type SymbolInputs = {
  /** As `FeatureEngine.add`, for an input that need not be a whole record. */
  add(input: SecondInput): Iterable<AnyRecord>;
  /** As `FeatureEngine.prime`. */
  prime(input: SecondInput): void;
};

/**
 * Turns trades, books, tickers, marks, open interest and funding into one `micro` and one `features` row per symbol and
 * second, record by record: the one definition of every feature. It knows time only from its input: per exchange and
 * market the latest `clock` record, else the latest arrival. Time decides when a row is emitted, never its values.
 *
 * A `gap` that becomes known after its rows were emitted emits them again; of two rows with one key the later one counts.
 * `gap` and `clock` pass through: a `gap` before the rows it changes, a `clock` after those it closes. A batch is read by
 * the times of its records alone.
 */
export class FeatureEngine {
  readonly counts: EngineCounts = { inputs: 0, late: 0, revised: 0, unmarked: 0, unused: 0 };
  readonly #options: EngineOptions;
  readonly #markets = new Map<string, FeatureMarket>();

  constructor(options: EngineOptions) {
    this.#options = options;
  }

  /** The record types that have arrived so far. */
  get seen(): ReadonlySet<string> {
    const all = [...this.#markets.values()].flatMap(({ series }) => [...series.values()].flatMap(({ seen }) => [...seen]));
    return new Set(all);
  }

  /** Returns how far every symbol with rows is from its first warm row. */
  warmUp(): SymbolWarmUp[] {
    return [...this.#markets.values()].flatMap(({ series }) =>
      [...series.values()].flatMap(({ warmUp }) => (warmUp ? [warmUp] : [])),
    );
  }

  /** Returns the records that follow from `record`. They are produced lazily: read them all before the next `add`. */
  add(record: AnyRecord): Iterable<AnyRecord> {
    switch (record.type) {
      case 'trade':
      case 'book_snapshot':
      case 'ticker':
      case 'mark_price':
      case 'open_interest':
        return this.#input(record);
      case 'funding':
        // A settled rate is history; the feature shows the current one.
        return record.settled ? this.#unused() : this.#input(record);
      case 'micro':
        return this.#series(this.#market(record), record).addRow(record);
      case 'candle':
        return this.#candle(record);
      case 'gap':
        return this.#gap(record);
      case 'clock':
        return this.#clock(record);
      default:
        return this.#unused();
    }
  }

  /** Resumes from the state of an earlier run at `end`, the end of a 15-minute bar. */
  resume(identity: SymbolIdentity, end: number, past: Past): void {
    this.#series(this.#market(identity), identity).resume(end, past);
  }

  /** Adds a record of a second whose row an earlier run has built. */
  prime(record: AnyRecord): void {
    if (isInput(record)) this.#series(this.#market(record), record).prime(inputOf(record));
  }

  /** Returns where the inputs of a symbol go: many of one symbol are added faster there. */
  symbol(identity: SymbolIdentity): SymbolInputs {
    const market = this.#market(identity);
    let series: SymbolSeries | undefined;
    const find = () => {
      series ??= this.#series(market, identity);
      return series;
    };
    return {
      add: (input) => this.#take(market, find(), input),
      prime: (input) => find().prime(input),
    };
  }

  /** Adds a repair (a gap without `missing`) of a batch before the gap that it ends: its records are in the input. */
  foresee(repair: Gap): void {
    this.#series(this.#market(repair), repair).foresee(repair);
  }

  /** Returns the remaining rows at the end of the input: every symbol has rows up to its last record. */
  *finish(): Generator<AnyRecord> {
    for (const market of this.#markets.values()) {
      for (const series of market.series.values()) yield* series.finish();
      yield* market.waiting;
    }
  }

  #input(record: InputRecord): Iterable<AnyRecord> {
    const market = this.#market(record);
    return this.#take(market, this.#series(market, record), inputOf(record));
  }

  #take(market: FeatureMarket, series: SymbolSeries, input: SecondInput): Iterable<AnyRecord> {
    market.arrive((this.#options.batch ? undefined : input.localTimestamp) ?? input.timestamp);
    const again = series.add(input);
    market.schedule(series);
    // Most inputs give no row: a generator for each of them would cost more than the input.
    if (!market.isDue) return again;
    return again.length > 0 ? this.#both(again, market) : this.#close(market);
  }

  *#both(again: readonly AnyRecord[], market: FeatureMarket): Generator<AnyRecord> {
    yield* again;
    yield* this.#close(market);
  }

  #candle(record: Extract<AnyRecord, { type: 'candle' }>): Iterable<AnyRecord> {
    if (record.interval !== BAR_INTERVAL) return this.#unused();
    this.#series(this.#market(record), record).offer(record);
    return NO_ROWS;
  }

  *#gap(gap: Gap): Generator<AnyRecord> {
    yield gap;
    yield* this.#series(this.#market(gap), gap).addGap(gap);
  }

  *#clock(clock: Clock): Generator<AnyRecord> {
    const market = this.#market(clock);
    if (this.#options.batch) {
      market.waiting.push(clock);
      return;
    }
    market.setClock(clock.timestamp);
    if (market.isDue) yield* this.#close(market);
    yield clock;
  }

  #unused(): Iterable<AnyRecord> {
    this.counts.unused += 1;
    return NO_ROWS;
  }

  #close(market: FeatureMarket): Iterable<AnyRecord> {
    const rows = market.close();
    return market.waiting.length > 0 ? this.#withClocks(rows, market) : rows;
  }

  *#withClocks(rows: Iterable<AnyRecord>, market: FeatureMarket): Generator<AnyRecord> {
    yield* rows;
    yield* this.#passed(market, market.now - waitOf(this.#options));
  }

  *#passed(market: FeatureMarket, until: number): Generator<Clock> {
    const later = market.waiting.findIndex(({ timestamp }) => timestamp > until);
    yield* market.waiting.splice(0, later < 0 ? market.waiting.length : later);
  }

  #market({ exchange, market, symbol }: MarketName & { readonly symbol?: string }): FeatureMarket {
    const isApart = this.#options.apart && symbol !== undefined;
    const key = isApart ? seriesKey({ exchange, market, symbol }) : marketKey({ exchange, market });
    let state = this.#markets.get(key);
    if (state === undefined) {
      state = new FeatureMarket();
      this.#markets.set(key, state);
    }
    return state;
  }

  #series(state: FeatureMarket, { exchange, market, symbol }: SymbolIdentity): SymbolSeries {
    let series = state.series.get(symbol);
    if (series === undefined) {
      series = new SymbolSeries({ exchange, market, symbol }, this.#options, this.counts);
      state.series.set(symbol, series);
    }
    return series;
  }
}

/** Returns what a second takes of a record. */
function inputOf(record: InputRecord): SecondInput {
  if (record.type !== 'book_snapshot') return record;
  const { type, timestamp, localTimestamp } = record;
  return { type, timestamp, localTimestamp, quotes: quotesOfSnapshot(record) };
}

function isInput(record: AnyRecord): record is InputRecord {
  if (record.type === 'funding') return !record.settled;
  return ['trade', 'book_snapshot', 'ticker', 'mark_price', 'open_interest'].includes(record.type);
}
