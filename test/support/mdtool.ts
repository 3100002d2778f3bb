import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '../..');

export type Finished = { readonly stdout: string; readonly stderr: string; readonly code: number | null };

export type RunOptions = {
  readonly input?: string | Buffer | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly cwd?: string | undefined;
  /** Where another build of the command line lies. */
  readonly root?: string | undefined;
};

/** A test that fails leaves its processes behind; none outlives the tests. */
const running = new Set<ChildProcess>();
const endAll = () => {
  for (const child of running) child.kill('SIGKILL');
};
process.once('exit', endAll);
process.once('SIGTERM', () => {
  endAll();
  process.exit();
});

/** Starts the built command line as a process of its own, without any setting of ours in its environment. */
export function start(args: readonly string[], { env, cwd = ROOT, root = ROOT }: RunOptions = {}): ChildProcess {
  const child = spawn(process.execPath, [join(root, 'bin/run.js'), ...args], {
    cwd,
    env: { ...cleanEnvironment(), ...env },
    stdio: 'pipe',
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** Runs the built command line to its end. */
export function mdtool(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const child = start(args, options);
  child.stdin?.on('error', () => {});
  child.stdin?.end(options.input ?? '');
  return finished(child);
}

/** Resolves when a process has ended, with what it printed. */
export function finished(child: ChildProcess): Promise<Finished> {
  const output = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ ...output, code }));
  });
}

/** Resolves when a stream of a process has said something. */
export async function says(stream: NodeJS.ReadableStream | null, pattern: RegExp): Promise<void> {
  let text = '';
  await new Promise<void>((resolve) => {
    stream?.on('data', (chunk) => {
      text += chunk;
      if (pattern.test(text)) resolve();
    });
  });
}

/** The environment without settings of ours. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  const ours = (name: string) => name.startsWith('MDTOOL_') || name.startsWith('XDG_') || name.startsWith('REDIS_');
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours(name)));
}
