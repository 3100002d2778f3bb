import { setTimeout } from 'node:timers/promises';

/** Time and randomness as the transport uses them, so that tests can replace them. */
export type Timing = {
  /** Monotonic milliseconds. */
  now(): number;
  /** Resolves after the milliseconds, at once when the signal is aborted; never rejects. */
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
