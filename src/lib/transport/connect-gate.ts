import { SlidingWindow } from './sliding-window.js';
import type { Timing } from './timing.js';

/** How an exchange wants to be connected to; milliseconds. */
export type ConnectGateOptions = {
  /** Connects in progress at the same time. */
  readonly atOnce: number;
  /** Between the begin of one connect and that of the next. */
  readonly pause: number;
  /** Added to each pause, evenly from 0 to this. */
  readonly jitter: number;
  /** Connects within five minutes. */
  readonly perFiveMinutes: number;
  readonly timing: Timing;
};

const FIVE_MINUTES = 300_000;

/** Lets the connections of one exchange connect in turn: few at a time, with pauses, and never too many in five minutes. */
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
   * Waits for its turn and returns what is to be called when the connect has succeeded or failed, undefined when the
   * signal was aborted first. First come, first served.
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
