import { EXIT } from '../model/errors.js';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** A terminal and a wrapper such as npm both send one Ctrl-C. A second signal within this time (ms) is the same request. */
const ECHO = 250;

/**
 * Returns a signal that is aborted by the first SIGINT, SIGTERM or SIGHUP: sources stop, everything is flushed and
 * sealed, the process ends by itself. A second one ends it at once with 130. Calls `onStop` with the name of the first signal.
 */
export function stopOnSignals(onStop: (name: string) => void): AbortSignal {
  const controller = new AbortController();
  let stoppedAt = 0;
  const handle = (name: string) => {
    const at = performance.now();
    if (controller.signal.aborted) {
      if (at - stoppedAt > ECHO) process.exit(EXIT.forced);
      return;
    }
    stoppedAt = at;
    controller.abort();
    onStop(name);
  };
  for (const name of SIGNALS) process.on(name, handle);
  return controller.signal;
}
