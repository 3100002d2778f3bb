import { setTimeout } from 'node:timers/promises';

/**
 * Some 4 MB of lines, tens of milliseconds of work. With smaller ones a run that has fallen behind stays so: between two
 * batches the event loop takes all frames that wait, thousands at once.
 */
const LARGEST_BATCH = 16_384;

/**
 * A queue of batches between one that must not wait and one that may be slow. It holds at most `limit` items and refuses
 * what does not fit: what becomes of that is for the caller to say, nothing is dropped here.
 */
export class BoundedQueue<Item> {
  readonly #limit: number;
  #items: Item[] = [];
  /** Items taken from the queue and not yet given. */
  #taken = 0;
  #isClosed = false;
  #failure: unknown;
  #wake: (() => void) | undefined;
  #most = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get length(): number {
    return this.#items.length + this.#taken;
  }

  get limit(): number {
    return this.#limit;
  }

  /** The most items that ever waited. */
  get most(): number {
    return this.#most;
  }

  get isFull(): boolean {
    return this.length >= this.#limit;
  }

  /** Adds an item; `force` is for the few that may exceed the limit. Returns false when there is no room. */
  push(item: Item, force = false): boolean {
    if (this.isFull && !force) return false;
    this.#items.push(item);
    if (this.length > this.#most) this.#most = this.length;
    if (this.#wake) this.#awake();
    return true;
  }

  /** Nothing more will come; what waits is still given, then `failure` is thrown where there is one. */
  close(failure?: unknown): void {
    this.#isClosed = true;
    this.#failure ??= failure;
    this.#awake();
  }

  /**
   * Yields what waits, in batches that are not too large to work on at once. A batch begins at least `pause` ms after the
   * one before: where items come one by one, thousands a second, each would otherwise be a batch with all that costs.
   */
  async *batches(pause = 0): AsyncGenerator<readonly Item[]> {
    let next = 0;
    for (;;) {
      if (this.#items.length === 0) {
        if (this.#isClosed) break;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      const early = next - performance.now();
      if (early > 0 && !this.#isClosed) await setTimeout(early);
      next = performance.now() + pause;
      const items = this.#items;
      this.#items = [];
      for (let start = 0; start < items.length; start += LARGEST_BATCH) {
        this.#taken = items.length - start;
        yield items.length <= LARGEST_BATCH ? items : items.slice(start, start + LARGEST_BATCH);
      }
      this.#taken = 0;
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  #awake(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
