import type { Timing } from './timing.js';

/** How fast an exchange allows connects; milliseconds. */
type ConnectGateOptions = {
  /** Connects in progress at the same time. */
  readonly atOnce: number;
  /** From the first connect of one connection to that of the next. */
  readonly pause: number;
  /** Random part that is added to each pause, evenly distributed from 0 to this. */
  readonly jitter: number;
  /** The same between two connects when one of them is a reconnect. */
  readonly reconnectPause: number;
  readonly reconnectJitter: number;
  /** Pause between two connects during an outage. */
  readonly probePause: number;
  /** Connects within five minutes. */
  readonly perFiveMinutes: number;
  readonly timing: Timing;
};

/** `start`: the first connect of a connection. `reconnect`: a connect after a loss; data is missing until it succeeds. */
export type ConnectKind = 'start' | 'reconnect';

/** Ends the turn of a connect; later calls do nothing. */
type Release = (isConnected: boolean) => void;

const FIVE_MINUTES = 300_000;
/** Consecutive failed connects after which the exchange counts as down. */
const OUTAGE = 3;

/**
 * Admits the connects of one exchange: a limited number at the same time, with pauses, and a limited number within five
 * minutes. An exchange blocks the address of a client that connects faster.
 *
 * At the start the pauses are long. After a cut of all connections they would keep symbols off for minutes, so reconnects
 * have a shorter pause and precede first connects. During an outage the failed connects of many connections would use up
 * the five-minute limit before the exchange returns. Therefore only one connect at a time probes it.
 */
export class ConnectGate {
  readonly #options: ConnectGateOptions;
  readonly #window: SlidingWindow;
  readonly #queues: Readonly<Record<ConnectKind, object[]>> = { start: [], reconnect: [] };
  readonly #wakes = new Set<() => void>();
  readonly #recoveries = new Set<() => void>();
  #connecting = 0;
  #failures = 0;
  #next = Number.NEGATIVE_INFINITY;
  #nextStart = Number.NEGATIVE_INFINITY;
  #last = Number.NEGATIVE_INFINITY;

  constructor(options: ConnectGateOptions) {
    this.#options = options;
    this.#window = new SlidingWindow(options.perFiveMinutes, FIVE_MINUTES);
  }

  /**
   * Waits for its turn, in order of the calls of one kind. Returns a function to call when the connect has succeeded or
   * failed, undefined when the signal was aborted first.
   */
  async enter(kind: ConnectKind, signal: AbortSignal): Promise<Release | undefined> {
    const ticket = {};
    const queue = this.#queues[kind];
    queue.push(ticket);
    try {
      while (!signal.aborted) {
        const wait = queue[0] === ticket ? this.#wait(kind) : Number.POSITIVE_INFINITY;
        if (wait <= 0) return this.#admit(kind);
        if (wait === Number.POSITIVE_INFINITY) await waitFor(this.#wakes, signal);
        else await this.#options.timing.sleep(wait, signal);
      }
      return undefined;
    } finally {
      queue.splice(queue.indexOf(ticket), 1);
      callAll(this.#wakes);
    }
  }

  /** Resolves when a connect succeeds after an outage, or the signal is aborted. */
  async recovered(signal: AbortSignal): Promise<void> {
    await waitFor(this.#recoveries, signal);
  }

  #admit(kind: ConnectKind): Release {
    const { pause, jitter, reconnectPause, reconnectJitter, timing } = this.#options;
    const now = timing.now();
    this.#window.count(now);
    this.#last = now;
    this.#next = now + reconnectPause + reconnectJitter * timing.random();
    if (kind === 'start') this.#nextStart = now + pause + jitter * timing.random();
    this.#connecting += 1;
    let isReleased = false;
    return (isConnected) => {
      if (isReleased) return;
      isReleased = true;
      this.#release(isConnected);
    };
  }

  #release(isConnected: boolean): void {
    this.#connecting -= 1;
    const isRecovery = isConnected && this.#failures >= OUTAGE;
    this.#failures = isConnected ? 0 : this.#failures + 1;
    callAll(this.#wakes);
    if (isRecovery) callAll(this.#recoveries);
  }

  /** Returns the milliseconds until the first in the queue may connect, infinity when another one must end first. */
  #wait(kind: ConnectKind): number {
    const { atOnce, probePause, timing } = this.#options;
    const isOutage = this.#failures >= OUTAGE;
    if (this.#connecting >= (isOutage ? 1 : atOnce)) return Number.POSITIVE_INFINITY;
    if (kind === 'start' && this.#queues.reconnect.length > 0) return Number.POSITIVE_INFINITY;
    const now = timing.now();
    const earliest = Math.max(
      kind === 'start' ? this.#nextStart : Number.NEGATIVE_INFINITY,
      isOutage ? this.#last + probePause : Number.NEGATIVE_INFINITY,
      this.#next,
    );
    return Math.max(earliest - now, this.#window.wait(now));
  }
}

/** Resolves when `callAll` is called on the set, or the signal is aborted. */
function waitFor(callbacks: Set<() => void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      callbacks.delete(done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    if (signal.aborted) return resolve();
    callbacks.add(done);
    signal.addEventListener('abort', done, { once: true });
  });
}

function callAll(callbacks: Set<() => void>): void {
  for (const callback of [...callbacks]) callback();
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
