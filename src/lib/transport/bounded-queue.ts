import { setTimeout } from 'node:timers/promises';

/**
 * Between two batches the event loop takes all frames that wait, thousands at once. With smaller batches a run that has
 * fallen behind never catches up. This size is about 4 MB of lines, tens of milliseconds of work.
 */
const LARGEST_BATCH = 16_384;

/**
 * A queue between a producer that must not wait and a consumer that may be slow. It holds up to `limit` items and refuses
 * more; the caller decides what happens to those.
 */
export class BoundedQueue<Item> {
  readonly #limit: number;
  #items: Item[] = [];
  /** Items of the current batches that are not yet yielded. */
  #taken = 0;
  #isClosed = false;
  #failure: unknown;
  #wake: (() => void) | undefined;
  #peak = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get length(): number {
    return this.#items.length + this.#taken;
  }

  get limit(): number {
    return this.#limit;
  }

  /** Maximum number of items that ever waited. */
  get peak(): number {
    return this.#peak;
  }

  get isFull(): boolean {
    return this.length >= this.#limit;
  }

  /** Adds an item; `force` exceeds the limit. Returns false when there is no room. */
  push(item: Item, force = false): boolean {
    if (this.isFull && !force) return false;
    this.#items.push(item);
    if (this.length > this.#peak) this.#peak = this.length;
    if (this.#wake) this.#awake();
    return true;
  }

  /** Ends the queue: waiting items are still yielded, then `failure` is thrown, if any. */
  close(failure?: unknown): void {
    this.#isClosed = true;
    this.#failure ??= failure;
    this.#awake();
  }

  /**
   * Yields the waiting items in batches of limited size. Items that arrive one by one, thousands a second, would each be a
   * batch with its full cost. A batch therefore starts at least `pause` ms after the one before.
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
