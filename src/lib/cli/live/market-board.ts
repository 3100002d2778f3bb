import type { AnyRecord } from '../../model/records.js';
import { seriesKey } from '../../model/series.js';

/** What the screen shows of one symbol. */
export type BoardRow = {
  readonly exchange: string;
  readonly market: string;
  readonly symbol: string;
  /** The last traded price, and the first one of the run. */
  readonly last: number | undefined;
  readonly first: number | undefined;
  /** Distance of the best prices in basis points. */
  readonly spread: number | undefined;
  /** Trades per second of the last seconds; records where no trades are captured. */
  readonly rate: number;
  /** From the exchange's time to its arrival, of the last record, ms. */
  readonly lag: number | undefined;
  /** Gaps whose records are missing. */
  readonly gaps: number;
};

type Row = { -readonly [Key in keyof Omit<BoardRow, 'rate'>]: BoardRow[Key] } & {
  /** Records of each of the last seconds, in a ring. */
  readonly counts: Uint32Array;
  total: number;
};

/** Seconds over which a rate is averaged. */
const SPAN = 10;

/** The state of every symbol of a capture, for the eye: rates are of the last ten seconds. */
export class MarketBoard {
  readonly #rows = new Map<string, Row>();
  #slot = 0;
  #seconds = 0;
  #hasTrades = false;

  add(records: readonly AnyRecord[]): void {
    for (const record of records) this.#add(record);
  }

  /** Begins the next second. Call it once a second. */
  tick(): void {
    this.#seconds += 1;
    this.#slot = (this.#slot + 1) % SPAN;
    for (const row of this.#rows.values()) row.counts[this.#slot] = 0;
  }

  /** Returns the rows, the busiest of the run first: ordered by the rates of a moment they would jump about. */
  rows(): BoardRow[] {
    const seconds = Math.min(SPAN, Math.max(1, this.#seconds));
    return [...this.#rows.values()]
      .sort((a, b) => b.total - a.total || (a.symbol < b.symbol ? -1 : 1))
      .map(({ counts, total: _, ...row }) => ({ ...row, rate: counts.reduce((sum, count) => sum + count, 0) / seconds }));
  }

  #add(record: AnyRecord): void {
    if (!('symbol' in record) || record.symbol === undefined || record.exchange === undefined) return;
    const row = this.#rowOf(record as { exchange: string; market: string; symbol: string });
    if (record.type === 'gap') {
      if (record.missing) row.gaps += 1;
      return;
    }
    if (record.type === 'trade') this.#trade(row, record.price);
    else if (record.type === 'ticker') {
      row.last = record.last ?? row.last;
      row.first ??= record.last;
      row.spread = spreadOf(record.bid, record.ask) ?? row.spread;
    } else if (record.type === 'book_snapshot') row.spread = spreadOf(record.bids[0]?.[0], record.asks[0]?.[0]) ?? row.spread;
    if (record.type === 'trade' || !this.#hasTrades) {
      row.counts[this.#slot] = (row.counts[this.#slot] ?? 0) + 1;
      row.total += 1;
    }
    if (record.localTimestamp !== undefined) row.lag = (record.localTimestamp - record.timestamp) / 1_000;
  }

  #trade(row: Row, price: number): void {
    if (!this.#hasTrades) {
      this.#hasTrades = true;
      for (const row of this.#rows.values()) {
        row.counts.fill(0);
        row.total = 0;
      }
    }
    row.last = price;
    row.first ??= price;
  }

  #rowOf({ exchange, market, symbol }: { exchange: string; market: string; symbol: string }): Row {
    const key = seriesKey({ exchange, market, symbol });
    let row = this.#rows.get(key);
    if (row === undefined) {
      const empty = { last: undefined, first: undefined, spread: undefined, lag: undefined, gaps: 0, total: 0 };
      row = { exchange, market, symbol, ...empty, counts: new Uint32Array(SPAN) };
      this.#rows.set(key, row);
    }
    return row;
  }
}

function spreadOf(bid: number | undefined, ask: number | undefined): number | undefined {
  return bid === undefined || ask === undefined ? undefined : ((ask - bid) / ((ask + bid) / 2)) * 10_000;
}
