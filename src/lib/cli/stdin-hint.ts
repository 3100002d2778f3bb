import { fstatSync } from 'node:fs';

/** Returns a hint for who pipes into a step without naming `-`; stdin is never read unless asked, since cron gives every job a pipe. */
export function stdinHint(): string | undefined {
  try {
    return fstatSync(0).isFIFO() ? 'stdin is a pipe and is not read: name - as INPUT to read it' : undefined;
  } catch {
    return undefined;
  }
}
