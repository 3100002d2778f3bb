import type { DuckDBDataChunk, DuckDBType } from '@duckdb/node-api';
import { MdtoolError } from '../../model/errors.js';
import { encodeLevels, type RecordProperties } from '../../model/ndjson.js';
import type { ColumnKind, Level } from '../../model/schema.js';
import type { loadDuckDB } from './duckdb.js';

/** The rows of a DuckDB vector. */
export const BATCH = 2048;
/** A column with more different texts than this is written text by text. */
const MOST_TEXTS = 1024;
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
  /** Writes the batch into the vector `index` of `chunk`, and begins the next. */
  writeTo(chunk: DuckDBDataChunk, index: number, rows: number): void;
};

/** Creates the buffer of a column of records, by the name of its property. */
export function createColumnBuffer(property: string, kind: ColumnKind): ColumnBuffer {
  if (kind === 'number') return new NumberBuffer(property);
  if (kind === 'flag') return new FlagBuffer(property);
  return kind === 'time' || kind === 'count' || kind === 'long'
    ? new IntegerBuffer(property, kind)
    : new TextBuffer(property, kind);
}

/** `items` and `validity` are private in the types of the package; setting values one by one is five times slower. */
type Vector = {
  readonly items: { set(values: unknown): void };
  readonly validity: { readonly data: BigUint64Array | null; setItemValid(item: number, isValid: boolean): void };
  flush(): void;
};

/** Values of a fixed size; a bit says of each whether it is there. */
abstract class FixedBuffer implements ColumnBuffer {
  protected readonly property: string;
  protected abstract readonly values: Float64Array | BigInt64Array | Uint8Array | Uint16Array;
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

  writeTo(chunk: DuckDBDataChunk, index: number, rows: number): void {
    const vector = chunk.getColumnVector(index) as unknown as Vector;
    vector.items.set(this.values.subarray(0, rows));
    if (!this.#isWhole) {
      // The package creates the bits of a vector with its first missing value.
      vector.validity.setItemValid(0, false);
      const { buffer, byteOffset, length } = vector.validity.data as BigUint64Array;
      new Uint32Array(buffer, byteOffset, 2 * length).set(this.#presence.subarray(0, 2 * length));
      this.#presence.fill(WORD - 1);
      this.#isWhole = true;
    }
    vector.flush();
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
  protected readonly values = new Uint16Array(BATCH);
  readonly #places = new Map<unknown, number>();
  #type: DuckDBType | undefined;
  #known = 0;
  #isEveryUsable = true;

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
    let place = this.#places.get(text);
    if (place === undefined) {
      place = this.#places.size;
      this.#places.set(text, place);
      this.#isEveryUsable &&= !UNUSABLE.test(text as string);
    }
    this.values[row] = place;
  }
}

/** Texts, and what DuckDB reads from a text: levels and JSON. */
class TextBuffer implements ColumnBuffer {
  readonly #property: string;
  readonly #kind: ColumnKind;
  readonly #values: (string | null)[] = [];
  /** Undefined when the texts do not repeat. */
  #places: PlaceBuffer | undefined;

  constructor(property: string, kind: ColumnKind) {
    this.#property = property;
    this.#kind = kind;
    this.#places = kind === 'levels' ? undefined : new PlaceBuffer(property);
  }

  add(records: readonly RecordProperties[], from: number): void {
    this.#values.length = from;
    for (const record of records) this.#values.push(this.#textOf(record[this.#property]));
  }

  vectorType(duckdb: DuckDB): DuckDBType {
    for (const [row, text] of this.#places ? this.#values.entries() : []) this.#places?.put(row, text);
    if (!this.#places?.isFit) this.#places = undefined;
    return this.#places?.vectorType(duckdb) ?? duckdb.VARCHAR;
  }

  writeTo(chunk: DuckDBDataChunk, index: number, rows: number): void {
    if (this.#places) this.#places.writeTo(chunk, index, rows);
    else chunk.setColumnValues(index, this.#values);
    this.#values.length = 0;
  }

  #textOf(value: unknown): string | null {
    if (value === undefined || value === null) return null;
    if (this.#kind === 'text') return value as string;
    return this.#kind === 'levels' ? encodeLevels(value as readonly Level[]) : JSON.stringify(value);
  }
}
