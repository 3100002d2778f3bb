import { compareLongs } from '../../model/numbers.js';
import type { Trade } from '../../model/records.js';

/** Where a trade stands in the exchange's order. */
export type TradePoint = Pick<Trade, 'id' | 'timestamp' | 'sequence'>;

/**
 * The last trades of one symbol by their ids, at least `limit` and at most twice as many, in two generations: what comes
 * again is told apart by them, and what is missing begins after them.
 */
export class KnownTrades {
  readonly #limit: number;
  #current = new Set<string>();
  #previous = new Set<string>();
  /** The first trade of each generation. */
  #beginning: TradePoint | undefined;
  #before: TradePoint | undefined;
  #last: TradePoint | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The latest trade in the exchange's order, undefined before the first. */
  get last(): TradePoint | undefined {
    return this.#last;
  }

  /** The first of the trades that are remembered: nothing from there on is unknown unless it is missing. */
  get first(): TradePoint | undefined {
    return this.#before ?? this.#beginning;
  }

  /** The ids as they are now. */
  get ids(): Set<string> {
    return new Set([...this.#previous, ...this.#current]);
  }

  has(id: string): boolean {
    return this.#current.has(id) || this.#previous.has(id);
  }

  /** Remembers a trade; returns false when it was known. */
  add(trade: TradePoint): boolean {
    if (this.has(trade.id)) return false;
    if (this.#current.size >= this.#limit) {
      this.#previous = this.#current;
      this.#before = this.#beginning;
      this.#current = new Set();
      this.#beginning = undefined;
    }
    this.#current.add(trade.id);
    this.#beginning ??= trade;
    if (this.#last === undefined || !isBefore(trade, this.#last)) this.#last = trade;
    return true;
  }

  /** Forgets a trade that was not passed on after all: it may come again. */
  forget(id: string): void {
    this.#current.delete(id);
    this.#previous.delete(id);
  }
}

/** Whether `a` comes before `b`: by the exchange's own order where it gives one, else by time. */
export function isBefore(a: TradePoint, b: TradePoint): boolean {
  if (a.sequence !== undefined && b.sequence !== undefined) return compareLongs(a.sequence, b.sequence) < 0;
  return a.timestamp < b.timestamp;
}
