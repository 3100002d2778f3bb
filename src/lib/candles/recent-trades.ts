import type { Trade } from '../model/records.js';

const GENERATION = 1_000;

/** The last 1,000 to 2,000 trades of a symbol by id: a second connection or a repair can deliver them again. */
export class RecentTrades {
  #current = new Map<string, Trade>();
  #previous = new Map<string, Trade>();

  /** Returns the earlier trade with this id, undefined when the trade is new. */
  add(trade: Trade): Trade | undefined {
    const known = this.#current.get(trade.id) ?? this.#previous.get(trade.id);
    if (known) return known;
    if (this.#current.size === GENERATION) {
      this.#previous = this.#current;
      this.#current = new Map();
    }
    this.#current.set(trade.id, trade);
    return undefined;
  }
}
