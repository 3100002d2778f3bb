import { fstatSync } from 'node:fs';

/** Returns a hint if stdout is a pipe that gets no records, because they go to the store without `-o`. */
export function stdoutHint(): string | undefined {
  const { fd } = process.stdout as { readonly fd?: number };
  try {
    if (fd === undefined || !fstatSync(fd).isFIFO()) return undefined;
    return 'stdout is a pipe but gets no records: they go to the store; -o store -o - writes them to both';
  } catch {
    return undefined;
  }
}

/** Returns a hint if stdin is a pipe but INPUT is not `-`. Stdin is never read unasked: cron gives every job a pipe. */
export function stdinHint(): string | undefined {
  try {
    return fstatSync(0).isFIFO() ? 'stdin is a pipe but is not read; use - as INPUT to read it' : undefined;
  } catch {
    return undefined;
  }
}
