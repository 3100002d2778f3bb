import type { Candle } from '../model/records.js';
import { DAY, MINUTE, SECOND } from '../model/time.js';
import type { Absence } from './absence.js';
import { averageTrueRange, PERIOD, type PriceRange } from './average-true-range.js';
import type { MicroRow } from './micro-series.js';
import type { OpenGap } from './open-gaps.js';

/** The interval of the candles that volatility is measured on. */
export const BAR_INTERVAL = '15m';
export const BAR = 15 * MINUTE;
/** Number of closed candles in the average: with all of them it does not depend on where the data begins. */
export const WARM_BARS = 200;
/** Bars that are older than the last one by more than this do not count: the inputs of an average are bounded. */
export const OLDEST_BAR = 7 * DAY;

/** The source of a bar; the higher one counts. */
const RANK = { exchange: 0, trades: 1, rows: 2 } as const;

type Bar = PriceRange & {
  readonly start: number;
  readonly source: keyof typeof RANK;
  /** Arrival of the candle, which decides between two of one source. */
  readonly known: number;
  /** False when trades are missing in the bar: the average starts again after it. */
  readonly whole: boolean;
  /** Whether only a gap is the reason, which may be repaired. */
  readonly hasGap?: boolean | undefined;
};

/** The bar of the own rows and the best candle from elsewhere, of one interval. At least one is there. */
type Slot = { readonly start: number; readonly rows?: Bar | undefined; readonly candle?: Bar | undefined };

/** A bar built from earlier rows. */
export type PastBar = Pick<Bar, 'start' | 'whole' | 'high' | 'low' | 'close'>;

type OpenBar = {
  readonly start: number;
  /** False where the rows start after the start of the bar. */
  readonly isSeen: boolean;
  whole: boolean;
  hasGap: boolean;
  high: number;
  low: number;
  close: number;
};

/**
 * The closed 15-minute candles of one symbol. Its own rows build them; where the rows start later or have a gap, candles
 * of the exchange or the store fill in. An interval without trades has no candle.
 *
 * A gap may become known after its bar has closed and the candle for it has arrived. Without that candle the average would
 * start again, and stay cold for days, so the candles of all bars are kept.
 */
export class Bars {
  #closed: Slot[] = [];
  #offered: Bar[] = [];
  #open: OpenBar | undefined;
  #average: number | undefined;
  #count = 0;
  #hasGap = false;
  #known = 0;

  /** ATR(14) over the bars since the last incomplete one, undefined for fewer than 14. */
  get averageTrueRange(): number | undefined {
    return this.#average;
  }

  /** Whether the average has enough bars not to depend on where the data begins. */
  get isWarm(): boolean {
    return this.#count >= WARM_BARS;
  }

  /** Number of bars in the average. */
  get count(): number {
    return this.#count;
  }

  /** The latest arrival of an external candle in use, 0 where there is none. */
  get known(): number {
    return this.#known;
  }

  /** Whether trades are missing in one of the last bars. */
  get hasGap(): boolean {
    return this.#hasGap;
  }

  /** The reason why there is no average. */
  get absence(): Absence {
    return this.#hasGap ? 'gap' : 'warming';
  }

  /** Adds the bars of earlier rows, in order, before the first row. */
  restore(bars: readonly PastBar[]): void {
    for (const bar of bars) this.#insert({ ...bar, source: 'rows', known: 0 });
  }

  /** Adds an external candle; it counts from the first row at or after its end. */
  offer({ interval, closed, complete, timestamp, localTimestamp, high, low, close, source }: Candle): void {
    if (interval !== BAR_INTERVAL || !closed || complete === false) return;
    if (high === undefined || low === undefined || close === undefined) return;
    this.#offered.push({ start: timestamp, source, known: localTimestamp ?? 0, whole: true, high, low, close });
  }

  /** Adds the next row; `isWhole` means that no trade is missing in its second. */
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

  /** Records that trades are missing in emitted rows. */
  addGap(openGap: OpenGap): void {
    this.#mark(openGap, () => true);
  }

  /** Records that a gap was repaired; `gaps` are the remaining ones. */
  endGap(openGap: OpenGap, openGaps: readonly OpenGap[]): void {
    this.#mark(openGap, (start) => openGaps.some((other) => other.inputs.includes('trade') && overlaps(start, other)));
  }

  #mark(openGap: OpenGap, hasGap: (start: number) => boolean): void {
    if (this.#open && overlaps(this.#open.start, openGap)) this.#open.hasGap = hasGap(this.#open.start);
    const isHit = ({ start, rows }: Slot) => rows !== undefined && overlaps(start, openGap);
    if (!this.#closed.some(isHit)) return;
    this.#closed = this.#closed.map((slot) =>
      slot.rows && isHit(slot) ? { ...slot, rows: { ...slot.rows, hasGap: hasGap(slot.start) } } : slot,
    );
    this.#measure();
  }

  /** Closes the open bar as incomplete. */
  interrupt(): void {
    if (this.#open) this.#close({ ...this.#open, whole: false });
  }

  #close({ start, isSeen, whole, hasGap, high, low, close }: OpenBar): void {
    this.#open = undefined;
    // A bar without trades is no candle, unless its trades are missing.
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
    const isNew = known?.start !== bar.start;
    const slot = withBar(isNew ? { start: bar.start } : known, bar);
    this.#closed.splice(index < 0 ? this.#closed.length : index, isNew ? 0 : 1, slot);
    const oldest = (this.#closed.at(-1) as Slot).start - OLDEST_BAR;
    while (this.#closed.length > WARM_BARS || (this.#closed[0] as Slot).start < oldest) this.#closed.shift();
    this.#measure();
  }

  #measure(): void {
    const all = this.#closed.map(barOf);
    const broken = all.findLastIndex((bar) => !isWhole(bar));
    const bars = all.slice(broken + 1);
    this.#hasGap = broken >= 0;
    this.#known = all.reduce((known, bar) => Math.max(known, bar.known), 0);
    this.#count = bars.length;
    this.#average = bars.length < PERIOD ? undefined : averageTrueRange(bars);
  }
}

function isWhole({ whole, hasGap }: Bar): boolean {
  return whole && !hasGap;
}

/** Returns the bar that counts: of the own rows unless trades are missing in it, else the candle. */
function barOf({ rows, candle }: Slot): Bar {
  return rows && (isWhole(rows) || !candle) ? rows : (candle as Bar);
}

function withBar(slot: Slot, bar: Bar): Slot {
  if (bar.source === 'rows') return { ...slot, rows: slot.rows && isWhole(slot.rows) && !isWhole(bar) ? slot.rows : bar };
  return { ...slot, candle: slot.candle && !counts(bar, slot.candle) ? slot.candle : bar };
}

/** Of two candles from elsewhere, those built from trades count, then the later one. */
function counts(bar: Bar, known: Bar): boolean {
  return RANK[bar.source] > RANK[known.source] || (bar.source === known.source && bar.known > known.known);
}

function openBar(start: number, { timestamp }: MicroRow): OpenBar {
  const isSeen = timestamp - SECOND === start;
  return { start, isSeen, whole: true, hasGap: false, high: Number.NEGATIVE_INFINITY, low: Number.POSITIVE_INFINITY, close: 0 };
}

function overlaps(start: number, { from, until }: OpenGap): boolean {
  return from < start + BAR && until > start;
}
