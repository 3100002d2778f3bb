import type { ExchangeEntry } from '../../tape/tape-merge.js';

/** How a replay spends its time. */
export type Pacing = {
  /** Multiple of the recorded speed; undefined is as fast as possible. */
  readonly speed?: number | undefined;
  /** Milliseconds that have passed since some moment, never back. */
  readonly elapsed: () => number;
  /** Resolves after so many milliseconds, earlier when the run is stopped. */
  readonly sleep: (milliseconds: number) => Promise<void>;
  readonly signal: AbortSignal;
};

/** A moment of tape time at which nothing was recorded: clocks and withheld books come out in a silence too. */
export type Moment = { readonly time: number };

const LONGEST_SLEEP_MS = 100;
const SHORTEST_SLEEP_MS = 0.5;

/** Holds entries back until their time has come; what is ready goes out before every wait. Ends when the run is stopped. */
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

/** Relates tape time to elapsed time, from the first entry on. */
class Timeline {
  readonly #pacing: Pacing;
  readonly #perMillisecond: number;
  #origin: { at: number; elapsed: number } | undefined;

  constructor(pacing: Pacing) {
    this.#pacing = pacing;
    this.#perMillisecond = 1000 * (pacing.speed ?? 1);
  }

  /** Gives the moments that pass while the entry is waited for, none when it is due. */
  async *until({ entry }: ExchangeEntry): AsyncGenerator<Moment> {
    if (entry.kind === 'broken') return;
    const { elapsed, sleep, signal } = this.#pacing;
    this.#origin ??= { at: entry.at, elapsed: elapsed() };
    const { at, elapsed: start } = this.#origin;
    const due = start + (entry.at - at) / this.#perMillisecond;
    for (let wait = due - elapsed(); wait > SHORTEST_SLEEP_MS && !signal.aborted; wait = due - elapsed()) {
      // Never beyond the entry: a clock that overslept must not change its arrival.
      yield { time: Math.min(entry.at, Math.floor(at + (elapsed() - start) * this.#perMillisecond)) };
      await sleep(Math.min(wait, LONGEST_SLEEP_MS));
    }
  }
}
