import { fieldsOf, printable, type RecordProperties } from '../../model/ndjson.js';
import { type AnyRecord, RECORD_TYPES } from '../../model/records.js';
import { formatTime } from '../../model/time.js';
import { alignsRight, cellText, cut } from './cell.js';

const LEADING = new Set(['exchange', 'market', 'symbol', 'timestamp', 'local_timestamp']);
/** Long and rarely read: last, where a narrow terminal cuts. */
const TRAILING = new Set(['id', 'sequence', 'previous_sequence', 'run_id', 'order_id']);
const TYPE_WIDTH = 14;

const LINE_FIELDS = new Map(
  RECORD_TYPES.map((type) => {
    const fields = fieldsOf(type).filter(({ name }) => !LEADING.has(name));
    const isTrailing = ({ name }: { readonly name: string }) => TRAILING.has(name);
    return [type, [...fields.filter((field) => !isTrailing(field)), ...fields.filter(isTrailing)]];
  }),
);

/**
 * Lays out records one line each: time, type, instrument, then `name value` pairs. A value is padded to
 * the widest seen so far in its place, so that the lines of a stream stand in columns.
 */
export class LineLayout {
  readonly #width: number;
  readonly #widest = new Map<string, number>();

  /** Lines are cut at `width`. */
  constructor(width: number) {
    this.#width = width;
  }

  line(record: AnyRecord): string {
    const properties = record as unknown as RecordProperties;
    const parts = [properties.exchange, properties.market, properties.symbol].filter((part) => part !== undefined);
    const identity = printable(parts.join(':'));
    const pairs = (LINE_FIELDS.get(record.type) ?? []).flatMap(({ name, property, column }) => {
      const text = cellText(properties[property], column);
      return text === '' ? [] : [`${name} ${this.#pad(`${record.type}.${name}`, text, alignsRight(column))}`];
    });
    const cells = [timeText(record.timestamp), record.type.padEnd(TYPE_WIDTH), this.#pad('identity', identity, false), ...pairs];
    return cut(cells.join('  ').trimEnd(), this.#width);
  }

  #pad(place: string, text: string, right: boolean): string {
    const width = Math.max(this.#widest.get(place) ?? 0, text.length);
    this.#widest.set(place, width);
    return right ? text.padStart(width) : text.padEnd(width);
  }
}

/** Returns a time in milliseconds, so that all lines have one width. */
function timeText(timestamp: number): string {
  return formatTime(Math.floor(timestamp / 1000) * 1000);
}
