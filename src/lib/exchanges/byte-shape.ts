import {
  byteAt,
  codesOf,
  NONE,
  type NumberTarget,
  readDecimal,
  readInteger,
  readQuotedInteger,
  skipPlain,
  textEnd,
  wordAt,
} from './frame-bytes.js';

const QUOTE = 34;
const COMMA = 44;
const COLON = 58;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;

/** How a value is written: `"text"`, `123`, `"123"`, `"1.25"`, or any plain value, which is skipped. */
type Kind = keyof typeof KINDS;
type Read = (at: number) => number;

/** Numbers, since they are compared for every value. */
const NESTED = 0;
const KINDS = { text: 1, integer: 2, quotedInteger: 3, decimal: 4, plain: 5 } as const;

/** A known field of an object, and what was last read of it: a range of bytes, without quotes, or a number. */
export class Field implements NumberTarget {
  readonly kind: number;
  readonly read: Read;
  /** `"name":`, and its first four bytes at once. */
  readonly #codes: Uint8Array;
  readonly #word: number;
  bit = 0;
  start = 0;
  end = 0;
  /** No integer at first, so that the engine never changes how the property is held. */
  value = 0.5;
  /** The field that followed last time: a guess that saves a search. */
  next: Field = this;

  constructor(name: string, kind: Kind | Read) {
    this.kind = typeof kind === 'string' ? KINDS[kind] : NESTED;
    this.read = typeof kind === 'string' ? () => NONE : kind;
    this.#codes = codesOf(`"${name}":`);
    const [a = 0, b = 0, c = 0, d = 0] = this.#codes;
    this.#word = a | (b << 8) | (c << 16) | (d << 24);
  }

  /** Returns the position of its value where its name stands, negative where it does not. */
  valueAt(at: number): number {
    const codes = this.#codes;
    if (wordAt(at) !== this.#word) return NONE;
    for (let i = 4; i < codes.length; i++) if (codes[i] !== byteAt(at + i)) return NONE;
    return at + codes.length;
  }
}

/** The fields of an object that are known; others are skipped where their value is plain. */
export class Shape {
  readonly #fields: readonly Field[];
  readonly #required: number;
  #first: Field;
  #seen = 0;

  constructor(required: readonly [Field, ...Field[]], optional: readonly Field[] = []) {
    this.#fields = [...required, ...optional];
    for (const [index, field] of this.#fields.entries()) field.bit = 1 << index;
    this.#required = (1 << required.length) - 1;
    this.#first = required[0];
  }

  /** Whether the last object had a field. */
  has(field: Field): boolean {
    return (this.#seen & field.bit) !== 0;
  }

  /** Reads an object into the fields. A known name that appears twice, or a required one that is missing, is refused. */
  read(at: number): number {
    if (byteAt(at) !== OPEN_OBJECT) return NONE;
    let end = at;
    let seen = 0;
    let previous: Field = this.#first;
    let field: Field = this.#first;
    do {
      let valueAt = field.valueAt(end + 1);
      if (valueAt < 0) {
        const found = this.#find(end + 1);
        if (found === undefined) {
          end = skipField(end + 1);
          if (end < 0) return NONE;
          continue;
        }
        if (seen === 0) this.#first = found;
        else previous.next = found;
        field = found;
        valueAt = found.valueAt(end + 1);
      }
      if ((seen & field.bit) !== 0) return NONE;
      seen |= field.bit;
      end = readValue(valueAt, field);
      if (end < 0) return NONE;
      previous = field;
      field = field.next;
    } while (byteAt(end) === COMMA);
    this.#seen = seen;
    const isWhole = byteAt(end) === CLOSE_OBJECT && (seen & this.#required) === this.#required;
    return isWhole ? end + 1 : NONE;
  }

  #find(at: number): Field | undefined {
    for (const field of this.#fields) if (field.valueAt(at) >= 0) return field;
    return undefined;
  }
}

function skipField(at: number): number {
  const end = byteAt(at) === QUOTE ? textEnd(at + 1) : NONE;
  return end >= 0 && byteAt(end + 1) === COLON ? skipPlain(end + 2) : NONE;
}

function readValue(at: number, field: Field): number {
  const { kind } = field;
  if (kind === KINDS.text) return readText(at, field);
  if (kind === KINDS.decimal) return readDecimal(at, field);
  if (kind === KINDS.integer) return readIntegerRange(at, field);
  if (kind === KINDS.quotedInteger) return readQuotedInteger(at, field);
  return kind === KINDS.plain ? skipPlain(at) : field.read(at);
}

function readText(at: number, field: Field): number {
  if (byteAt(at) !== QUOTE) return NONE;
  const end = textEnd(at + 1);
  field.start = at + 1;
  field.end = end;
  return end < 0 ? NONE : end + 1;
}

function readIntegerRange(at: number, field: Field): number {
  const end = readInteger(at, field);
  field.start = at;
  field.end = end;
  return end;
}
