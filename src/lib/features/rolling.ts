/**
 * Windows over the last `window` values, O(1) a value, without ever subtracting one that leaves: no trace of a spike
 * remains. Seconds are cut into blocks of `window` at fixed UTC multiples; a window is the end of one block, summed
 * backwards once when the block was full, and the beginning of the next, summed as it comes (van Herk 1992). A result
 * therefore depends on the values in the window and the time alone, to the last digit, wherever the data began.
 *
 * A window is full when so many values came one after another; a missing one empties it.
 */
class Blocks {
  readonly window: number;
  protected readonly values: Float64Array;
  protected slot = 0;
  protected run = 0;

  constructor(window: number) {
    this.window = window;
    this.values = new Float64Array(window);
  }

  get isFull(): boolean {
    return this.run >= this.window;
  }

  /** Begins anew: the value pushed next is that of `second` (whole seconds since the epoch). */
  restart(second: number): void {
    this.slot = second % this.window;
    this.run = 0;
  }
}

/** The sum of the last `window` values. */
export class RollingSum extends Blocks {
  readonly #tails: Float64Array;
  #head = 0;

  constructor(window: number) {
    super(window);
    this.#tails = new Float64Array(window + 1);
  }

  push(value: number | undefined): void {
    if (this.slot === this.window) this.#turn();
    this.run = value === undefined ? 0 : this.run + 1;
    const known = value ?? 0;
    this.values[this.slot] = known;
    this.#head = this.slot === 0 ? known : this.#head + known;
    this.slot += 1;
  }

  /** Returns the sum; of any use only while the window is full. */
  get sum(): number {
    return (this.#tails[this.slot] as number) + this.#head;
  }

  override restart(second: number): void {
    super.restart(second);
    this.#head = 0;
    this.#tails.fill(0);
    this.values.fill(0);
  }

  #turn(): void {
    let sum = 0;
    for (let index = this.window - 1; index >= 0; index--) {
      sum += this.values[index] as number;
      this.#tails[index] = sum;
    }
    this.slot = 0;
    this.#head = 0;
  }
}

/** Mean and sample variance of the last `window` values: Welford 1962 in both directions, put together after Chan 1979. */
export class RollingMoments extends Blocks {
  readonly #tailMeans: Float64Array;
  readonly #tailSquares: Float64Array;
  /** By the number of values in the head: 1 / n, its share of the window, and the weight of the distance of both means. */
  readonly #reciprocals: Float64Array;
  readonly #shares: Float64Array;
  readonly #weights: Float64Array;
  readonly #freedom: number;
  #mean = 0;
  #squares = 0;

  constructor(window: number) {
    super(window);
    this.#tailMeans = new Float64Array(window + 1);
    this.#tailSquares = new Float64Array(window + 1);
    this.#reciprocals = Float64Array.from({ length: window + 1 }, (_, count) => (count === 0 ? 0 : 1 / count));
    this.#shares = Float64Array.from({ length: window + 1 }, (_, count) => count / window);
    this.#weights = Float64Array.from({ length: window + 1 }, (_, count) => (count * (window - count)) / window);
    this.#freedom = window - 1;
  }

  /**
   * Takes the next value, NaN where it is missing. Returns its distance from the window's mean in sample standard
   * deviations (n − 1): NaN while the window is not full or where all its values are the same.
   */
  push(value: number): number {
    if (this.slot === this.window) this.#turn();
    const isMissing = Number.isNaN(value);
    const known = isMissing ? 0 : value;
    this.run = isMissing ? 0 : this.run + 1;
    this.values[this.slot] = known;
    const count = this.slot + 1;
    this.slot = count;
    const distance = known - this.#mean;
    const mean = this.#mean + distance * (this.#reciprocals[count] as number);
    const squares = this.#squares + distance * (known - mean);
    this.#mean = mean;
    this.#squares = squares;
    if (this.run < this.window) return Number.NaN;
    const tail = this.#tailMeans[count] as number;
    const apart = mean - tail;
    const all = squares + (this.#tailSquares[count] as number) + apart * apart * (this.#weights[count] as number);
    // Of a constant no number of deviations is a distance.
    return all > 0 ? (known - tail - apart * (this.#shares[count] as number)) / Math.sqrt(all / this.#freedom) : Number.NaN;
  }

  override restart(second: number): void {
    super.restart(second);
    // Values before the first one are zeros; the window that is full no longer reaches them.
    this.#mean = 0;
    this.#squares = 0;
    this.values.fill(0);
    this.#tailMeans.fill(0);
    this.#tailSquares.fill(0);
  }

  #turn(): void {
    const { window, values } = this;
    const [means, sums, reciprocals] = [this.#tailMeans, this.#tailSquares, this.#reciprocals];
    let mean = 0;
    let squares = 0;
    for (let index = window - 1; index > 0; index--) {
      const value = values[index] as number;
      const distance = value - mean;
      mean += distance * (reciprocals[window - index] as number);
      squares += distance * (value - mean);
      means[index] = mean;
      sums[index] = squares;
    }
    this.slot = 0;
    this.#mean = 0;
    this.#squares = 0;
  }
}

/** The value `lag` seconds ago. */
export class Lag {
  readonly #values: Float64Array;
  #slot = 0;

  constructor(lag: number) {
    this.#values = new Float64Array(lag).fill(Number.NaN);
  }

  /** Takes the next value and returns the one `lag` before it: undefined where there was none. */
  push(value: number | undefined): number | undefined {
    const old = this.#values[this.#slot] as number;
    this.#values[this.#slot] = value ?? Number.NaN;
    this.#slot = (this.#slot + 1) % this.#values.length;
    return Number.isNaN(old) ? undefined : old;
  }

  restart(): void {
    this.#values.fill(Number.NaN);
  }
}
