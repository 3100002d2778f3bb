import { counted } from '../../model/counted.js';
import { UsageError } from '../../model/errors.js';
import type { AnyRecord, BookSnapshot, Funding, Gap, Instrument, Market, MarkPrice, Trade } from '../../model/records.js';
import { seriesKey } from '../../model/series.js';
import { openGaps, type RecordedGap } from '../../verify/open-gaps.js';
import {
  type BookView,
  type DataGap,
  emptyTimedValues,
  endOf,
  type MarketData,
  type Ticks,
  type TimedValues,
} from '../market-data.js';
import type { Signal } from '../strategies/signals.js';
import { CandleColumns } from './candle-columns.js';
import { Column } from './columns.js';
import { fundingCharges } from './funding-charges.js';
import { MemoryBudget } from './memory.js';
import { TradeColumns } from './trade-columns.js';

/** Input of a run with notes about it. */
export type LoadedMarket = {
  readonly data: MarketData;
  readonly signals: readonly Signal[];
  /** The latest instrument record of the input. */
  readonly instrument?: Instrument | undefined;
  /** Notes for the reader of the results, one sentence each. */
  readonly notes: readonly string[];
};

export type MarketReaderOptions = {
  /** Candle interval to run on; without it, trades if the input has any. */
  readonly interval?: string | undefined;
  /** Whether to keep book snapshots, which `--fill volume` needs. */
  readonly books: boolean;
  /** Bytes that the input may take; by default three quarters of the memory of the machine. */
  readonly memory?: number | undefined;
  /** Called for every record that contradicts an earlier one. */
  readonly broken?: ((reason: string) => void) | undefined;
};

type SignalRecord = Extract<AnyRecord, { type: 'signal' }>;
type SymbolIdentity = { readonly exchange: string; readonly market: Market; readonly symbol: string };

/** Groups records by symbol and builds the input of a backtest for each. */
export class MarketReader {
  /** Rows that are read by columns count before they are read. */
  readonly budget: MemoryBudget;
  readonly #options: MarketReaderOptions;
  readonly #markets = new Map<string, MarketCollector>();

  constructor(options: MarketReaderOptions) {
    this.#options = options;
    this.budget = new MemoryBudget(options.memory);
  }

  add(records: readonly AnyRecord[]): void {
    for (const record of records) {
      if (!('symbol' in record) || record.exchange === undefined || record.market === undefined || record.symbol === undefined)
        continue;
      this.#take(record);
      this.market(record as SymbolIdentity).add(record);
    }
  }

  #take(record: AnyRecord): void {
    if (record.type === 'trade' || record.type === 'candle') this.budget.take(record.type, 1);
    else if (record.type === 'book_snapshot' && this.#options.books)
      this.budget.takeLevels(record.bids.length + record.asks.length);
  }

  /** Returns the collector of a symbol. */
  market({ exchange, market: name, symbol }: SymbolIdentity): MarketCollector {
    const key = seriesKey({ exchange, market: name, symbol });
    let market = this.#markets.get(key);
    if (market === undefined) {
      market = new MarketCollector({ exchange, market: name, symbol }, this.#options);
      this.#markets.set(key, market);
    }
    return market;
  }

  /** Returns whether a trade has the id of a different one, after `finish`. */
  isConflict(trade: Trade): boolean {
    return this.#markets.get(seriesKey(trade))?.isConflict(trade) ?? false;
  }

  /** Returns every symbol that has trades or candles, sorted by name. */
  finish(): LoadedMarket[] {
    const names = [...this.#markets.keys()].sort();
    return names
      .map((name) => this.#markets.get(name) as MarketCollector)
      .filter((market) => market.hasFeed)
      .map((market) => market.finish());
  }
}

class MarketCollector {
  readonly #symbol: SymbolIdentity;
  readonly #options: MarketReaderOptions;
  readonly trades = new TradeColumns();
  readonly candles = new CandleColumns();
  readonly #marks: { readonly time: Column; readonly value: Column } = { time: new Column(), value: new Column() };
  readonly #fundings: Funding[] = [];
  readonly #gaps: Gap[] = [];
  readonly #signals = new Map<string, SignalRecord>();
  #repeatedSignals = 0;
  readonly #books: BookSnapshot[] = [];
  #instrument: Instrument | undefined;

  constructor(symbol: SymbolIdentity, options: MarketReaderOptions) {
    this.#symbol = symbol;
    this.#options = options;
  }

  get hasFeed(): boolean {
    return this.trades.count + this.candles.count > 0;
  }

  add(record: AnyRecord): void {
    if (record.type === 'trade') this.trades.add(record);
    else if (record.type === 'candle') this.candles.add(record);
    else if (record.type === 'mark_price') this.#addMark(record);
    else if (record.type === 'funding') this.#fundings.push(record);
    else if (record.type === 'gap') this.#gaps.push(record);
    else if (record.type === 'signal') this.#addSignal(record);
    else if (record.type === 'instrument') this.#instrument = record;
    else if (record.type === 'book_snapshot' && this.#options.books) this.#books.push(record);
  }

  isConflict(trade: Trade): boolean {
    return this.trades.isConflict(trade);
  }

  finish(): LoadedMarket {
    const { interval } = this.#options;
    const usesCandles = interval !== undefined || this.trades.count === 0;
    if (usesCandles && this.candles.count === 0)
      throw new UsageError(`--interval ${interval}: the input has no candles of ${this.#symbol.symbol}, only trades`);
    const feed = usesCandles ? this.candles.finish(interval) : this.#finishTrades();
    const funding = fundingCharges(this.#fundings, endOf(feed));
    const data: MarketData = {
      ...this.#symbol,
      feed,
      marks: this.#symbol.market === 'spot' ? emptyTimedValues() : this.#markSeries(),
      fundings: funding.series,
      gaps: this.#gapsOf(feed),
      books: this.#bookViews(),
    };
    return {
      data,
      signals: [...this.#signals.values()],
      instrument: this.#instrument,
      notes: [...this.#notes(usesCandles), ...this.#fundingNotes(funding.estimated), ...this.#signalNotes()],
    };
  }

  #finishTrades(): Ticks {
    const ticks = this.trades.finish();
    for (const conflict of this.trades.conflicts) this.#options.broken?.(`${this.#symbol.symbol}: ${conflict}`);
    return ticks;
  }

  #addMark({ timestamp, mark }: MarkPrice): void {
    this.#marks.time.push(timestamp);
    this.#marks.value.push(mark);
  }

  #addSignal(signal: SignalRecord): void {
    if (this.#signals.has(signal.id)) this.#repeatedSignals++;
    else this.#signals.set(signal.id, signal);
  }

  #markSeries(): TimedValues {
    const { time, value } = this.#marks;
    const indices = Uint32Array.from({ length: time.length }, (_, index) => index);
    const order = indices.sort((a, b) => time.at(a) - time.at(b) || a - b);
    return { time: time.shared(order), value: value.shared(order) };
  }

  /** Returns the gaps without those that a later record repaired. Candles from trades mark their own gaps. */
  #gapsOf(feed: MarketData['feed']): DataGap[] {
    // The channel of lost candles names their interval: `candle_exchange_1m`.
    const channels = new Set(this.#gaps.map(({ channel }) => channel).filter((channel) => isOf(feed.kind, channel)));
    const open = [...channels].flatMap((channel) =>
      openGaps(this.#gaps.filter((gap) => gap.channel === channel).map(recordedGap)),
    );
    const candles = feed.kind === 'candles' ? this.candles.incomplete.map((from) => ({ from, until: from + feed.interval })) : [];
    return [...open, ...candles].sort((a, b) => a.from - b.from);
  }

  #bookViews(): BookView[] {
    const views = this.#books.map(({ timestamp, bids, asks }) => ({ time: timestamp, bids, asks }));
    return views.sort((a, b) => a.time - b.time);
  }

  #notes(usesCandles: boolean): string[] {
    const { open, duplicates, missing } = this.candles.counts;
    const notes: string[] = [];
    if (!usesCandles && this.candles.count > 0)
      notes.push('the input has trades and candles: the run uses trades; use --interval to run on candles');
    if (!usesCandles && this.trades.sideless > 0)
      notes.push(
        `${counted(this.trades.sideless, 'trade')} without side: with --fill volume they fill no order at its own price`,
      );
    if (!usesCandles && this.trades.duplicates > 0) notes.push(`${counted(this.trades.duplicates, 'duplicate trade')} skipped`);
    if (usesCandles && duplicates > 0)
      notes.push(`${counted(duplicates, 'duplicate candle')} skipped: the latest of each is used`);
    if (usesCandles && open > 0) notes.push(`${counted(open, 'open candle')} skipped`);
    if (usesCandles && missing > 0) notes.push(`${counted(missing, 'candle')} missing between the first and the last`);
    return notes;
  }

  /** Returns notes on duplicate signals. One set of rules gives at most one signal per second and side. */
  #signalNotes(): string[] {
    const moments = new Set([...this.#signals.values()].map(({ timestamp, side }) => `${timestamp} ${side}`));
    const more = this.#signals.size - moments.size;
    const notes: string[] = [];
    if (this.#repeatedSignals > 0) notes.push(`${counted(this.#repeatedSignals, 'duplicate signal')} skipped`);
    if (more > 0)
      notes.push(
        `${more} of ${this.#signals.size} signals share second and side with another: they are from several sets of rules, and all are traded; write those of one set with mdtool signals -o FILE`,
      );
    return notes;
  }

  #fundingNotes(estimated: number): string[] {
    if (this.#symbol.market === 'spot') return [];
    if (this.#fundings.length === 0) return ['no funding rates in the input: none are charged'];
    if (estimated === 0) return [];
    return [`${counted(estimated, 'funding charge')} at the last announced rate: the input has no settled rate`];
  }
}

function recordedGap({ fromTimestamp, untilTimestamp, missing, reason, localTimestamp }: Gap): RecordedGap {
  return { from: fromTimestamp, until: untilTimestamp, missing, reason, known: localTimestamp };
}

function isOf(kind: MarketData['feed']['kind'], channel: string): boolean {
  return kind === 'candles' ? channel.startsWith('candle') : channel === 'trade';
}
