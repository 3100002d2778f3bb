/** How far (ms) the steady clock may lag behind the wall clock before it follows it. */
const TOLERANCE = 5;

/**
 * The local time of arrivals in microseconds: the wall clock with the resolution of the steady one, never back. When the
 * machine's clock is put forward it follows; when it is put back it goes on steadily, so that no second comes twice.
 */
export class LocalClock {
  readonly #wall: () => number;
  readonly #steady: () => number;
  #origin: number;
  #last = 0;

  /** Both in milliseconds. */
  constructor(wall: () => number = Date.now, steady: () => number = () => performance.now()) {
    this.#wall = wall;
    this.#steady = steady;
    this.#origin = wall() - steady();
  }

  now(): number {
    const steady = this.#steady();
    const wall = this.#wall();
    if (wall - (this.#origin + steady) > TOLERANCE) this.#origin = wall - steady;
    this.#last = Math.max(this.#last, Math.round((this.#origin + steady) * 1000));
    return this.#last;
  }
}
