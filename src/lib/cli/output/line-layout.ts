import { printable } from '../../model/ndjson.js';
import type { AnyRecord } from '../../model/records.js';
import { dayOf, timeOfDay, timeZoneName } from '../time-zone.js';
import { cut } from './cell.js';
import type { Colors } from './colors.js';
import { cellsOf, type LineCell } from './record-cells.js';

const BETWEEN = '  ';
/** A market's name, where lines of several markets are mixed, is worth more than most numbers. */
const MARKET_RANK = 1;

/**
 * Lays out records one line each: time of day, symbol, values. A value is padded to the widest seen so far in its place,
 * so that the lines of a stream stand in columns. Where the line is too long, the least important values are dropped.
 */
export class LineLayout {
  readonly #width: () => number;
  readonly #colors: Colors;
  readonly #widest = new Map<string, number>();
  readonly #markets = new Set<string>();
  #day = '';

  /** Lines are at most as long as `width` returns: a terminal may be resized. */
  constructor(width: () => number, colors: Colors) {
    this.#width = width;
    this.#colors = colors;
  }

  /** Returns the lines of a record: none for a hidden one, with a line for its day before the first of a day. */
  lines(record: AnyRecord): string[] {
    const cells = cellsOf(record);
    if (!cells) return [];
    const day = dayOf(record.timestamp);
    const heading = day === this.#day ? [] : [this.#colors.faint(`${day} ${timeZoneName()}`)];
    this.#day = day;
    return [...heading, this.#line(record, cells)];
  }

  #line(record: AnyRecord, cells: readonly LineCell[]): string {
    const { exchange, market } = record;
    const symbol = 'symbol' in record ? record.symbol : undefined;
    if (exchange !== undefined) this.#markets.add(`${exchange} ${market}`);
    const all: LineCell[] = [
      { key: 'time', text: timeOfDay(record.timestamp), rank: 0 },
      ...(this.#markets.size > 1 ? [{ key: 'market', text: `${exchange}:${market}`, rank: MARKET_RANK }] : []),
      { key: 'symbol', text: printable(symbol ?? ''), rank: 0 },
      ...cells,
    ];
    const padded = all.map((cell) => ({ ...cell, text: this.#padded(record.type, cell) }));
    const width = this.#width();
    const shown = fitting(padded, width);
    const length = lengthOf(shown);
    if (length > width)
      return cut(
        shown
          .map(({ text }) => text)
          .join(BETWEEN)
          .trimEnd(),
        width,
      );
    return shown
      .map(({ text, color }) => (color ? this.#colors[color](text) : text))
      .join(BETWEEN)
      .trimEnd();
  }

  #padded(type: string, { key, text, right }: LineCell): string {
    const place = key === 'time' || key === 'symbol' || key === 'market' ? key : `${type}.${key}`;
    const width = Math.max(this.#widest.get(place) ?? 0, text.length);
    this.#widest.set(place, width);
    return right ? text.padStart(width) : text.padEnd(width);
  }
}

/** Returns the cells that fit, by dropping those of the highest rank; of one rank the last. */
function fitting(cells: readonly LineCell[], width: number): readonly LineCell[] {
  let shown = cells;
  while (lengthOf(shown) > width) {
    const worst = Math.max(...shown.map(({ rank }) => rank));
    if (worst === 0) break;
    const last = shown.findLastIndex(({ rank }) => rank === worst);
    shown = shown.filter((_, index) => index !== last);
  }
  return shown;
}

function lengthOf(cells: readonly LineCell[]): number {
  return cells.reduce((sum, { text }, index) => sum + text.length + (index > 0 ? BETWEEN.length : 0), 0);
}
