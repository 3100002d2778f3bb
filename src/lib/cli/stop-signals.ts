import { EXIT } from '../model/errors.js';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** A terminal and a wrapper such as npm both pass on one Ctrl-C: what comes this soon (ms) is not a second request. */
const ECHO = 250;

/**
 * Returns a signal that is aborted by the first SIGINT, SIGTERM or SIGHUP: sources stop, everything is flushed and
 * sealed, the process ends by itself. A second one ends it at once with 130. `onStop` is told the first one's name.
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
