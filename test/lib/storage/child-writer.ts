import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export type WriterProcess = {
  readonly process: ChildProcess;
  /** Ids of trades whose write has returned. */
  readonly printed: string[];
  readonly stderr: () => string;
  /** Resolves when it has opened the store, or has ended. */
  readonly ready: Promise<void>;
  readonly ended: Promise<number | null>;
};

/** Starts `writer-process.mjs` on a store, or another script beside it; they use what is built, which needs no compiler. */
export function startWriter(
  directory: string,
  options: Readonly<Record<string, unknown>>,
  script = 'writer-process.mjs',
  env: Readonly<Record<string, string>> = {},
): WriterProcess {
  const child = spawn(process.execPath, [join(import.meta.dirname, script), directory, JSON.stringify(options)], {
    env: { ...process.env, ...env },
  });
  const printed: string[] = [];
  let rest = '';
  let errors = '';
  let opened = () => {};
  const ready = new Promise<void>((resolve) => {
    opened = resolve;
  });
  child.stdout.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === 'ready') opened();
      else if (line !== 'closed') printed.push(line);
    }
  });
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const ended = once(child, 'close').then(([code]) => {
    opened();
    return code as number | null;
  });
  return { process: child, printed, stderr: () => errors, ready, ended };
}
