const FIRST = 1024;
/** A view of fewer values costs more than to copy them one by one. */
const LONG = 32;
const HASHES = 2 ** 53;
const PARTS = 256;

/**
 * A column of numbers that grows by doubling. It lies in shared memory, so that worker threads read it in place and the
 * finished column need not be a copy.
 */
export class Column {
  #values = new Float64Array(new SharedArrayBuffer(FIRST * 8));
  #length = 0;

  get length(): number {
    return this.#length;
  }

  at(index: number): number {
    return this.#values[index] as number;
  }

  /**
   * Makes room for `more` values. Without it a column that doubles takes three times its size while it is copied. It still
   * grows by half at least: a store of many days reserves for each of them.
   */
  reserve(more: number): void {
    const length = this.#length + more;
    if (length > this.#values.length) this.#grow(Math.max(length, Math.ceil(this.#values.length * 1.5)));
  }

  push(value: number): void {
    if (this.#length === this.#values.length) this.#grow(this.#length * 2);
    this.#values[this.#length++] = value;
  }

  /** Adds the values `[from, until)`. */
  append(values: Float64Array, from: number, until: number): void {
    const length = this.#length + until - from;
    if (length > this.#values.length) this.#grow(Math.max(length, this.#values.length * 2));
    if (until - from >= LONG) this.#values.set(values.subarray(from, until), this.#length);
    else for (let index = from; index < until; index++) this.#values[this.#length + index - from] = values[index] as number;
    this.#length = length;
  }

  /** Reorders the values from `from` on: the value at `order[n]` moves to `from + n`. */
  reorder(from: number, order: readonly number[]): void {
    const values = order.map((index) => this.at(index));
    this.#values.set(values, from);
  }

  /** Returns a copy of the values, sorted into equal parts of `[0, range)`, and where each part ends. */
  parted(parts: number, range: number): { readonly values: Float64Array; readonly ends: readonly number[] } {
    const [given, length, scale] = [this.#values, this.#length, parts / range];
    const places = new Float64Array(parts + 1);
    for (let index = 0; index < length; index++) (places[Math.floor((given[index] as number) * scale) + 1] as number) += 1;
    for (let part = 0; part < parts; part++) (places[part + 1] as number) += places[part] as number;
    const values = new Float64Array(length);
    for (let index = 0; index < length; index++) {
      const value = given[index] as number;
      const part = Math.floor(value * scale);
      values[places[part] as number] = value;
      (places[part] as number) += 1;
    }
    return { values, ends: [...places.subarray(0, parts)] };
  }

  /** Returns a copy of the values. */
  copy(): Float64Array {
    return this.#values.slice(0, this.#length);
  }

  /** Returns the values in the given order, by default their own, in shared memory. */
  shared(order?: Uint32Array): Float64Array<SharedArrayBuffer> {
    if (!order) return this.#values.subarray(0, this.#length);
    const values = new Float64Array(new SharedArrayBuffer(order.length * 8));
    for (let index = 0; index < order.length; index++) values[index] = this.at(order[index] as number);
    return values;
  }

  /** Like `shared`, for byte values. */
  sharedBytes(order?: Uint32Array): Uint8Array<SharedArrayBuffer> {
    const length = order?.length ?? this.#length;
    const values = new Uint8Array(new SharedArrayBuffer(length));
    for (let index = 0; index < length; index++) values[index] = this.at(order ? (order[index] as number) : index);
    return values;
  }

  /** Forgets the values. */
  clear(): void {
    this.#values = new Float64Array(new SharedArrayBuffer(FIRST * 8));
    this.#length = 0;
  }

  #grow(length: number): void {
    const larger = new Float64Array(new SharedArrayBuffer(length * 8));
    larger.set(this.#values.subarray(0, this.#length));
    this.#values = larger;
  }
}

/** Returns the indices of a time column by time, rows of one time in their order; undefined when they are in order. */
export function timeOrder(time: Column): Uint32Array | undefined {
  let isInOrder = true;
  for (let index = 1; index < time.length && isInOrder; index++) isInOrder = time.at(index) >= time.at(index - 1);
  if (isInOrder) return undefined;
  const indices = Uint32Array.from({ length: time.length }, (_, index) => index);
  return indices.sort((a, b) => time.at(a) - time.at(b) || a - b);
}

/** Yields the values that occur again in a column, by sorting a copy: a set of all would take more memory than the trades. */
export function* repeatedIn(column: Column): Generator<number> {
  const sorted = column.copy().sort();
  for (let index = 1; index < sorted.length; index++) if (sorted[index] === sorted[index - 1]) yield sorted[index] as number;
}

/**
 * Returns whether a column of hashes below 2^53 has one twice, in a third of the time of sorting them: one table for millions of them
 * would miss the cache with every hash, so they are parted by their first bits.
 */
export function hasRepeated(hashes: Column): boolean {
  const { values, ends } = hashes.parted(PARTS, HASHES);
  const longest = ends.reduce((most, end, part) => Math.max(most, end - (ends[part - 1] ?? 0)), 0);
  const table = new Float64Array(Math.ceil(longest * 1.5) + 1);
  return ends.some((end, part) => isRepeatedIn(values.subarray(ends[part - 1] ?? 0, end), part, table.fill(0)));
}

/** Looks for a hash that is there twice in one part; `table` has zeros and more places than the part has hashes. */
function isRepeatedIn(hashes: Float64Array, part: number, table: Float64Array): boolean {
  for (let index = 0; index < hashes.length; index++) {
    const hash = hashes[index] as number;
    // Below the number of places: the share is a multiple of 2^-45, so that no rounding reaches 1.
    let place = Math.floor((hash * (PARTS / HASHES) - part) * table.length);
    // One more than the hash: 0 is an empty place.
    for (let found = table[place]; found !== 0; found = table[place]) {
      if (found === hash + 1) return true;
      place = place + 1 === table.length ? 0 : place + 1;
    }
    table[place] = hash + 1;
  }
  return false;
}
