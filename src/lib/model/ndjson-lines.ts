import { MdtoolError } from './errors.js';
import { type AnyRecord, columnsOf, RECORD_TYPES, type RecordType } from './records.js';
import { type ColumnKind, camelCase, type Level } from './schema.js';

const QUOTE = 34;
const COMMA = 44;
const MINUS = 45;
const POINT = 46;
const ZERO = 48;
const OPEN_LIST = 91;
const BACKSLASH = 92;
const CLOSE_LIST = 93;
const CLOSE_OBJECT = 125;
const LINE_END = 10;
const SPACE = 32;
const LAST_ASCII = 126;

const utf8 = new TextEncoder();
const TRUE = utf8.encode('true');
const FALSE = utf8.encode('false');

type Field = { readonly property: string; readonly kind: ColumnKind; readonly prefix: Uint8Array };

/** The constant bytes of the lines of a type: `{"type":"trade"` and, before each value, `,"name":`. */
type Layout = { readonly head: Uint8Array; readonly fields: readonly Field[] };

const LAYOUTS = new Map<RecordType, Layout>(
  RECORD_TYPES.map((type) => {
    const fields = columnsOf(type).map(([name, { kind }]) => {
      return { property: camelCase(name), kind, prefix: utf8.encode(`,"${name}":`) };
    });
    return [type, { head: utf8.encode(`{"type":"${type}"`), fields }];
  }),
);

/** Maximum length of a number as text. */
const LONGEST_NUMBER = 32;
/** Below 1e15 (15 significant digits) a decimal maps to a unique double and is its shortest form. */
const EXACT = 1e15;
const MOST_DECIMALS = 10;
/** Stands for "not a short decimal"; `String` then writes the number. */
const NONE = -1;
const POWERS = Float64Array.from({ length: 17 }, (_, exponent) => 10 ** exponent);
/** Numbers are written in two halves of this many digits: each fits into 32 bits, where division is fast. */
const HALF = 8;

/**
 * Lines of NDJSON as bytes. Joining texts and encoding them takes three times as long and leaves garbage to collect, so
 * numbers are written digit by digit.
 */
export class NdjsonLines {
  #bytes = new Uint8Array(1 << 12);
  #length = 0;

  /** Bytes of all lines. */
  get length(): number {
    return this.#length;
  }

  /**
   * Adds the line of a record. Throws on a number that is not finite and skips the line: such a number is a bug upstream,
   * and in the output it would be silently wrong.
   */
  add(record: AnyRecord): void {
    const start = this.#length;
    try {
      this.#record(record);
    } catch (error) {
      this.#length = start;
      throw error;
    }
  }

  /** Returns the bytes of all lines and clears them. */
  take(): Uint8Array {
    const lines = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    return lines;
  }

  #record(record: AnyRecord): void {
    const { head, fields } = LAYOUTS.get(record.type) as Layout;
    this.#copy(head);
    for (let i = 0; i < fields.length; i++) {
      const { property, kind, prefix } = fields[i] as Field;
      const value = (record as Readonly<Record<string, unknown>>)[property];
      if (value === undefined || value === null) continue;
      this.#copy(prefix);
      this.#value(value, kind, property);
    }
    this.#byte(CLOSE_OBJECT);
    this.#byte(LINE_END);
  }

  #value(value: unknown, kind: ColumnKind, property: string): void {
    if (kind === 'time' || kind === 'number' || kind === 'count') this.#number(value as number, property);
    else if (kind === 'levels') this.#levels(value as readonly Level[], property);
    else if (kind === 'flag') this.#copy(value === true ? TRUE : FALSE);
    else if (kind === 'json') this.#encoded(JSON.stringify(value));
    else this.#text(value as string);
  }

  #levels(levels: readonly Level[], property: string): void {
    this.#byte(OPEN_LIST);
    for (let i = 0; i < levels.length; i++) {
      const [price, amount] = levels[i] as Level;
      if (i > 0) this.#byte(COMMA);
      this.#byte(OPEN_LIST);
      this.#number(price, property);
      this.#byte(COMMA);
      this.#number(amount, property);
      this.#byte(CLOSE_LIST);
    }
    this.#byte(CLOSE_LIST);
  }

  /** Copies a text that needs no escapes; `JSON.stringify` writes any other. */
  #text(text: string): void {
    const { length } = text;
    this.#room(length + 2);
    const start = this.#length;
    const bytes = this.#bytes;
    bytes[start] = QUOTE;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code < SPACE || code > LAST_ASCII || code === QUOTE || code === BACKSLASH) {
        this.#encoded(JSON.stringify(text));
        return;
      }
      bytes[start + 1 + i] = code;
    }
    bytes[start + 1 + length] = QUOTE;
    this.#length = start + length + 2;
  }

  #ascii(text: string): void {
    const { length } = text;
    this.#room(length);
    const start = this.#length;
    const bytes = this.#bytes;
    for (let i = 0; i < length; i++) bytes[start + i] = text.charCodeAt(i);
    this.#length = start + length;
  }

  #encoded(text: string): void {
    this.#room(3 * text.length);
    this.#length += utf8.encodeInto(text, this.#bytes.subarray(this.#length)).written;
  }

  /** Writes the text that `String` returns. Most numbers have few decimals: then it is their digits with a point. */
  #number(value: number, property: string): void {
    if (!Number.isFinite(value)) throw new MdtoolError(`${property} must be a finite number, was ${value}`, 1);
    this.#room(LONGEST_NUMBER);
    const size = Math.abs(value);
    const decimals = decimalsOf(size);
    if (decimals === NONE) {
      this.#ascii(String(value));
      return;
    }
    if (value < 0) this.#byte(MINUS);
    const whole = Math.floor(size);
    this.#digits(whole, 1);
    if (decimals === 0) return;
    const power = POWERS[decimals] as number;
    this.#byte(POINT);
    this.#digits(Math.round(size * power) - whole * power, decimals);
  }

  /** Writes an integer below 10^16, padded with zeros to `least` digits. */
  #digits(value: number, least: number): void {
    let count = least;
    while (value >= (POWERS[count] as number)) count += 1;
    const start = this.#length;
    const end = start + count;
    const middle = Math.max(start, end - HALF);
    const high = Math.floor(value / 10 ** HALF);
    writeDigits(this.#bytes, middle, end, value - high * 10 ** HALF);
    writeDigits(this.#bytes, start, middle, high);
    this.#length = end;
  }

  #copy(piece: Uint8Array): void {
    this.#room(piece.length);
    const bytes = this.#bytes;
    const start = this.#length;
    for (let i = 0; i < piece.length; i++) bytes[start + i] = piece[i] as number;
    this.#length = start + piece.length;
  }

  #byte(byte: number): void {
    this.#room(1);
    this.#bytes[this.#length++] = byte;
  }

  #room(more: number): void {
    if (this.#length + more > this.#bytes.length) this.#grow(this.#length + more);
  }

  #grow(least: number): void {
    const bytes = new Uint8Array(Math.max(least, 2 * this.#bytes.length));
    bytes.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = bytes;
  }
}

/**
 * Returns the number of decimals of a non-negative number, `NONE` where `String` has to write it. Dividing an exact integer
 * by an exact power of ten rounds once. Where the quotient is the number, its decimals read back as it, and the fewest
 * of them are what `String` writes from 10^-6 on.
 */
function decimalsOf(size: number): number {
  if (size >= EXACT) return size <= Number.MAX_SAFE_INTEGER && Number.isInteger(size) ? 0 : NONE;
  if (size < 1e-6 && size !== 0) return NONE;
  for (let decimals = 0; decimals <= MOST_DECIMALS; decimals++) {
    const power = POWERS[decimals] as number;
    const digits = Math.round(size * power);
    if (digits >= EXACT) return NONE;
    if (digits / power === size) return decimals;
  }
  return NONE;
}

function writeDigits(bytes: Uint8Array, start: number, end: number, value: number): void {
  let rest = value | 0;
  for (let place = end - 1; place >= start; place--) {
    const tens = (rest / 10) | 0;
    bytes[place] = ZERO + rest - 10 * tens;
    rest = tens;
  }
}
