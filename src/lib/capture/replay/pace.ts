import type { ExchangeEntry } from '../../tape/tape-merge.js';

/** What a replay needs of an `AbortSignal`, whose own declaration needs the types of Node or of a browser. */
type StopSignal = {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void, options?: { readonly once?: boolean }): void;
};

/** The speed of a replay, and its clock. */
export type Pacing = {
  /** Multiple of the recorded speed; undefined means as fast as possible. */
  readonly speed?: number | undefined;
  /** Returns elapsed milliseconds, never back. */
  readonly elapsed: () => number;
  /** Resolves after `milliseconds`, earlier when the run is stopped. */
  readonly sleep: (milliseconds: number) => Promise<void>;
  readonly signal: StopSignal;
};

/** A moment of tape time without a recorded event: clocks and withheld books are due in a silence too. */
type Moment = { readonly time: number };

const LONGEST_SLEEP_MS = 100;
const SHORTEST_SLEEP_MS = 0.5;

/** Delays entries until they are due; entries that are ready are yielded before every wait. Ends when the run is stopped. */
export async function* pace(
  batches: AsyncIterable<readonly ExchangeEntry[]>,
  pacing: Pacing,
): AsyncGenerator<readonly (ExchangeEntry | Moment)[]> {
  const timeline = new Timeline(pacing);
  for await (const batch of batches) {
    let ready: (ExchangeEntry | Moment)[] = [];
    for (const item of batch) {
      for await (const moment of timeline.until(item)) {
        yield [...ready, moment];
        ready = [];
      }
      if (pacing.signal.aborted) return;
      ready.push(item);
    }
    yield ready;
  }
}

/** The relation of tape time to elapsed time, from the first entry on. */
class Timeline {
  readonly #pacing: Pacing;
  readonly #perMillisecond: number;
  #origin: { at: number; elapsed: number } | undefined;

  constructor(pacing: Pacing) {
    this.#pacing = pacing;
    this.#perMillisecond = 1000 * (pacing.speed ?? 1);
  }

  /** Yields the moments that pass until the entry is due. */
  async *until({ entry }: ExchangeEntry): AsyncGenerator<Moment> {
    if (entry.kind === 'broken') return;
    const { elapsed, sleep, signal } = this.#pacing;
    this.#origin ??= { at: entry.at, elapsed: elapsed() };
    const { at, elapsed: start } = this.#origin;
    const due = start + (entry.at - at) / this.#perMillisecond;
    for (let wait = due - elapsed(); wait > SHORTEST_SLEEP_MS && !signal.aborted; wait = due - elapsed()) {
      // Never beyond the entry: a sleep that took too long must not change its arrival.
      yield { time: Math.min(entry.at, Math.floor(at + (elapsed() - start) * this.#perMillisecond)) };
      await sleep(Math.min(wait, LONGEST_SLEEP_MS));
    }
  }
}
