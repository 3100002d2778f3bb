import type { Timing } from './timing.js';

/** How fast an exchange allows connects; milliseconds. */
export type ConnectGateOptions = {
  /** Connects in progress at the same time. */
  readonly atOnce: number;
  /** From the start of one connect to the start of the next. */
  readonly pause: number;
  /** Random part that is added to each pause, evenly distributed from 0 to this. */
  readonly jitter: number;
  /** Connects within five minutes. */
  readonly perFiveMinutes: number;
  readonly timing: Timing;
};

const FIVE_MINUTES = 300_000;

/**
 * Admits the connects of one exchange one after another: a limited number at the same time, with pauses, and a limited
 * number within five minutes. An exchange blocks the address of a client that connects faster.
 */
export class ConnectGate {
  readonly #options: ConnectGateOptions;
  readonly #window: SlidingWindow;
  #turn: Promise<void> = Promise.resolve();
  #connecting = 0;
  #onRelease: (() => void) | undefined;
  #nextStart = Number.NEGATIVE_INFINITY;

  constructor(options: ConnectGateOptions) {
    this.#options = options;
    this.#window = new SlidingWindow(options.perFiveMinutes, FIVE_MINUTES);
  }

  /**
   * Waits for its turn, in order of the calls. Returns a function to call when the connect has succeeded or failed,
   * undefined when the signal was aborted first.
   */
  async enter(signal: AbortSignal): Promise<(() => void) | undefined> {
    const before = this.#turn;
    let pass = () => {};
    this.#turn = new Promise((resolve) => {
      pass = resolve;
    });
    await before;
    try {
      return await this.#admit(signal);
    } finally {
      pass();
    }
  }

  async #admit(signal: AbortSignal): Promise<(() => void) | undefined> {
    const { atOnce, pause, jitter, timing } = this.#options;
    while (!signal.aborted && this.#connecting >= atOnce) await this.#released(signal);
    for (let wait = this.#wait(); wait > 0 && !signal.aborted; wait = this.#wait()) await timing.sleep(wait, signal);
    if (signal.aborted) return undefined;
    const now = timing.now();
    this.#window.count(now);
    this.#nextStart = now + pause + jitter * timing.random();
    this.#connecting += 1;
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      this.#connecting -= 1;
      this.#onRelease?.();
    };
  }

  #wait(): number {
    const now = this.#options.timing.now();
    return Math.max(this.#nextStart - now, this.#window.wait(now));
  }

  #released(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#onRelease = undefined;
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#onRelease = done;
      signal.addEventListener('abort', done, { once: true });
    });
  }
}

/** Counts events within a span of time that slides along. It knows the time only from its calls (milliseconds). */
export class SlidingWindow {
  readonly #most: number;
  readonly #span: number;
  #admitted: number[] = [];

  constructor(most: number, span: number) {
    this.#most = most;
    this.#span = span;
  }

  /** Returns the milliseconds until the next event fits, 0 when it fits now. */
  wait(now: number): number {
    this.#forget(now);
    if (this.#admitted.length < this.#most) return 0;
    return (this.#admitted[this.#admitted.length - this.#most] as number) + this.#span - now;
  }

  /** Counts an event at `now`. */
  count(now: number): void {
    this.#forget(now);
    this.#admitted.push(now);
  }

  /** Events within the span that ends at `now`. */
  used(now: number): number {
    this.#forget(now);
    return this.#admitted.length;
  }

  #forget(now: number): void {
    let expired = 0;
    while (expired < this.#admitted.length && (this.#admitted[expired] as number) <= now - this.#span) expired += 1;
    if (expired > 0) this.#admitted = this.#admitted.slice(expired);
  }
}
