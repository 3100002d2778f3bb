import { UsageError } from '../../model/errors.js';
import type { AnyRecord, BookSnapshot, Funding, Gap, Instrument, Market, MarkPrice } from '../../model/records.js';
import { openHoles, type RecordedGap } from '../../verify/holes.js';
import { type BookView, emptySeries, endOf, type Hole, type MarketData, type Series } from '../market-data.js';
import type { Signal } from '../strategies/signals.js';
import { CandleColumns } from './candle-columns.js';
import { Column } from './columns.js';
import { fundingCharges } from './funding-charges.js';
import { TradeColumns } from './trade-columns.js';

/** What a run is fed with, and what should be known of it. */
export type LoadedMarket = {
  readonly data: MarketData;
  readonly signals: readonly Signal[];
  /** The latest that the input has. */
  readonly instrument?: Instrument | undefined;
  /** One sentence each. */
  readonly notes: readonly string[];
};

export type MarketWishes = {
  /** Candles of this interval; absent, trades where there are any. */
  readonly interval?: string | undefined;
  /** Queues are read from books: without, they are not kept. */
  readonly books: boolean;
};

type SignalRecord = Extract<AnyRecord, { type: 'signal' }>;
type Place = { readonly exchange: string; readonly market: Market; readonly symbol: string };

/** Sorts records by symbol, and turns those of each into what a backtest runs on. */
export class MarketReader {
  readonly #wishes: MarketWishes;
  readonly #markets = new Map<string, MarketCollector>();

  constructor(wishes: MarketWishes) {
    this.#wishes = wishes;
  }

  add(records: readonly AnyRecord[]): void {
    for (const record of records) {
      if (!('symbol' in record) || record.exchange === undefined || record.market === undefined || record.symbol === undefined)
        continue;
      const key = `${record.exchange}:${record.market}:${record.symbol}`;
      let market = this.#markets.get(key);
      if (market === undefined) {
        const place = { exchange: record.exchange, market: record.market as Market, symbol: record.symbol };
        market = new MarketCollector(place, this.#wishes);
        this.#markets.set(key, market);
      }
      market.add(record);
    }
  }

  /** Returns every symbol that has trades or candles, in the order of their names. */
  finish(): LoadedMarket[] {
    const names = [...this.#markets.keys()].sort();
    return names
      .map((name) => this.#markets.get(name) as MarketCollector)
      .filter((market) => market.hasFeed)
      .map((market) => market.finish());
  }
}

class MarketCollector {
  readonly #place: Place;
  readonly #wishes: MarketWishes;
  readonly #trades = new TradeColumns();
  readonly #candles = new CandleColumns();
  readonly #marks: { readonly time: Column; readonly value: Column } = { time: new Column(), value: new Column() };
  readonly #fundings: Funding[] = [];
  readonly #gaps: Gap[] = [];
  readonly #signals = new Map<string, SignalRecord>();
  #repeatedSignals = 0;
  readonly #books: BookSnapshot[] = [];
  #instrument: Instrument | undefined;

  constructor(place: Place, wishes: MarketWishes) {
    this.#place = place;
    this.#wishes = wishes;
  }

  get hasFeed(): boolean {
    return this.#trades.count + this.#candles.count > 0;
  }

  add(record: AnyRecord): void {
    if (record.type === 'trade') this.#trades.add(record);
    else if (record.type === 'candle') this.#candles.add(record);
    else if (record.type === 'mark_price') this.#addMark(record);
    else if (record.type === 'funding') this.#fundings.push(record);
    else if (record.type === 'gap') this.#gaps.push(record);
    else if (record.type === 'signal') this.#addSignal(record);
    else if (record.type === 'instrument') this.#instrument = record;
    else if (record.type === 'book_snapshot' && this.#wishes.books) this.#books.push(record);
  }

  finish(): LoadedMarket {
    const { interval } = this.#wishes;
    const usesCandles = interval !== undefined || this.#trades.count === 0;
    if (usesCandles && this.#candles.count === 0)
      throw new UsageError(`--interval ${interval}: the input has no candles of ${this.#place.symbol}, only trades`);
    const feed = usesCandles ? this.#candles.finish(interval) : this.#trades.finish();
    const funding = fundingCharges(this.#fundings, endOf(feed));
    const data: MarketData = {
      ...this.#place,
      feed,
      marks: this.#place.market === 'spot' ? emptySeries() : this.#markSeries(),
      fundings: funding.series,
      holes: this.#holes(feed),
      books: this.#bookViews(),
    };
    return {
      data,
      signals: [...this.#signals.values()],
      instrument: this.#instrument,
      notes: [...this.#notes(usesCandles), ...this.#fundingNotes(funding.estimated), ...this.#signalNotes()],
    };
  }

  #addMark({ timestamp, mark }: MarkPrice): void {
    this.#marks.time.push(timestamp);
    this.#marks.value.push(mark);
  }

  #addSignal(signal: SignalRecord): void {
    if (this.#signals.has(signal.id)) this.#repeatedSignals++;
    else this.#signals.set(signal.id, signal);
  }

  #markSeries(): Series {
    const { time, value } = this.#marks;
    const indices = Uint32Array.from({ length: time.length }, (_, index) => index);
    const order = indices.sort((a, b) => time.at(a) - time.at(b) || a - b);
    return { time: time.shared(order), value: value.shared(order) };
  }

  /** A hole that a later gap repaired is none. A candle from trades tells of its gaps by itself. */
  #holes(feed: MarketData['feed']): Hole[] {
    // Of lost candles the channel names the interval: `candle_exchange_1m`.
    const channels = new Set(this.#gaps.map(({ channel }) => channel).filter((channel) => isOf(feed.kind, channel)));
    const holes = [...channels].flatMap((channel) =>
      openHoles(this.#gaps.filter((gap) => gap.channel === channel).map(recordedGap)),
    );
    const candles =
      feed.kind === 'candles' ? this.#candles.incomplete.map((from) => ({ from, until: from + feed.interval })) : [];
    return [...holes, ...candles].sort((a, b) => a.from - b.from);
  }

  #bookViews(): BookView[] {
    const views = this.#books.map(({ timestamp, bids, asks }) => ({ time: timestamp, bids, asks }));
    return views.sort((a, b) => a.time - b.time);
  }

  #notes(usesCandles: boolean): string[] {
    const { open, duplicates, missing } = this.#candles.counts;
    const notes: string[] = [];
    if (!usesCandles && this.#candles.count > 0)
      notes.push('the input has candles as well: trades are used, --interval takes candles');
    if (!usesCandles && this.#trades.duplicates > 0) notes.push(`${this.#trades.duplicates} trades came twice and count once`);
    if (usesCandles && duplicates > 0) notes.push(`${duplicates} candles came more than once, the last of each counts`);
    if (usesCandles && open > 0) notes.push(`${open} open candles are left out`);
    if (usesCandles && missing > 0) notes.push(`${missing} intervals between the first and the last candle have none`);
    return notes;
  }

  /** One set of rules gives one signal per second and side. */
  #signalNotes(): string[] {
    const moments = new Set([...this.#signals.values()].map(({ timestamp, side }) => `${timestamp} ${side}`));
    const more = this.#signals.size - moments.size;
    const notes: string[] = [];
    if (this.#repeatedSignals > 0) notes.push(`${this.#repeatedSignals} signals have the id of another and are left out`);
    if (more > 0)
      notes.push(
        `${more} of ${this.#signals.size} signals are of the second and side of another: they come from more than one set of rules, and all are traded; signals -o FILE gives those of one`,
      );
    return notes;
  }

  #fundingNotes(estimated: number): string[] {
    if (this.#place.market === 'spot') return [];
    if (this.#fundings.length === 0) return ['no funding in the input: none is charged'];
    if (estimated === 0) return [];
    return [`${estimated} fundings are charged at the last rate told before them: no settled rate is in the input`];
  }
}

function recordedGap({ fromTimestamp, untilTimestamp, missing, reason, localTimestamp }: Gap): RecordedGap {
  return { from: fromTimestamp, until: untilTimestamp, missing, reason, known: localTimestamp };
}

function isOf(kind: MarketData['feed']['kind'], channel: string): boolean {
  return kind === 'candles' ? channel.startsWith('candle') : channel === 'trade';
}
