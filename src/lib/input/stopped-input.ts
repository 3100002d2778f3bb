import type { AnyRecord } from '../model/records.js';
import { afterInput, StoppedError } from './closing.js';
import { readInput } from './input.js';
import type { InputListener } from './input-listener.js';
import { isPiped } from './paths.js';

/**
 * Returns the records of INPUT until the step is stopped: of stdin at its end or 5 s later, so that a Ctrl-C on a pipeline
 * loses nothing. Files are left at once, with a `StoppedError`.
 */
export async function* stoppedInput(
  paths: readonly string[],
  listener: InputListener,
  stopped: AbortSignal,
): AsyncGenerator<AnyRecord[]> {
  const isPipe = isPiped(paths);
  const signal = isPipe ? afterInput(stopped) : stopped;
  // A source that stays silent must not keep a stopped step from ending.
  if (paths.includes('-')) signal.addEventListener('abort', () => process.stdin.destroy(), { once: true });
  try {
    for await (const records of readInput(paths, listener, stopped)) {
      yield records;
      if (signal.aborted) break;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  if (signal.aborted && !isPipe) throw new StoppedError();
}
