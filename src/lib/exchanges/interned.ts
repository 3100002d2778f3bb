import { byteAt, bytesOf, closingWord, hasByte, NONE, wordAt } from './frame-bytes.js';

/** Room for the topics of a connection several times over; who comes to a taken place takes it. */
const SLOTS = 4096;
const LONGEST = 120;
const BACKSLASH = 92;

type Entry<Value> = { readonly bytes: Uint8Array; readonly words: Int32Array; readonly value: Value | undefined };

/**
 * Finds what recurring texts mean by their bytes, so that each is decoded and judged once. It holds a bounded number of
 * them, and copies of their bytes.
 */
export class Interned<Value> {
  readonly #close: number;
  readonly #closes: number;
  readonly #meaning: (text: string) => Value | undefined;
  readonly #entries: (Entry<Value> | undefined)[] = new Array(SLOTS).fill(undefined);
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
      hash = (Math.imul(hash, 31) + word) | 0;
      end += 4;
    }
    for (; end < limit && byteAt(end) !== this.#close; end++) hash = (Math.imul(hash, 31) + byteAt(end)) | 0;
    if (end >= limit) return NONE;
    const slot = (hash ^ (hash >>> 12) ^ (hash >>> 20)) & (SLOTS - 1);
    const known = this.#entries[slot];
    const entry = known && isAt(known, at, end) ? known : this.#enter(slot, at, end);
    this.value = entry.value;
    return entry.value === undefined ? NONE : end;
  }

  #enter(slot: number, start: number, end: number): Entry<Value> {
    const bytes = bytesOf(start, end);
    const words = Int32Array.from({ length: bytes.length >> 2 }, (_, index) => wordAt(start + 4 * index));
    const isPlain = bytes.every((byte) => byte >= 32 && byte < 127 && byte !== BACKSLASH);
    const value = isPlain ? this.#meaning(String.fromCharCode(...bytes)) : undefined;
    const entry = { bytes, words, value };
    this.#entries[slot] = entry;
    return entry;
  }
}

function isAt({ bytes, words }: Entry<unknown>, start: number, end: number): boolean {
  if (bytes.length !== end - start) return false;
  for (let i = 0; i < words.length; i++) if (words[i] !== wordAt(start + 4 * i)) return false;
  for (let i = words.length * 4; i < bytes.length; i++) if (bytes[i] !== byteAt(start + i)) return false;
  return true;
}
