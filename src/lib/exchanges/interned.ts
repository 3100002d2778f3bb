import { asciiAt, byteAt, closingWord, hasByte, NONE, wordAt } from './frame-bytes.js';

/** As many topics as thousands of symbols have; when there are more, the table starts again. */
const MOST = 8192;
/** A hash table half of which stays free. */
const SLOTS = 2 * MOST;
const LONGEST = 120;
/** Of each text: its length, its bytes by fours, and the rest of them. */
const STRIDE = LONGEST / 4 + 2;

/** Texts that equal bytes identify: no escapes, nothing beyond ASCII. */
const PLAIN = /^[ -[\]-~]*$/;

/**
 * Finds what recurring texts mean by their bytes, so that each is decoded and judged once. It holds a bounded number of
 * them, and copies of their bytes, side by side: with hundreds of symbols it is the memory that takes the time.
 */
export class Interned<Value> {
  readonly #close: number;
  readonly #closes: number;
  readonly #meaning: (text: string) => Value | undefined;
  /** Places of texts counted from 1, by their hash or behind it; 0 is free. */
  readonly #slots = new Int32Array(SLOTS);
  #texts = new Int32Array(64 * STRIDE);
  #values: (Value | undefined)[] = [];
  /** What the text read last means. */
  value: Value | undefined;

  /** `close` is the byte that ends a text, not part of it; `meaning` returns undefined for a text that is not wanted. */
  constructor(close: string, meaning: (text: string) => Value | undefined) {
    this.#close = close.charCodeAt(0);
    this.#closes = closingWord(this.#close);
    this.#meaning = meaning;
  }

  /** Reads the text that begins at `at`. Returns the position of the byte that ends it, negative where it is not wanted. */
  read(at: number): number {
    const limit = at + LONGEST;
    let end = at;
    let hash = 0;
    for (let word = wordAt(end); end < limit && !hasByte(word, this.#closes); word = wordAt(end)) {
      hash = mixed(hash, word);
      end += 4;
    }
    let rest = 0;
    for (; end < limit && byteAt(end) !== this.#close; end++) rest = (rest << 8) | byteAt(end);
    if (end >= limit) return NONE;
    this.value = this.#valueOf(mixed(hash, rest), at, end, rest);
    return this.value === undefined ? NONE : end;
  }

  #valueOf(hash: number, start: number, end: number, rest: number): Value | undefined {
    for (let slot = hash >>> SHIFT; ; slot = (slot + 1) & (SLOTS - 1)) {
      const place = this.#slots[slot] as number;
      if (place === 0) return this.#enter(slot, start, end, rest);
      if (this.#isAt((place - 1) * STRIDE, start, end, rest)) return this.#values[place - 1];
    }
  }

  #isAt(text: number, start: number, end: number, rest: number): boolean {
    const texts = this.#texts;
    const words = (end - start) >> 2;
    if (texts[text] !== end - start || texts[text + 1 + words] !== rest) return false;
    for (let i = 0; i < words; i++) if (texts[text + 1 + i] !== wordAt(start + 4 * i)) return false;
    return true;
  }

  #enter(free: number, start: number, end: number, rest: number): Value | undefined {
    const text = asciiAt(start, end);
    const value = PLAIN.test(text) ? this.#meaning(text) : undefined;
    if (this.#values.length === MOST) {
      this.#values = [];
      this.#slots.fill(0);
    }
    const at = this.#values.length * STRIDE;
    if (at === this.#texts.length) this.#grow();
    const words = (end - start) >> 2;
    this.#texts[at] = end - start;
    for (let i = 0; i < words; i++) this.#texts[at + 1 + i] = wordAt(start + 4 * i);
    this.#texts[at + 1 + words] = rest;
    this.#slots[free] = this.#values.push(value);
    return value;
  }

  #grow(): void {
    const texts = new Int32Array(2 * this.#texts.length);
    texts.set(this.#texts);
    this.#texts = texts;
  }
}

/** Leaves as many bits of a hash as there are slots. */
const SHIFT = 32 - Math.log2(SLOTS);

/** Fibonacci hashing over the words; the high bits are the mixed ones. */
function mixed(hash: number, word: number): number {
  return Math.imul(hash ^ word ^ (hash >>> 15), 0x9e3779b1);
}
