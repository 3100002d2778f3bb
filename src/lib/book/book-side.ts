import type { TextLevel } from '../model/book-message.js';
import type { Level } from '../model/schema.js';

/** A level as text, as exchanges send it, or as numbers. */
export type BookLevel = TextLevel | Level;

const INITIAL_LEVELS = 64;

/**
 * One side of a book in two sorted arrays of numbers, best level last: most changes happen near the best level, where few
 * elements have to move. Measured on exact 50-level windows this is 3 times as fast as a red-black tree of objects.
 */
export class BookSide {
  /** 1 for bids, −1 for asks: `price × direction` ascends towards the best on both sides. */
  readonly #direction: 1 | -1;
  /** The levels as the exchange wrote them, at the same indices as the arrays; undefined where they are not kept. */
  #originals: BookLevel[] | undefined;
  #keys = new Float64Array(INITIAL_LEVELS);
  #amounts = new Float64Array(INITIAL_LEVELS);
  #size = 0;

  constructor(side: 'bids' | 'asks', keepOriginals: boolean) {
    this.#direction = side === 'bids' ? 1 : -1;
    this.#originals = keepOriginals ? [] : undefined;
  }

  get size(): number {
    return this.#size;
  }

  /** The best price, undefined where the side is empty. */
  get best(): number | undefined {
    return this.#size === 0 ? undefined : (this.#keys[this.#size - 1] as number) * this.#direction;
  }

  clear(): void {
    this.#size = 0;
    if (this.#originals) this.#originals.length = 0;
  }

  copy(): BookSide {
    const other = new BookSide(this.#direction === 1 ? 'bids' : 'asks', false);
    other.#originals = this.#originals && [...this.#originals];
    other.#keys = this.#keys.slice();
    other.#amounts = this.#amounts.slice();
    other.#size = this.#size;
    return other;
  }

  /** Sets the amount at a price; 0 removes the level, if any. Both must have been checked. */
  set(price: number, amount: number, original: BookLevel): void {
    const key = price * this.#direction;
    const index = this.#find(key);
    const exists = index < this.#size && this.#keys[index] === key;
    if (amount === 0) {
      if (exists) this.#remove(index);
      return;
    }
    if (!exists) this.#open(index, key);
    this.#amounts[index] = amount;
    if (this.#originals) this.#originals[index] = original;
  }

  /** Returns the best `limit` levels, best first. */
  top(limit: number): Level[] {
    const levels: Level[] = [];
    const last = Math.max(0, this.#size - limit);
    for (let i = this.#size - 1; i >= last; i--) {
      levels.push([(this.#keys[i] as number) * this.#direction, this.#amounts[i] as number]);
    }
    return levels;
  }

  /** Returns the best `limit` levels as the exchange wrote them, best first; none where they are not kept. */
  originals(limit: number): BookLevel[] {
    return this.#originals?.slice(Math.max(0, this.#size - limit)).reverse() ?? [];
  }

  /** Removes the worst levels beyond `limit` and returns their prices. */
  trim(limit: number): number[] {
    const excess = this.#size - limit;
    if (excess <= 0) return [];
    const removed = Array.from(this.#keys.subarray(0, excess), (key) => key * this.#direction);
    this.#keys.copyWithin(0, excess, this.#size);
    this.#amounts.copyWithin(0, excess, this.#size);
    this.#originals?.splice(0, excess);
    this.#size = limit;
    return removed;
  }

  /** Returns the index of the first key that is not below `key`. */
  #find(key: number): number {
    const keys = this.#keys;
    let low = 0;
    let high = this.#size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((keys[middle] as number) < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #open(index: number, key: number): void {
    const size = this.#size++;
    if (size === this.#keys.length) this.#grow();
    this.#keys.copyWithin(index + 1, index, size);
    this.#amounts.copyWithin(index + 1, index, size);
    this.#keys[index] = key;
    if (this.#originals && index < size) this.#originals.splice(index, 0, this.#originals[index] as BookLevel);
  }

  #remove(index: number): void {
    const size = this.#size--;
    this.#keys.copyWithin(index, index + 1, size);
    this.#amounts.copyWithin(index, index + 1, size);
    this.#originals?.splice(index, 1);
  }

  #grow(): void {
    this.#keys = doubled(this.#keys);
    this.#amounts = doubled(this.#amounts);
  }
}

function doubled(values: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(values.length * 2);
  larger.set(values);
  return larger;
}
