import { createRequire } from 'node:module';
import type { DuckDBDataChunk } from '@duckdb/node-api';

/** The functions of DuckDB's C interface that write into vectors; `@duckdb/node-api` is built on them. */
type Binding = {
  data_chunk_get_vector(chunk: unknown, column: number): Handle;
  vector_get_data(vector: Handle, bytes: number): Uint8Array;
  vector_ensure_validity_writable(vector: Handle): void;
  vector_assign_string_element(vector: Handle, row: number, text: string): void;
  vector_assign_string_element_len(vector: Handle, row: number, bytes: Uint8Array): void;
  list_vector_reserve(vector: Handle, items: number): void;
  list_vector_set_size(vector: Handle, items: number): void;
  list_vector_get_child(vector: Handle): Handle;
  copy_data_to_vector(vector: Handle, at: number, source: ArrayBufferLike, from: number, bytes: number): void;
  copy_data_to_vector_validity(vector: Handle, at: number, source: ArrayBufferLike, from: number, bytes: number): void;
};
type Handle = { readonly __vector: true };

let loaded: Binding | undefined;

function binding(): Binding {
  loaded ??= load();
  return loaded;
}

function load(): Binding {
  return createRequire(import.meta.url)('@duckdb/node-bindings') as Binding;
}

/** Bytes of a text in a vector: its length, then up to 12 bytes of it, or the first four and the address of all of them. */
const TEXT_SIZE = 16;
const INLINE = 12;
const PREFIX = 4;
const WORD = 2 ** 32;

const utf8 = new TextEncoder();

/** One vector of a chunk that is to be appended. Each method writes all rows at once: one call per value is the cost. */
export class VectorTarget {
  readonly #vector: Handle;

  constructor(chunk: DuckDBDataChunk, column: number) {
    this.#vector = binding().data_chunk_get_vector((chunk as unknown as { readonly chunk: unknown }).chunk, column);
  }

  /** Writes values of a fixed size: the first `bytes` of a typed array. */
  setValues(values: ArrayBufferView, bytes: number): void {
    copyInto(this.#vector, values, bytes);
  }

  /** Writes which rows have a value: a bit for each. */
  setPresence(bits: Uint32Array, rows: number): void {
    const { copy_data_to_vector_validity, vector_ensure_validity_writable } = binding();
    vector_ensure_validity_writable(this.#vector);
    copy_data_to_vector_validity(this.#vector, 0, bits.buffer, bits.byteOffset, 8 * Math.ceil(rows / 64));
  }

  /** Writes pairs of numbers into the lists within the lists of this vector. The outer lists are values. */
  setPairs(numbers: Float64Array, pairs: number): void {
    const inner = resized(this.#vector, pairs);
    const leaves = resized(inner, 2 * pairs);
    const places = new Uint32Array(4 * pairs);
    for (let pair = 0; pair < pairs; pair++) {
      places[4 * pair] = 2 * pair;
      places[4 * pair + 2] = 2;
    }
    copyInto(inner, places, places.byteLength);
    copyInto(leaves, numbers, 2 * pairs * numbers.BYTES_PER_ELEMENT);
  }

  /** Writes texts; `null` is a missing one. */
  setTexts(texts: readonly (string | null)[]): void {
    if (!this.#setJoined(texts)) {
      const { vector_assign_string_element } = binding();
      for (const [row, text] of texts.entries()) if (text !== null) vector_assign_string_element(this.#vector, row, text);
    }
    if (!texts.includes(null)) return;
    const bits = new Uint32Array(2 * Math.ceil(texts.length / 64)).fill(WORD - 1);
    for (const [row, text] of texts.entries())
      if (text === null) bits[row >> 5] = (bits[row >> 5] as number) & ~(1 << (row & 31));
    this.setPresence(bits, texts.length);
  }

  /**
   * Writes ASCII texts, whose bytes are as many as their characters: the vector gets all of them as one text, and each row a
   * part of it. Returns false for others, and writes nothing then.
   */
  #setJoined(texts: readonly (string | null)[]): boolean {
    const joined = texts.join('');
    const { length } = joined;
    // A short text lies in the vector itself, and its parts would be overwritten.
    if (length <= INLINE) return false;
    const bytes = new Uint8Array(length);
    if (utf8.encodeInto(joined, bytes).read < length) return false;
    const { vector_assign_string_element_len, vector_get_data } = binding();
    vector_assign_string_element_len(this.#vector, 0, bytes);
    const first = vector_get_data(this.#vector, TEXT_SIZE);
    const address = new DataView(first.buffer, first.byteOffset + 8, 8);
    const parts = partsOf(texts, bytes, address.getUint32(0, true), address.getUint32(4, true));
    copyInto(this.#vector, parts, parts.byteLength);
    return true;
  }
}

/** Returns the entries of texts in a vector. They lie one behind the other in `bytes`, which is at an address in two halves. */
function partsOf(texts: readonly (string | null)[], bytes: Uint8Array, lower: number, upper: number): Uint32Array {
  const parts = new Uint32Array((TEXT_SIZE / 4) * texts.length);
  const content = new Uint8Array(parts.buffer);
  let at = 0;
  for (let row = 0; row < texts.length; row++) {
    const size = texts[row]?.length ?? 0;
    const entry = 4 * row;
    parts[entry] = size;
    const start = TEXT_SIZE * row + 4;
    const shown = size <= INLINE ? size : PREFIX;
    for (let index = 0; index < shown; index++) content[start + index] = bytes[at + index] as number;
    if (size > INLINE) {
      const place = lower + at;
      parts[entry + 2] = place % WORD;
      parts[entry + 3] = upper + (place >= WORD ? 1 : 0);
    }
    at += size;
  }
  return parts;
}

/** Makes room for the items of a list vector and returns the vector of the items. */
function resized(list: Handle, items: number): Handle {
  const { list_vector_get_child, list_vector_reserve, list_vector_set_size } = binding();
  list_vector_reserve(list, items);
  list_vector_set_size(list, items);
  return list_vector_get_child(list);
}

function copyInto(vector: Handle, values: ArrayBufferView, bytes: number): void {
  binding().copy_data_to_vector(vector, 0, values.buffer, values.byteOffset, bytes);
}
