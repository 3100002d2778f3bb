import type { Candle } from '../model/records.js';
import { DAY, MINUTE, SECOND } from '../model/time.js';
import type { Absence } from './absence.js';
import { averageTrueRange, PERIOD, type PriceRange } from './average-true-range.js';
import type { MicroRow } from './micro-series.js';
import type { OpenGap } from './open-gaps.js';

/** The interval of the candles that volatility is measured on. */
export const BAR_INTERVAL = '15m';
export const BAR = 15 * MINUTE;
/** Closed candles that the average is taken over: with all of them it does not depend on where the data began. */
export const WARM_BARS = 200;
/** Bars so much older than the last one say nothing of it; what a symbol's average depends on has an end. */
export const OLDEST_BAR = 7 * DAY;

/** Where a bar comes from; the greater one counts. */
const RANK = { exchange: 0, trades: 1, rows: 2 } as const;

type Bar = PriceRange & {
  readonly start: number;
  readonly source: keyof typeof RANK;
  /** Arrival of the candle, which decides between two of one source. */
  readonly known: number;
  /** False when trades are missing in it: the average begins anew after it. */
  readonly whole: boolean;
  /** Whether that is so for a gap alone, which may be repaired. */
  readonly hasGap?: boolean | undefined;
};

/** A bar that rows made before. */
export type PastBar = Pick<Bar, 'start' | 'whole' | 'high' | 'low' | 'close'>;

type OpenBar = {
  readonly start: number;
  /** False where the rows began after the bar did. */
  readonly isSeen: boolean;
  whole: boolean;
  hasGap: boolean;
  high: number;
  low: number;
  close: number;
};

/**
 * The closed 15-minute candles of one symbol: those that its own rows make, and candles from elsewhere for those that
 * they do not, because the rows began later or a gap lies in them. An interval without trades has no candle.
 */
export class Bars {
  #closed: Bar[] = [];
  #offered: Bar[] = [];
  #open: OpenBar | undefined;
  #average: number | undefined;
  #count = 0;
  #hasGap = false;
  #known = 0;

  /** ATR(14) over the bars since the last one that is not whole, undefined for fewer than 14. */
  get averageTrueRange(): number | undefined {
    return this.#average;
  }

  /** Whether the average is taken over as many bars as it takes not to depend on where the data began. */
  get isWarm(): boolean {
    return this.#count >= WARM_BARS;
  }

  /** How many bars the average is taken over. */
  get count(): number {
    return this.#count;
  }

  /** The greatest arrival of a candle from elsewhere that counts, 0 where there is none. */
  get known(): number {
    return this.#known;
  }

  /** Whether one of the last bars lacks trades. */
  get hasGap(): boolean {
    return this.#hasGap;
  }

  /** Why there is no average. */
  get absence(): Absence {
    return this.#hasGap ? 'gap' : 'warming';
  }

  /** Takes the bars that earlier rows made, in order, before the first row. */
  restore(bars: readonly PastBar[]): void {
    for (const bar of bars) this.#insert({ ...bar, source: 'rows', known: 0 });
  }

  /** Takes a candle from elsewhere; it counts from the first row at or after its end. */
  offer({ interval, closed, complete, timestamp, localTimestamp, high, low, close, source }: Candle): void {
    if (interval !== BAR_INTERVAL || !closed || complete === false) return;
    if (high === undefined || low === undefined || close === undefined) return;
    this.#offered.push({ start: timestamp, source, known: localTimestamp ?? 0, whole: true, high, low, close });
  }

  /** Takes the next row; `isWhole` says that no trade is missing in its second. */
  update(row: MicroRow, isWhole: boolean): void {
    const start = Math.floor((row.timestamp - SECOND) / BAR) * BAR;
    if (this.#open?.start !== start) this.#open = openBar(start, row);
    const open = this.#open;
    if (!isWhole) open.hasGap = true;
    if (row.high !== undefined && row.low !== undefined && row.close !== undefined) {
      if (row.high > open.high) open.high = row.high;
      if (row.low < open.low) open.low = row.low;
      open.close = row.close;
    }
    const isOver = row.timestamp === start + BAR;
    if (isOver) this.#close(open);
    if (this.#offered.length > 0) this.#takeOffered(row.timestamp);
  }

  /** Learns that trades are missing in rows that were given. */
  addGap(openGap: OpenGap): void {
    this.#mark(openGap, () => true);
  }

  /** Learns that a gap was repaired; `gaps` are those that are left. */
  endGap(openGap: OpenGap, openGaps: readonly OpenGap[]): void {
    this.#mark(openGap, (start) => openGaps.some((other) => other.inputs.includes('trade') && overlaps(start, other)));
  }

  #mark(openGap: OpenGap, hasGap: (start: number) => boolean): void {
    if (this.#open && overlaps(this.#open.start, openGap)) this.#open.hasGap = hasGap(this.#open.start);
    const isHit = (bar: Bar) => bar.source === 'rows' && overlaps(bar.start, openGap);
    if (!this.#closed.some(isHit)) return;
    this.#closed = this.#closed.map((bar) => (isHit(bar) ? { ...bar, hasGap: hasGap(bar.start) } : bar));
    this.#measure();
  }

  /** Ends the bar that is open as one in which rows are missing. */
  interrupt(): void {
    if (this.#open) this.#close({ ...this.#open, whole: false });
  }

  #close({ start, isSeen, whole, hasGap, high, low, close }: OpenBar): void {
    this.#open = undefined;
    // A bar without trades is no candle, unless they are missing.
    if (isSeen && (!whole || hasGap || high >= low))
      this.#insert({ start, source: 'rows', known: 0, whole, hasGap, high, low, close });
  }

  #takeOffered(end: number): void {
    const due = this.#offered.filter(({ start }) => start + BAR <= end);
    if (due.length === 0) return;
    this.#offered = this.#offered.filter(({ start }) => start + BAR > end);
    for (const bar of due) this.#insert(bar);
  }

  #insert(bar: Bar): void {
    const index = this.#closed.findIndex(({ start }) => start >= bar.start);
    const known = this.#closed[index];
    if (known?.start !== bar.start) this.#closed.splice(index < 0 ? this.#closed.length : index, 0, bar);
    else if (counts(bar, known)) this.#closed[index] = bar;
    else return;
    const oldest = (this.#closed.at(-1) as Bar).start - OLDEST_BAR;
    while (this.#closed.length > WARM_BARS || (this.#closed[0] as Bar).start < oldest) this.#closed.shift();
    this.#measure();
  }

  #measure(): void {
    const broken = this.#closed.findLastIndex((bar) => !isWhole(bar));
    const bars = this.#closed.slice(broken + 1);
    this.#hasGap = broken >= 0;
    this.#known = this.#closed.reduce((known, bar) => Math.max(known, bar.known), 0);
    this.#count = bars.length;
    this.#average = bars.length < PERIOD ? undefined : averageTrueRange(bars);
  }
}

function isWhole({ whole, hasGap }: Bar): boolean {
  return whole && !hasGap;
}

function counts(bar: Bar, known: Bar): boolean {
  if (isWhole(bar) !== isWhole(known)) return isWhole(bar);
  return RANK[bar.source] > RANK[known.source] || (bar.source === known.source && bar.known > known.known);
}

function openBar(start: number, { timestamp }: MicroRow): OpenBar {
  const isSeen = timestamp - SECOND === start;
  return { start, isSeen, whole: true, hasGap: false, high: Number.NEGATIVE_INFINITY, low: Number.POSITIVE_INFINITY, close: 0 };
}

function overlaps(start: number, { from, until }: OpenGap): boolean {
  return from < start + BAR && until > start;
}
