const GENERATION = 1_000;

/** The last 1,000 to 2,000 trade ids of a symbol: more than two connections or a repair repeat. */
export class RecentTrades {
  #current = new Set<string>();
  #previous = new Set<string>();

  /** Returns whether `id` is new. */
  add(id: string): boolean {
    if (this.#current.has(id) || this.#previous.has(id)) return false;
    if (this.#current.size === GENERATION) {
      this.#previous = this.#current;
      this.#current = new Set();
    }
    this.#current.add(id);
    return true;
  }
}
