/** One trade as the market knows it; `index` counts the symbol's trades from 0. Price and size in units, time in ms. */
export type Fill = {
  readonly index: number;
  readonly time: number;
  readonly price: number;
  readonly size: number;
  readonly isBuy: boolean;
};

/** Every trade of a symbol, oldest first, in columns: 25 bytes each, so that a soak of millions keeps the whole truth. */
export class TradeLog {
  #times = new Float64Array(16);
  #prices = new Float64Array(16);
  #sizes = new Float64Array(16);
  #sides = new Uint8Array(16);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  append(time: number, price: number, size: number, isBuy: boolean): Fill {
    const index = this.#length;
    if (index === this.#times.length) this.#grow();
    this.#times[index] = time;
    this.#prices[index] = price;
    this.#sizes[index] = size;
    this.#sides[index] = isBuy ? 1 : 0;
    this.#length += 1;
    return { index, time, price, size, isBuy };
  }

  at(index: number): Fill {
    if (!(index >= 0 && index < this.#length)) throw new Error(`expected a trade of ${this.#length}, was ${index}`);
    return {
      index,
      time: this.#times[index] as number,
      price: this.#prices[index] as number,
      size: this.#sizes[index] as number,
      isBuy: this.#sides[index] === 1,
    };
  }

  /** Returns the trades from index `from` (0 and up) until index `until`, exclusive, oldest first. */
  slice(from = 0, until = this.#length): Fill[] {
    const first = Math.max(0, from);
    return Array.from({ length: Math.max(0, Math.min(until, this.#length) - first) }, (_, i) => this.at(first + i));
  }

  /** Returns the index of the first trade at or after a time. */
  indexAt(time: number): number {
    let low = 0;
    let high = this.#length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#times[middle] as number) < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #grow(): void {
    const grown = <Column extends Float64Array | Uint8Array>(column: Column, wider: Column): Column => {
      wider.set(column);
      return wider;
    };
    const length = this.#length * 2;
    this.#times = grown(this.#times, new Float64Array(length));
    this.#prices = grown(this.#prices, new Float64Array(length));
    this.#sizes = grown(this.#sizes, new Float64Array(length));
    this.#sides = grown(this.#sides, new Uint8Array(length));
  }
}
