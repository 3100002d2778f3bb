const FIRST = 1024;
/** A view of fewer values costs more than to copy them one by one. */
const LONG = 32;

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
