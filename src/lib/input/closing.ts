import { setTimeout as wait } from 'node:timers/promises';

/** A pipeline's Ctrl-C reaches every step at once: what the step before has in flight arrives within this time. */
const LONGEST_INPUT_MS = 5_000;

/** Returns the signal that stops a step which reads stdin: it first reads on to the end of its input, at most 5 s. */
export function afterInput(stopped: AbortSignal): AbortSignal {
  const controller = new AbortController();
  stopped.addEventListener('abort', () => setTimeout(() => controller.abort(), LONGEST_INPUT_MS).unref(), { once: true });
  return controller.signal;
}

/** Resolves after so many milliseconds, at once when the signal is aborted. */
export async function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  await wait(milliseconds, undefined, { signal }).catch(() => {});
}
