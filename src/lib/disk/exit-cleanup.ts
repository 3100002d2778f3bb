const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** The exit code of a process that a signal ended is this and the signal's number. */
const SIGNALLED = 128;

const cleanups = new Set<() => void>();
let listens = false;

/** Runs `cleanup` if the process ends before `cancelCleanup`, by itself or by a signal. It has to be synchronous. */
export function cleanUpAtExit(cleanup: () => void): void {
  listen();
  cleanups.add(cleanup);
}

export function cancelCleanup(cleanup: () => void): void {
  cleanups.delete(cleanup);
}

function listen(): void {
  if (listens) return;
  listens = true;
  process.once('exit', () => {
    for (const cleanup of cleanups) cleanup();
  });
  for (const name of SIGNALS) {
    process.on(name, (_: NodeJS.Signals, number: number) => {
      // Whoever else listens decides when the process ends. Without anybody, the signal would end it with nothing cleaned up.
      if (process.listenerCount(name) === 1) process.exit(SIGNALLED + number);
    });
  }
}
