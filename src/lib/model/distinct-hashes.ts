const BUCKETS = 256;
const FIRST = 64;
/** Room of a bucket beside its share: a backtest has buckets for each of hundreds of symbols. */
const SPARE = 8;

/**
 * Finds out whether each of many 64-bit hashes occurs once.
 *
 * One hash table for millions of rows misses the cache with every row. The hashes are first spread over buckets by their
 * lowest byte; each bucket then has a table that fits into the cache. Takes 8 bytes a hash.
 */
export class DistinctHashes {
  readonly #buckets: Uint32Array[];
  readonly #lengths = new Uint32Array(BUCKETS);

  /** `expected` hashes take no growing. */
  constructor(expected: number) {
    // Hashes are spread evenly: 1/20 more than the mean holds every bucket of large inputs.
    const each = Math.ceil((expected / BUCKETS) * 1.05) + SPARE;
    this.#buckets = Array.from({ length: BUCKETS }, () => new Uint32Array(each * 2));
  }

  /** Adds the hashes `[from, until)` of a column, given as `halvesOf` it. */
  add(halves: Uint32Array, from: number, until: number): void {
    for (let at = 2 * from; at < 2 * until; at += 2) {
      const low = halves[at] as number;
      const index = low & (BUCKETS - 1);
      const length = this.#lengths[index] as number;
      let bucket = this.#buckets[index] as Uint32Array;
      if (length === bucket.length) bucket = this.#grow(index);
      bucket[length] = low;
      bucket[length + 1] = halves[at + 1] as number;
      this.#lengths[index] = length + 2;
    }
  }

  /** Returns whether no hash was added twice. Of two different ones, at most one in 2^48 pairs is taken for a repeated one. */
  areDistinct(): boolean {
    const most = this.#lengths.reduce((a, b) => Math.max(a, b), 0) / 2;
    let size = FIRST;
    while (size < most * 2) size *= 2;
    const table = new Uint32Array(size);
    for (const [index, bucket] of this.#buckets.entries()) {
      if (!areDistinctIn(bucket.subarray(0, this.#lengths[index]), table)) return false;
      table.fill(0);
    }
    return true;
  }

  #grow(index: number): Uint32Array {
    const bucket = this.#buckets[index] as Uint32Array;
    const larger = new Uint32Array(bucket.length * 2);
    larger.set(bucket);
    this.#buckets[index] = larger;
    return larger;
  }
}

/** Returns hashes as two numbers each, the lower half first. */
export function halvesOf(hashes: BigUint64Array): Uint32Array {
  return new Uint32Array(hashes.buffer, hashes.byteOffset, hashes.length * 2);
}

/** `table` is empty; its length is a power of two, at least twice the number of hashes. */
function areDistinctIn(bucket: Uint32Array, table: Uint32Array): boolean {
  const mask = table.length - 1;
  for (let at = 0; at < bucket.length; at += 2) {
    // 0 stands for a free place.
    const rest = bucket[at + 1] || 1;
    let place = ((bucket[at] as number) >>> 8) & mask;
    while (table[place] !== 0) {
      if (table[place] === rest) return false;
      place = (place + 1) & mask;
    }
    table[place] = rest;
  }
  return true;
}
