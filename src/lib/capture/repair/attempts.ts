import { SECOND } from '../../model/time.js';

/** Before the first attempt: where the connection itself tells the past, it does so at once. */
const FIRST = 0.25 * SECOND;
const AGAIN = 0.5 * SECOND;
/** Together some 30 s: what answers lag behind by more is not waited for. */
const MOST = 7;

/** When a hole is asked for again; times are microseconds. */
export class Attempts {
  readonly #begun: number;
  #count = 0;
  #next: number;

  /** The feed returned `at`. */
  constructor(at: number) {
    this.#begun = at;
    this.#next = at + FIRST;
  }

  isDue(at: number): boolean {
    return at >= this.#next;
  }

  /** Something was learned that makes an answer worth while. */
  hurry(at: number): void {
    this.#next = Math.min(this.#next, Math.max(at, this.#begun + FIRST));
  }

  /** An attempt ended `at` and proved nothing; before `least` another one would not either. Returns false when it was the last. */
  failed(at: number, least: number): boolean {
    this.#next = Math.max(at + AGAIN * 2 ** this.#count, least);
    this.#count += 1;
    return this.#count < MOST;
  }
}
