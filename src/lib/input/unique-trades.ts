import type { AnyRecord, Trade } from '../model/records.js';
import { SeenTrades } from '../model/seen-trades.js';
import { seriesKey } from '../model/series.js';
import { contradictionText } from './contradiction.js';
import type { InputListener } from './input-listener.js';

/** Trades that are remembered, twice: older ids are forgotten, so that an endless pipe takes at most 64 MB for them. */
const GENERATION = 1_000_000;
/** A place is one number: the source and its line. Places that do not fit have no number. */
const LINES = 2 ** 27;
const SOURCES = 2 ** 5 - 1;
const NO_PLACE = 2 ** 32 - 1;

/**
 * Drops repeated trades while INPUT is read.
 *
 * Overlapping files and reconnects deliver trades again, which would count twice. A copy is dropped and counted. A trade
 * with the id of a different one (price, amount or side) is a broken line that names both places. Of the selected trades
 * the last one to two million are remembered.
 */
export class UniqueTrades {
  /** Copies of earlier trades that were dropped. */
  duplicates = 0;
  /** To be passed to the reader of INPUT. */
  readonly listener: InputListener;
  readonly #isSelected: (trade: Trade) => boolean;
  readonly #broken: (reason: string) => void;
  readonly #generation: number;
  #recent = new SeenTrades();
  #older = new SeenTrades();
  #count = 0;
  readonly #sources: string[] = [];
  readonly #dropped = new WeakSet<AnyRecord>();
  #droppedCount = 0;

  constructor(broken: (reason: string) => void, isSelected: (trade: Trade) => boolean, generation = GENERATION) {
    this.#broken = broken;
    this.#isSelected = isSelected;
    this.#generation = generation;
    this.listener = { broken, resumed: broken, taken: (record, place) => this.#take(record, place) };
  }

  /** Returns the records without copies and without trades that have the id of a different trade. */
  async *filter(batches: AsyncIterable<AnyRecord[]>): AsyncGenerator<AnyRecord[]> {
    let dropped = 0;
    for await (const records of batches) {
      const kept = dropped === this.#droppedCount ? records : records.filter((record) => !this.#dropped.has(record));
      dropped = this.#droppedCount;
      if (kept.length > 0) yield kept;
    }
  }

  #take(record: AnyRecord, place: string): void {
    if (record.type !== 'trade' || !this.#isSelected(record)) return;
    const { price, amount, side } = record;
    const key = { id: `${seriesKey(record)} ${record.id}`, price, amount, side };
    const known = this.#older.find(key) ?? this.#recent.add(key, this.#numberOf(place));
    if (known === undefined) {
      this.#count += 1;
      if (this.#count >= this.#generation) this.#forget();
      return;
    }
    this.#dropped.add(record);
    this.#droppedCount += 1;
    if (known.isCopy) this.duplicates += 1;
    else this.#broken(contradictionText(record, place, this.#placeOf(known.line)));
  }

  #forget(): void {
    this.#older = this.#recent;
    this.#recent = new SeenTrades();
    this.#count = 0;
  }

  /** Returns the number of a place such as `stdin:12` or `trades.csv: row 12`. */
  #numberOf(place: string): number {
    const line = Number(/\d+$/.exec(place)?.[0]);
    const source = place.slice(0, place.length - String(line).length);
    let index = this.#sources.lastIndexOf(source);
    if (index < 0) index = this.#sources.push(source) - 1;
    return index < SOURCES && line > 0 && line < LINES ? index * LINES + line : NO_PLACE;
  }

  #placeOf(number: number): string {
    return number === NO_PLACE ? 'an earlier line' : `${this.#sources[Math.floor(number / LINES)]}${number % LINES}`;
  }
}
