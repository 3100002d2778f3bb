const FIRST = 4096;

/** A column of numbers that grows by doubling. */
export class Column {
  #values = new Float64Array(FIRST);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  at(index: number): number {
    return this.#values[index] as number;
  }

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const larger = new Float64Array(this.#length * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#length++] = value;
  }

  /** Returns a copy of the values. */
  copy(): Float64Array {
    return this.#values.slice(0, this.#length);
  }

  /** Returns the values in the given order, in shared memory that worker threads read in place. */
  shared(order: Uint32Array): Float64Array<SharedArrayBuffer> {
    const values = new Float64Array(new SharedArrayBuffer(order.length * 8));
    for (let index = 0; index < order.length; index++) values[index] = this.at(order[index] as number);
    return values;
  }

  /** Like `shared`, for byte values. */
  sharedBytes(order: Uint32Array): Uint8Array<SharedArrayBuffer> {
    const values = new Uint8Array(new SharedArrayBuffer(order.length));
    for (let index = 0; index < order.length; index++) values[index] = this.at(order[index] as number);
    return values;
  }
}
