/**
 * Windows over the last `window` values, O(1) per value. Subtracting the value that leaves would keep the rounding error of
 * every past spike, so nothing is ever subtracted. Time is cut into blocks of `window` seconds at fixed UTC multiples. A
 * window is the end of one block, summed backwards once when the block is full, and the start of the next, summed value
 * by value (van Herk 1992). A result depends only on the values in the window and the time, to the last digit, wherever
 * the data begins.
 *
 * A window is full after `window` consecutive values; a missing value empties it.
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

  /** Starts again: the next value is that of `second` (whole seconds since the epoch). */
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

  /** Returns the sum; valid only while the window is full. */
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

/**
 * Mean and sample variance of the last `window` values, from sums of their distances and squared distances to the first
 * value of the block. Every full window contains that value, so that the squared distance of its mean from it is less than
 * the sum of squares S about the mean: n × (a − mean)² ≤ (n − 1) × S. What cancels in S = Σ(x − a)² − (Σ(x − a))² / n is
 * therefore never more than n times what remains, however far the values are from zero or one of them from the others.
 */
export class RollingMoments extends Blocks {
  readonly #tailSums: Float64Array;
  readonly #tailSquares: Float64Array;
  readonly #share: number;
  readonly #rootOfFreedom: number;
  #anchor = 0;
  #sum = 0;
  #squares = 0;

  constructor(window: number) {
    super(window);
    this.#tailSums = new Float64Array(window);
    this.#tailSquares = new Float64Array(window);
    this.#share = 1 / window;
    this.#rootOfFreedom = Math.sqrt(window - 1);
  }

  /**
   * Takes the next value, NaN where it is missing. Returns its distance from the window's mean in sample standard
   * deviations (n − 1): NaN while the window is not full or where all its values are the same.
   */
  push(value: number): number {
    const isMissing = Number.isNaN(value);
    const known = isMissing ? 0 : value;
    if (this.slot === this.window) this.#turn(known);
    const { slot } = this;
    this.slot = slot + 1;
    this.run = isMissing ? 0 : this.run + 1;
    this.values[slot] = known;
    const away = known - this.#anchor;
    this.#sum += away;
    this.#squares += away * away;
    if (this.run < this.window) return Number.NaN;
    const sum = this.#sum + (this.#tailSums[slot] as number);
    const mean = sum * this.#share;
    const squares = this.#squares + (this.#tailSquares[slot] as number) - sum * mean;
    // Of a constant no number of deviations is a distance.
    return squares > 0 ? ((away - mean) * this.#rootOfFreedom) / Math.sqrt(squares) : Number.NaN;
  }

  override restart(second: number): void {
    super.restart(second);
    // The first value of a block turns to it: no full window reaches what was before.
    if (this.slot === 0) this.slot = this.window;
    this.#sum = 0;
    this.#squares = 0;
  }

  /** Begins a block with `anchor`: of the block before, sums up what a window still holds after each of the new values. */
  #turn(anchor: number): void {
    const { window, values } = this;
    const [sums, squares] = [this.#tailSums, this.#tailSquares];
    let sum = 0;
    let square = 0;
    for (let index = window - 1; index >= 0; index--) {
      sums[index] = sum;
      squares[index] = square;
      const away = (values[index] as number) - anchor;
      sum += away;
      square += away * away;
    }
    this.slot = 0;
    this.#anchor = anchor;
    this.#sum = 0;
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
