/**
 * A throttle that lets each item through at most once per interval. Dropping the changes in between would lose the last
 * state of an item that then stays quiet, so the last change is withheld and becomes due after the interval. Times may have
 * any unit and must not go back. The result does not depend on how often `due` is called.
 */
export class Throttle<Item> {
  readonly #interval: number;
  /** The time from which each item may pass again. All are set to now + interval, so insertion order is time order. */
  readonly #next = new Map<Item, number>();
  readonly #withheld = new Set<Item>();

  constructor(interval: number) {
    this.#interval = interval;
  }

  /** Registers a change of `item`. Returns true when it may pass now, false when it is withheld. Call `due(at)` before. */
  offer(item: Item, at: number): boolean {
    if (this.#next.has(item)) {
      this.#withheld.add(item);
      return false;
    }
    this.#next.set(item, at + this.#interval);
    return true;
  }

  /** Whether any item may pass again at `at`. */
  isDue(at: number): boolean {
    for (const moment of this.#next.values()) return moment <= at;
    return false;
  }

  /** Yields the withheld items that are due at `at`, each with the moment at which it became due, in that order. */
  *due(at: number): Generator<[item: Item, moment: number]> {
    for (const [item, moment] of this.#next) {
      if (moment > at) return;
      this.#next.delete(item);
      if (!this.#withheld.delete(item)) continue;
      this.#next.set(item, moment + this.#interval);
      yield [item, moment];
    }
  }

  /** Drops a withheld change of `item`. */
  drop(item: Item): void {
    this.#withheld.delete(item);
  }

  /** Lets a withheld change of `item` pass early. Returns whether one was withheld. */
  release(item: Item, at: number): boolean {
    if (!this.#withheld.delete(item)) return false;
    this.#next.delete(item);
    this.#next.set(item, at + this.#interval);
    return true;
  }

  /** Lets all withheld changes pass early. Returns their items in the order in which they would have been due. */
  drain(at: number): Item[] {
    return [...this.#next.keys()].filter((item) => this.release(item, at));
  }
}
