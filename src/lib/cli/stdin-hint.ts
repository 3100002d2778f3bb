import { fstatSync } from 'node:fs';

/** Returns a hint if stdin is a pipe but INPUT is not `-`. Stdin is never read unasked: cron gives every job a pipe. */
export function stdinHint(): string | undefined {
  try {
    return fstatSync(0).isFIFO() ? 'stdin is a pipe but is not read; use - as INPUT to read it' : undefined;
  } catch {
    return undefined;
  }
}
