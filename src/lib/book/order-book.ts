import type { Level } from '../model/schema.js';
import { type BookLevel, BookSide } from './book-side.js';
import { decimal } from './decimal.js';

export type { BookLevel } from './book-side.js';

/** Levels of both sides, best first. */
export type Levels<L = Level> = { readonly bids: readonly L[]; readonly asks: readonly L[] };

/**
 * An order book by price. Levels are text or numbers; a level without a price above zero and an amount of zero or more is
 * refused, so no book ever contains NaN.
 */
export class OrderBook {
  #bids: BookSide;
  #asks: BookSide;

  /** `keepOriginals` keeps the texts of all levels, which checksums need; it costs about a quarter of the speed. */
  constructor(options: { readonly keepOriginals?: boolean } = {}) {
    this.#bids = new BookSide('bids', options.keepOriginals ?? false);
    this.#asks = new BookSide('asks', options.keepOriginals ?? false);
  }

  get bestBid(): number | undefined {
    return this.#bids.best;
  }

  get bestAsk(): number | undefined {
    return this.#asks.best;
  }

  /** Whether the best bid reaches the best ask, which no matching engine allows. */
  get isCrossed(): boolean {
    const bid = this.#bids.best;
    const ask = this.#asks.best;
    return bid !== undefined && ask !== undefined && bid >= ask;
  }

  /** Number of levels of both sides. */
  get size(): number {
    return this.#bids.size + this.#asks.size;
  }

  clear(): void {
    this.#bids.clear();
    this.#asks.clear();
  }

  /** Returns a book of its own with the same levels. */
  copy(): OrderBook {
    const other = new OrderBook();
    other.#bids = this.#bids.copy();
    other.#asks = this.#asks.copy();
    return other;
  }

  /** Replaces the whole book. Returns why a level was refused; the book is then empty. */
  replace(bids: readonly BookLevel[], asks: readonly BookLevel[]): string | undefined {
    this.clear();
    // Exchanges list the best level first: in reverse order every level is appended, and no element has to move.
    return this.change(bids.toReversed(), asks.toReversed());
  }

  /** Sets levels, amount 0 removes one. Returns why a level was refused; the book is then empty: half a change is no book. */
  change(bids: readonly BookLevel[], asks: readonly BookLevel[]): string | undefined {
    const refused = setLevels(this.#bids, bids) ?? setLevels(this.#asks, asks);
    if (refused !== undefined) this.clear();
    return refused;
  }

  /**
   * Like `change`, for levels in a flat array of alternating prices and amounts: from the index `from` on, `bids` levels of
   * the bid side, then `asks` levels of the ask side. For a price that appears twice the later amount counts. Originals
   * are not kept.
   */
  changeFlat(numbers: Float64Array, from: number, bids: number, asks: number): string | undefined {
    const middle = from + 2 * bids;
    const refused = setFlat(this.#bids, numbers, from, middle) ?? setFlat(this.#asks, numbers, middle, middle + 2 * asks);
    if (refused !== undefined) this.clear();
    return refused;
  }

  /** Keeps the best `limit` levels of each side. Returns those removed, amount 0, as a delta would. */
  trim(limit: number): Levels {
    return { bids: this.#bids.trim(limit).map(removal), asks: this.#asks.trim(limit).map(removal) };
  }

  /** Returns at most `limit` of the best levels of each side. */
  top(limit = Number.POSITIVE_INFINITY): Levels {
    return { bids: this.#bids.top(limit), asks: this.#asks.top(limit) };
  }

  /** Returns the best `limit` levels of each side as the exchange wrote them; none where originals are not kept. */
  originals(limit: number): Levels<BookLevel> {
    return { bids: this.#bids.originals(limit), asks: this.#asks.originals(limit) };
  }
}

const removal = (price: number): Level => [price, 0];

function setFlat(side: BookSide, numbers: Float64Array, from: number, until: number): string | undefined {
  for (let at = from; at < until; at += 2) {
    const [price, amount] = [numbers[at] as number, numbers[at + 1] as number];
    if (!isLevel(price, amount)) return refusal(price, amount);
    side.set(price, amount, NO_ORIGINAL);
  }
  return undefined;
}

const NO_ORIGINAL: Level = [0, 0];

function isLevel(price: number, amount: number): boolean {
  return price > 0 && price < Number.POSITIVE_INFINITY && amount >= 0 && amount < Number.POSITIVE_INFINITY;
}

function refusal(price: string | number, amount: string | number): string {
  return `expected a price above 0 and an amount of 0 or more, was [${price}, ${amount}]`;
}

function setLevels(side: BookSide, levels: readonly BookLevel[]): string | undefined {
  for (const level of levels) {
    const price = toNumber(level[0]);
    const amount = toNumber(level[1]);
    if (!isLevel(price, amount)) return refusal(level[0], level[1]);
    side.set(price, amount, level);
  }
  return undefined;
}

function toNumber(value: string | number): number {
  return typeof value === 'number' ? value : decimal(value);
}

/** Returns levels as numbers. They must have been accepted by a book. */
export function numericLevels(levels: readonly BookLevel[]): Level[] {
  return levels.map((level) => (isNumeric(level) ? level : [toNumber(level[0]), toNumber(level[1])]));
}

function isNumeric(level: BookLevel): level is Level {
  return typeof level[0] === 'number' && typeof level[1] === 'number';
}
