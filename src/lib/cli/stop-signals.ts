import { EXIT } from '../model/errors.js';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** A terminal and a wrapper such as npm both send one Ctrl-C. A second signal within this time (ms) is the same request. */
const ECHO = 250;

type StopOptions = {
  /** Called with the name of the first signal that stops the process. */
  readonly onStop: (name: string) => void;
  /** Called once, when a hangup does not stop the process. */
  readonly onIgnored: () => void;
  /** Whether one of the standard streams is a terminal. */
  readonly hasTerminal?: boolean | undefined;
};

/**
 * Returns a signal that is aborted by the first SIGINT, SIGTERM or SIGHUP: sources stop, everything is flushed and
 * sealed, the process ends by itself. A second one ends it at once with 130.
 *
 * `nohup mdtool stream &` would end when its terminal closes, because a handler replaces the ignored SIGHUP of nohup. So a
 * process without any terminal ignores SIGHUP.
 */
export function stopOnSignals({ onStop, onIgnored, hasTerminal = isOnTerminal() }: StopOptions): AbortSignal {
  const controller = new AbortController();
  let stoppedAt = 0;
  let isIgnored = false;
  const handle = (name: string) => {
    if (name === 'SIGHUP' && !hasTerminal) {
      if (!isIgnored) onIgnored();
      isIgnored = true;
      return;
    }
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

/** Answered at the start: a terminal that has closed is none any more. */
function isOnTerminal(): boolean {
  return [process.stdin, process.stdout, process.stderr].some(({ isTTY }) => isTTY === true);
}
