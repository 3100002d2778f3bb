import type { DuckDBType } from '@duckdb/node-api';
import { MdtoolError } from '../../model/errors.js';
import type { RecordProperties } from '../../model/ndjson.js';
import type { ColumnKind, Level } from '../../model/schema.js';
import type { loadDuckDB } from './duckdb.js';
import type { VectorTarget } from './vector-target.js';

/** The rows of a DuckDB vector. */
export const BATCH = 2048;
/** A column with more different texts than this is written text by text. */
const MOST_TEXTS = 1024;
const MOST_IN_A_BYTE = 255;
const WORD = 2 ** 32;
/**
 * Characters that the list of an enumeration does not keep: a text ends at a NUL, and half of a surrogate pair is replaced.
 * Two texts that become alike would end the process.
 */
const UNUSABLE = /\0|\p{Surrogate}/u;

type DuckDB = Awaited<ReturnType<typeof loadDuckDB>>;

/** The values of one column of a batch, on their way into a vector. */
export type ColumnBuffer = {
  /** Takes the values of some records; `from` is the row of the first. */
  add(records: readonly RecordProperties[], from: number): void;
  /** Returns the type of the vector. DuckDB turns its values into those of the table's column. */
  vectorType(duckdb: DuckDB): DuckDBType;
  /** Writes the batch into a vector, and begins the next. */
  writeTo(vector: VectorTarget, rows: number): void;
  /** Values of the batch beyond one per row. */
  readonly more?: number;
};

/** Creates the buffer of a column of records, by the name of its property. */
export function createColumnBuffer(property: string, kind: ColumnKind): ColumnBuffer {
  if (kind === 'number') return new NumberBuffer(property);
  if (kind === 'flag') return new FlagBuffer(property);
  if (kind === 'levels') return new LevelsBuffer(property);
  return kind === 'time' || kind === 'count' || kind === 'long'
    ? new IntegerBuffer(property, kind)
    : new TextBuffer(property, kind);
}

/** Values of a fixed size; a bit says of each whether it is there. */
abstract class FixedBuffer implements ColumnBuffer {
  protected readonly property: string;
  protected abstract readonly values: ArrayBufferView;
  readonly #presence = new Uint32Array(BATCH / 32).fill(WORD - 1);
  #isWhole = true;

  constructor(property: string) {
    this.property = property;
  }

  abstract vectorType(duckdb: DuckDB): DuckDBType;
  protected abstract set(row: number, value: unknown): void;

  add(records: readonly RecordProperties[], from: number): void {
    let row = from;
    for (const record of records) this.put(row++, record[this.property]);
  }

  put(row: number, value: unknown): void {
    const word = row >> 5;
    const bit = 1 << (row & 31);
    if (value === undefined || value === null) {
      this.#presence[word] = (this.#presence[word] as number) & ~bit;
      this.#isWhole = false;
    } else {
      // The row may have been that of a batch which was refused.
      if (!this.#isWhole) this.#presence[word] = (this.#presence[word] as number) | bit;
      this.set(row, value);
    }
  }

  writeTo(vector: VectorTarget, rows: number): void {
    const { values } = this;
    vector.setValues(values, (rows * values.byteLength) / BATCH);
    if (this.#isWhole) return;
    vector.setPresence(this.#presence, rows);
    this.#presence.fill(WORD - 1);
    this.#isWhole = true;
  }
}

class NumberBuffer extends FixedBuffer {
  protected readonly values = new Float64Array(BATCH);

  vectorType({ DOUBLE }: DuckDB): DuckDBType {
    return DOUBLE;
  }

  protected set(row: number, value: unknown): void {
    if (!Number.isFinite(value)) throw new MdtoolError(`${this.property} must be a finite number, was ${value}`, 1);
    this.values[row] = value as number;
  }
}

class FlagBuffer extends FixedBuffer {
  protected readonly values = new Uint8Array(BATCH);

  vectorType({ UTINYINT }: DuckDB): DuckDBType {
    return UTINYINT;
  }

  protected set(row: number, value: unknown): void {
    this.values[row] = value === true ? 1 : 0;
  }
}

/** Times, counts and the texts of long integers. */
class IntegerBuffer extends FixedBuffer {
  readonly #isTime: boolean;
  protected readonly values = new BigInt64Array(BATCH);
  /** The same in halves, the lower one first: a bigint for each value would cost more than the rest. */
  readonly #lower = new Uint32Array(this.values.buffer);
  readonly #upper = new Int32Array(this.values.buffer);

  constructor(property: string, kind: 'time' | 'count' | 'long') {
    super(property);
    this.#isTime = kind === 'time';
  }

  vectorType({ TIMESTAMPTZ, BIGINT }: DuckDB): DuckDBType {
    return this.#isTime ? TIMESTAMPTZ : BIGINT;
  }

  protected set(row: number, value: unknown): void {
    const integer = typeof value === 'string' ? shortInteger(value) : (value as number);
    if (Number.isSafeInteger(integer)) {
      const upper = Math.floor(integer / WORD);
      this.#lower[2 * row] = integer - upper * WORD;
      this.#upper[2 * row + 1] = upper;
    } else this.values[row] = this.#longInteger(value);
  }

  #longInteger(value: unknown): bigint {
    const integer = typeof value === 'string' && /^-?\d{1,19}$/.test(value) ? BigInt(value) : undefined;
    if (integer === undefined || BigInt.asIntN(64, integer) !== integer)
      throw new MdtoolError(`${this.property} must be an integer of 64 bits, was ${value}`, 1);
    return integer;
  }
}

/** Returns the integer that at most 15 digits write, NaN for any other text. */
function shortInteger(text: string): number {
  const { length } = text;
  const isNegative = text.charCodeAt(0) === 45;
  const first = isNegative ? 1 : 0;
  if (length === first || length - first > 15) return Number.NaN;
  let integer = 0;
  for (let index = first; index < length; index++) {
    const digit = text.charCodeAt(index) - 48;
    if (!(digit >= 0 && digit <= 9)) return Number.NaN;
    integer = integer * 10 + digit;
  }
  return isNegative ? -integer : integer;
}

/** Places of texts in a list that grows. */
class PlaceBuffer extends FixedBuffer {
  /** DuckDB stores places of up to 255 texts in a byte, of more in two. */
  protected values: Uint8Array | Uint16Array = new Uint8Array(BATCH);
  readonly #places = new Map<unknown, number>();
  #type: DuckDBType | undefined;
  #known = 0;
  #isEveryUsable = true;
  /** The text of the row before, and its place: most columns repeat it. */
  #last: unknown;
  #place = 0;

  /** Whether the texts may go on as places: there are few of them, and DuckDB takes each of them as it is. */
  get isFit(): boolean {
    return this.#isEveryUsable && this.#places.size <= MOST_TEXTS;
  }

  vectorType({ ENUM16 }: DuckDB): DuckDBType {
    if (this.#type === undefined || this.#known < this.#places.size) {
      this.#known = this.#places.size;
      this.#type = ENUM16(this.#known === 0 ? [''] : ([...this.#places.keys()] as string[]));
    }
    return this.#type;
  }

  protected set(row: number, text: unknown): void {
    if (text !== this.#last) {
      this.#last = text;
      this.#place = this.#placeOf(text);
    }
    this.values[row] = this.#place;
  }

  #placeOf(text: unknown): number {
    const known = this.#places.get(text);
    if (known !== undefined) return known;
    const place = this.#places.size;
    this.#places.set(text, place);
    this.#isEveryUsable &&= !UNUSABLE.test(text as string);
    if (place === MOST_IN_A_BYTE) this.values = Uint16Array.from(this.values);
    return place;
  }
}

/** Texts, and JSON as text. */
class TextBuffer implements ColumnBuffer {
  readonly #property: string;
  readonly #isJson: boolean;
  readonly #values: (string | null)[] = [];
  /** Undefined when the texts do not repeat. */
  #places: PlaceBuffer | undefined;
  /** The object of the row before, and its text: rows may share one. */
  #object: unknown;
  #json = '';

  constructor(property: string, kind: ColumnKind) {
    this.#property = property;
    this.#isJson = kind === 'json';
    this.#places = new PlaceBuffer(property);
  }

  add(records: readonly RecordProperties[], from: number): void {
    this.#values.length = from;
    for (const record of records) {
      const value = record[this.#property];
      if (value === undefined || value === null) this.#values.push(null);
      else this.#values.push(this.#isJson ? this.#jsonOf(value) : (value as string));
    }
    this.#object = undefined;
  }

  #jsonOf(value: unknown): string {
    if (value !== this.#object) {
      this.#json = JSON.stringify(value);
      this.#object = value;
    }
    return this.#json;
  }

  vectorType(duckdb: DuckDB): DuckDBType {
    for (const [row, text] of this.#places ? this.#values.entries() : []) this.#places?.put(row, text);
    if (!this.#places?.isFit) this.#places = undefined;
    return this.#places?.vectorType(duckdb) ?? duckdb.VARCHAR;
  }

  writeTo(vector: VectorTarget, rows: number): void {
    if (this.#places) this.#places.writeTo(vector, rows);
    else vector.setTexts(this.#values);
    this.#values.length = 0;
  }
}

/** Levels of books, as numbers: as text for DuckDB to read they took five times as long. */
class LevelsBuffer extends FixedBuffer {
  /** Of each row where its levels begin and how many there are, each in 64 bits, the lower half first. */
  protected readonly values = new Uint32Array(4 * BATCH);
  /** Price and amount of each level. */
  #numbers = new Float64Array(1 << 12);
  #levels = 0;

  get more(): number {
    return this.#levels;
  }

  vectorType({ DOUBLE, LIST }: DuckDB): DuckDBType {
    return LIST(LIST(DOUBLE));
  }

  override add(records: readonly RecordProperties[], from: number): void {
    // Without this, levels of a batch that was refused would stand before those of the next.
    const last = 4 * (from - 1);
    this.#levels = from === 0 ? 0 : (this.values[last] as number) + (this.values[last + 2] as number);
    super.add(records, from);
  }

  override put(row: number, value: unknown): void {
    this.values[4 * row] = this.#levels;
    this.values[4 * row + 2] = 0;
    super.put(row, value);
  }

  override writeTo(vector: VectorTarget, rows: number): void {
    vector.setPairs(this.#numbers, this.#levels);
    super.writeTo(vector, rows);
    this.#levels = 0;
  }

  protected set(row: number, value: unknown): void {
    const levels = value as readonly Level[];
    this.values[4 * row + 2] = levels.length;
    const end = 2 * (this.#levels + levels.length);
    if (end > this.#numbers.length) this.#grow(end);
    let at = 2 * this.#levels;
    for (const [price, amount] of levels) {
      if (!Number.isFinite(price) || !Number.isFinite(amount))
        throw new MdtoolError(`${this.property} must have finite numbers, had ${price} and ${amount}`, 1);
      // A text has no negative zero: 0 is what a line of NDJSON says.
      this.#numbers[at++] = price + 0;
      this.#numbers[at++] = amount + 0;
    }
    this.#levels += levels.length;
  }

  #grow(least: number): void {
    const numbers = new Float64Array(Math.max(least, 2 * this.#numbers.length));
    numbers.set(this.#numbers);
    this.#numbers = numbers;
  }
}
