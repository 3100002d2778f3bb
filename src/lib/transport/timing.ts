import { setTimeout } from 'node:timers/promises';

/** Time and chance as the transport uses them, so that tests can give their own. */
export type Timing = {
  /** Milliseconds since some moment, never back. */
  now(): number;
  /** Resolves after so many milliseconds, at once when the signal is aborted; never rejects. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
  /** In [0, 1). */
  random(): number;
};

/** The machine's own. */
export const SYSTEM_TIMING: Timing = {
  now: () => performance.now(),
  sleep: (milliseconds, signal) => setTimeout(milliseconds, undefined, signal ? { signal } : {}).catch(() => {}),
  random: Math.random,
};
