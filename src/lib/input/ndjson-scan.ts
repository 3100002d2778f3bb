import { columnsOf, RECORD_TYPES, type RecordType } from '../model/records.js';
import type { ColumnKind } from '../model/schema.js';
import { readLinePieces } from './lines.js';
import type { PlainCopy } from './plain-copy.js';

/** Forms of values in a line; `I` is a number without point and exponent. */
const TEXT = 83;
const INTEGER = 73;
const FRACTION = 70;
const FLAG = 66;
const NULL = 78;

/** The forms that a value of a column may have; lists and free JSON are read another way. */
const FORMS: Readonly<Partial<Record<ColumnKind, readonly number[]>>> = {
  time: [INTEGER],
  count: [INTEGER],
  number: [INTEGER, FRACTION],
  long: [TEXT],
  text: [TEXT],
  flag: [FLAG],
};
/** Lines of more shapes than these are not what a program writes. */
const MOST_SHAPES = 200;

const QUOTE = 34;
const BACKSLASH = 92;
const SPACE = 32;
const [COMMA, COLON, OPEN, CLOSE, NEWLINE, MINUS, ZERO, NINE] = [44, 58, 123, 125, 10, 45, 48, 57];
const [LOWER_E, UPPER_E, POINT, PLUS] = [101, 69, 46, 43];
const LINE_END = Buffer.from('\n');
/** `"type"` without its quotes. */
const TYPE = [116, 121, 112, 101];

/**
 * Returns the number of lines of each type in an NDJSON file, undefined unless every line is a flat object whose names and
 * forms of values are those of a record.
 *
 * DuckDB reads `"1.5"` as a number and 1.5 as the integer 2, ignores a cut end, and takes one of two values with one name.
 * So each line is followed once: two lines with the same names in the same order and values of the same forms have one
 * shape, and of each shape one line is compared with the schema. Values are left to SQL. `copy` gets the lines.
 */
export async function scanNdjson(path: string, copy: PlainCopy): Promise<ReadonlyMap<RecordType, number> | undefined> {
  const shapes = new Map<number, Shape>();
  const line = new LineShape();
  for await (const piece of readLinePieces(path)) {
    if ('truncated' in piece || !countLines(piece.bytes, line, shapes)) return undefined;
    await copy.add(piece.bytes, LINE_END);
  }
  const counts = new Map<RecordType, number>();
  for (const { type, lines } of shapes.values()) counts.set(type, (counts.get(type) ?? 0) + lines);
  return counts;
}

type Shape = { readonly type: RecordType; lines: number };

/** Counts whole lines by their shape. Returns false for a line that is no record beyond doubt. */
function countLines(bytes: Buffer, line: LineShape, shapes: Map<number, Shape>): boolean {
  for (let start = 0; start <= bytes.length; ) {
    const next = bytes.indexOf(NEWLINE, start);
    const end = next < 0 ? bytes.length : next;
    if (!line.read(bytes, start, end)) return false;
    let shape = shapes.get(line.shape);
    if (shape === undefined) {
      const type = typeOfLine(bytes.toString('utf8', start, end), line.forms);
      if (type === undefined || shapes.size === MOST_SHAPES) return false;
      shape = { type, lines: 0 };
      shapes.set(line.shape, shape);
    }
    shape.lines += 1;
    start = end + 1;
  }
  return true;
}

/** Returns the type of a line whose values have forms of its columns, undefined otherwise. */
function typeOfLine(line: string, forms: readonly number[]): RecordType | undefined {
  const fields = JSON.parse(line) as Record<string, unknown>;
  const names = Object.keys(fields);
  const type = RECORD_TYPES.find((name) => name === fields.type);
  // A name that is there twice has one value in the object. Names of integers move to its front.
  if (!type || names.length !== forms.length || names.some((name) => /^\d/.test(name))) return undefined;
  const columns = new Map(columnsOf(type));
  const fits = names.every((name, index) => {
    const form = forms[index] as number;
    const column = columns.get(name);
    return column === undefined || form === NULL || (FORMS[column.kind]?.includes(form) ?? false);
  });
  return fits ? type : undefined;
}

/** Follows one line at a time. */
class LineShape {
  /** A number that stands for names, forms and type of the last line. */
  shape = 0;
  /** The forms of its values. */
  readonly forms: number[] = [];
  #at = 0;
  #low = 0;
  #high = 0;

  /** Reads a line. Returns false unless it is a flat object without blanks, escapes and empty texts. */
  read(bytes: Buffer, start: number, end: number): boolean {
    this.forms.length = 0;
    [this.#low, this.#high] = [0, 0];
    if (bytes[start] !== OPEN || bytes[end - 1] !== CLOSE) return false;
    this.#at = start + 1;
    for (;;) {
      const name = this.#at + 1;
      if (!this.#text(bytes, end, true) || bytes[this.#at] !== COLON) return false;
      const isType = this.#at - 1 - name === TYPE.length && TYPE.every((byte, index) => bytes[name + index] === byte);
      this.#at += 1;
      const form = this.#value(bytes, end, isType);
      if (form === 0) return false;
      this.forms.push(form);
      this.#add(form);
      const next = bytes[this.#at++];
      if (next === COMMA) continue;
      this.shape = (this.#high >>> 11) * 2 ** 32 + (this.#low >>> 0);
      return next === CLOSE && this.#at === end;
    }
  }

  #add(byte: number): void {
    this.#low = Math.imul(this.#low ^ byte, 0x01000193) + 1;
    this.#high = Math.imul(this.#high, 31) + byte;
  }

  /** Passes a text with its quotes. Returns false for an empty one, and for one with escapes or control characters. */
  #text(bytes: Buffer, end: number, isShape: boolean): boolean {
    if (bytes[this.#at] !== QUOTE) return false;
    const start = this.#at + 1;
    let at = start;
    for (; at < end; at++) {
      const byte = bytes[at] as number;
      if (byte === QUOTE) break;
      if (byte === BACKSLASH || byte < SPACE) return false;
      if (isShape) this.#add(byte);
    }
    this.#at = at + 1;
    if (isShape) this.#add(QUOTE);
    return at > start && at < end;
  }

  /** Passes a value and returns its form, 0 for one that is no text, number, flag or null. */
  #value(bytes: Buffer, end: number, isType: boolean): number {
    const first = bytes[this.#at] as number;
    if (first === QUOTE) return this.#text(bytes, end, isType) ? TEXT : 0;
    if (first === MINUS || (first >= ZERO && first <= NINE)) return this.#number(bytes);
    for (const [word, form] of WORDS) {
      if (word.every((byte, index) => bytes[this.#at + index] === byte)) {
        this.#at += word.length;
        return form;
      }
    }
    return 0;
  }

  #number(bytes: Buffer): number {
    let form = INTEGER;
    for (;;) {
      const byte = bytes[++this.#at] as number;
      if (byte >= ZERO && byte <= NINE) continue;
      if (byte !== POINT && byte !== LOWER_E && byte !== UPPER_E && byte !== PLUS && byte !== MINUS) return form;
      form = FRACTION;
    }
  }
}

const WORDS: readonly (readonly [word: readonly number[], form: number])[] = [
  [[...Buffer.from('true')], FLAG],
  [[...Buffer.from('false')], FLAG],
  [[...Buffer.from('null')], NULL],
];
