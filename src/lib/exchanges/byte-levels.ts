import type { TextLevel } from '../model/book-message.js';
import type { Level } from '../model/schema.js';
import { byteAt, NONE, type NumberTarget, readDecimal, readList, textEnd } from './frame-bytes.js';

const QUOTE = 34;
const COMMA = 44;
const OPEN_LIST = 91;
const CLOSE_LIST = 93;

/** More than a frame that is read from bytes can hold, whose shortest level has ten of them. */
const MOST_LEVELS = 8192;

const price: NumberTarget = { value: 0.5 };
const amount: NumberTarget = { value: 0.5 };

/** Reads one side of a book, `[["price","amount"],…]`. */
export class LevelsReader {
  readonly #numbers = new Float64Array(2 * MOST_LEVELS);
  #size = 0;

  readonly read = (at: number): number => {
    this.#size = 0;
    return readList(at, this.#readLevel);
  };

  /** Returns the levels read last. */
  levels(): Level[] {
    const numbers = this.#numbers;
    const levels: Level[] = [];
    for (let i = 0; i < this.#size; i += 2) levels.push([numbers[i] as number, numbers[i + 1] as number]);
    return levels;
  }

  readonly #readLevel = (at: number): number => {
    if (byteAt(at) !== OPEN_LIST) return NONE;
    const middle = readDecimal(at + 1, price);
    if (middle < 0 || byteAt(middle) !== COMMA) return NONE;
    const end = readDecimal(middle + 1, amount);
    if (end < 0 || byteAt(end) !== CLOSE_LIST) return NONE;
    const size = this.#size;
    this.#numbers[size] = price.value;
    this.#numbers[size + 1] = amount.value;
    this.#size = size + 2;
    return end + 1;
  };
}

/** Shorter substrings are copies. A longer one would keep the text of its frame alive as long as the level, and is not read here. */
const SLICED = 13;

/** Reads one side of a book as texts, which a checksum may cover. */
export class TextLevelsReader {
  /** Start and end of each price and amount. */
  readonly #ranges = new Int32Array(4 * MOST_LEVELS);
  #size = 0;

  readonly read = (at: number): number => {
    this.#size = 0;
    return readList(at, this.#readLevel);
  };

  /** Returns the levels read last; `text` is the frame's. */
  levels(text: string): TextLevel[] {
    const levels: TextLevel[] = [];
    for (let i = 0; i < this.#size; i += 4) levels.push([this.#text(text, i), this.#text(text, i + 2)]);
    return levels;
  }

  #text(text: string, index: number): string {
    const start = this.#ranges[index] as number;
    const end = this.#ranges[index + 1] as number;
    return text.substring(start, end);
  }

  readonly #readLevel = (at: number): number => {
    if (byteAt(at) !== OPEN_LIST || byteAt(at + 1) !== QUOTE) return NONE;
    const middle = textEnd(at + 2);
    if (middle < 0 || byteAt(middle + 1) !== COMMA || byteAt(middle + 2) !== QUOTE) return NONE;
    const end = textEnd(middle + 3);
    if (end < 0 || end - middle - 3 >= SLICED || middle - at - 2 >= SLICED || byteAt(end + 1) !== CLOSE_LIST) return NONE;
    const ranges = this.#ranges;
    const size = this.#size;
    ranges[size] = at + 2;
    ranges[size + 1] = middle;
    ranges[size + 2] = middle + 3;
    ranges[size + 3] = end;
    this.#size = size + 4;
    return end + 2;
  };
}
