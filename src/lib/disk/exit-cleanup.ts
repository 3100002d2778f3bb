import { rmSync } from 'node:fs';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** The exit code of a process that a signal ended is this and the signal's number. */
const SIGNALLED = 128;

const paths = new Set<string>();
let listens = false;

/**
 * Removes temporary files and directories when the process ends, by itself or by a signal. A forced exit would otherwise leave half
 * a file beside the output, or gigabytes in the temporary directory.
 */
export function removeAtExit(...names: readonly string[]): void {
  listen();
  for (const name of names) paths.add(name);
}

/** Takes back `removeAtExit`: they are gone, or have their final name. */
export function leaveAtExit(...names: readonly string[]): void {
  for (const name of names) paths.delete(name);
}

function listen(): void {
  if (listens) return;
  listens = true;
  process.once('exit', () => {
    // Threads of DuckDB may still be writing into a directory.
    for (const path of paths) rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
  });
  for (const name of SIGNALS) {
    process.on(name, (_: NodeJS.Signals, number: number) => {
      // A command that stops by signals listens too, and ends by itself. In any other the signal must end the process here.
      if (process.listenerCount(name) === 1) process.exit(SIGNALLED + number);
    });
  }
}
