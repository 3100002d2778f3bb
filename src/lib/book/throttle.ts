/**
 * Lets each item through at most once per interval and holds back the last change, so that it is never lost. Times are
 * whatever the caller counts in, and must not go back. What comes out, and for which moment, does not depend on how often
 * `due` is called.
 */
export class Throttle<Item> {
  readonly #interval: number;
  /** When each item may come next. Every time is set to now + interval, so the order of insertion is the order of time. */
  readonly #next = new Map<Item, number>();
  readonly #withheld = new Set<Item>();

  constructor(interval: number) {
    this.#interval = interval;
  }

  /** Tells of a change of `item`. Returns true when it may come now, false when it is withheld. `due(at)` comes before. */
  offer(item: Item, at: number): boolean {
    if (this.#next.has(item)) {
      this.#withheld.add(item);
      return false;
    }
    this.#next.set(item, at + this.#interval);
    return true;
  }

  /** Whether the time of any item has come by `at`. */
  isDue(at: number): boolean {
    for (const moment of this.#next.values()) return moment <= at;
    return false;
  }

  /** Yields what was withheld and may come by `at`, with the moment at which it may, in the order of those moments. */
  *due(at: number): Generator<[item: Item, moment: number]> {
    for (const [item, moment] of this.#next) {
      if (moment > at) return;
      this.#next.delete(item);
      if (!this.#withheld.delete(item)) continue;
      this.#next.set(item, moment + this.#interval);
      yield [item, moment];
    }
  }

  /** Forgets a withheld change of `item`, which is not to come. */
  drop(item: Item): void {
    this.#withheld.delete(item);
  }

  /** Lets a withheld change of `item` come before its time. Returns whether there was one. */
  release(item: Item, at: number): boolean {
    if (!this.#withheld.delete(item)) return false;
    this.#next.delete(item);
    this.#next.set(item, at + this.#interval);
    return true;
  }

  /** Lets all withheld changes come before their time. Returns their items in the order in which they would have come. */
  drain(at: number): Item[] {
    return [...this.#next.keys()].filter((item) => this.release(item, at));
  }
}
