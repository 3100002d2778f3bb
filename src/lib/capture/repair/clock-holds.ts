type Hold<Holder> = { readonly since: number; readonly holders: Set<Holder> };

/**
 * The repairs that hold back the clock of a market. A connection that is lost again and again must not stop time: however
 * many repairs take turns, a market's clock is held back for at most `longest` microseconds in one go.
 */
export class ClockHolds<Holder> {
  readonly #longest: number;
  readonly #holds = new Map<string, Hold<Holder>>();

  constructor(longest: number) {
    this.#longest = longest;
  }

  has(market: string): boolean {
    return this.#holds.size > 0 && this.#holds.has(market);
  }

  holds(market: string, holder: Holder): boolean {
    return this.#holds.get(market)?.holders.has(holder) ?? false;
  }

  add(market: string, holder: Holder, at: number): void {
    const hold = this.#holds.get(market) ?? { since: at, holders: new Set() };
    this.#holds.set(market, hold);
    hold.holders.add(holder);
  }

  delete(market: string, holder: Holder): void {
    const hold = this.#holds.get(market);
    hold?.holders.delete(holder);
    if (hold?.holders.size === 0) this.#holds.delete(market);
  }

  /** Ends the holds of markets that have waited long enough at `at` and returns their holders. */
  expired(at: number): Holder[] {
    const holders: Holder[] = [];
    for (const [market, hold] of this.#holds) {
      if (at - hold.since < this.#longest) continue;
      holders.push(...hold.holders);
      this.#holds.delete(market);
    }
    return holders;
  }
}
