import { Console } from 'node:console';
import { Readable, Writable } from 'node:stream';
import { Errors, run, settings } from '@oclif/core';
import { showHelp } from '../../src/lib/cli/help.js';
import { asksForHelp } from '../../src/lib/cli/help-request.js';
import { cleanEnvironment, type Finished, mdtool, ROOT, type RunOptions } from './mdtool.js';

/** `MDTOOL_TEST_PROCESSES=1 npm test` gives every command line a process of its own. */
const OWN_PROCESSES = process.env.MDTOOL_TEST_PROCESSES === '1';
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** What the last command line ends with: they share the streams, the environment and the directory of this process. */
let last: Promise<unknown> = Promise.resolve();

/**
 * Runs the built command line to its end within this process: its own flags, settings, outputs and exit code, without
 * the 0.4 s of CPU that each process takes to start. For what a command does; how its process starts, ends, is
 * signalled or killed is `mdtool`'s. One runs at a time.
 */
export function mdtoolHere(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  if (OWN_PROCESSES) return mdtool(args, options);
  const result = last.then(() => runHere(args, options));
  last = result.catch(() => {});
  return result;
}

async function runHere(args: readonly string[], { input = '', env, cwd = ROOT, root = ROOT }: RunOptions): Promise<Finished> {
  const [stdout, stderr] = [new Collector(), new Collector()];
  const restore = [
    replaced(process, 'stdin', Readable.from([Buffer.from(input)])),
    replaced(process, 'stdout', stdout),
    replaced(process, 'stderr', stderr),
    replaced(process, 'env', { ...cleanEnvironment(), ...env }),
    replaced(globalThis, 'console', new Console(stdout, stderr)),
    movedTo(cwd),
    withoutNewListeners(),
  ];
  settings.enableAutoTranspile = false;
  try {
    process.exitCode = 0;
    if (asksForHelp(args)) showHelp(args);
    else await run([...args], root);
    return { stdout: stdout.text, stderr: stderr.text, code: Number(process.exitCode) };
  } catch (error) {
    if (!(error instanceof Errors.ExitError)) throw error;
    return { stdout: stdout.text, stderr: stderr.text, code: error.oclif.exit ?? 1 };
  } finally {
    for (const undo of restore) undo();
    process.exitCode = undefined;
  }
}

/** Keeps what is written, as a pipe with a quick reader would. */
class Collector extends Writable {
  readonly #chunks: Buffer[] = [];

  get text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    this.#chunks.push(chunk);
    done();
  }
}

function replaced(target: object, name: string, value: unknown): () => void {
  const own = Object.getOwnPropertyDescriptor(target, name) as PropertyDescriptor;
  Object.defineProperty(target, name, { value, configurable: true, writable: true, enumerable: true });
  return () => Object.defineProperty(target, name, own);
}

function movedTo(directory: string): () => void {
  const before = process.cwd();
  process.chdir(directory);
  return () => process.chdir(before);
}

/** A command listens for signals until its process ends. */
function withoutNewListeners(): () => void {
  const before = new Map(SIGNALS.map((name) => [name, process.listeners(name)]));
  return () => {
    for (const name of SIGNALS)
      for (const listener of process.listeners(name)) if (!before.get(name)?.includes(listener)) process.off(name, listener);
  };
}
