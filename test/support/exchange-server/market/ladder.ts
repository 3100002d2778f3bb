/** Price and size, in units. */
export type Level = readonly [price: number, size: number];
type Side = 'bids' | 'asks';

/** Levels kept per side: more than any top-N channel but `books`, `orderbook.200` and deeper, which then show all. */
const MOST_LEVELS = 70;
const FEWEST_LEVELS = 55;

/** The orders of one symbol: best first, never crossed. */
export class Ladder {
  bids: Level[] = [];
  asks: Level[] = [];
  readonly #tick: number;
  readonly #lot: number;
  readonly #random: () => number;

  constructor(tick: number, lot: number, random: () => number) {
    this.#tick = tick;
    this.#lot = lot;
    this.#random = random;
  }

  /** Moves the book around a price: levels on the wrong side go, both sides are filled up, a few sizes change. */
  requote(price: number): void {
    const centre = Math.max(this.#tick * (MOST_LEVELS + 2), Math.round(price / this.#tick) * this.#tick);
    this.bids = this.bids.filter(([bid]) => bid < centre);
    this.asks = this.asks.filter(([ask]) => ask > centre);
    this.#fill('bids', centre);
    this.#fill('asks', centre);
    this.#resize(this.bids);
    this.#resize(this.asks);
  }

  /** A market order of `size` eats the best levels; returns what it traded, level by level, less where the side ran dry. */
  take(isBuy: boolean, size: number): Level[] {
    const side = isBuy ? this.asks : this.bids;
    const traded: Level[] = [];
    let open = size;
    while (open > 0 && side.length > 1) {
      const [price, resting] = side[0] as Level;
      const amount = Math.min(open, resting);
      traded.push([price, amount]);
      if (amount === resting) side.shift();
      else side[0] = [price, resting - amount];
      open -= amount;
    }
    return traded;
  }

  /** Sets one level; 0 removes it. */
  set(name: Side, price: number, size: number): void {
    const side = this[name].filter(([other]) => other !== price);
    if (size > 0) side.push([price, size]);
    this[name] = side.sort(([a], [b]) => (name === 'bids' ? b - a : a - b));
  }

  #fill(name: Side, centre: number): void {
    const side = this[name];
    const step = name === 'bids' ? -this.#tick : this.#tick;
    const best = side[0]?.[0];
    if (best === undefined || Math.abs(best - centre) > 3 * this.#tick) side.unshift([centre + step, this.#size()]);
    while (side.length < FEWEST_LEVELS) {
      const price = (side.at(-1) as Level)[0] + step * (this.#random() < 0.8 ? 1 : 2);
      if (price <= 0) break;
      side.push([price, this.#size()]);
    }
    side.length = Math.min(side.length, MOST_LEVELS);
  }

  #resize(side: Level[]): void {
    for (let changes = 0; changes < 2; changes++) {
      const at = Math.floor(this.#random() ** 2 * side.length);
      const price = (side[at] as Level)[0];
      if (at > 0 && this.#random() < 0.15) side.splice(at, 1);
      else side[at] = [price, this.#size()];
    }
  }

  #size(): number {
    return this.#lot * (1 + Math.floor(this.#random() ** 3 * 5_000));
  }
}
