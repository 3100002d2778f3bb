import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Stderr } from '../../../lib/cli/stderr.js';

type FollowerOptions = {
  /** Folder of the program. */
  readonly root: string;
  readonly store: string;
  readonly names: readonly string[];
  readonly sinks: readonly string[] | undefined;
  /** The file of `--config`. */
  readonly config: string | undefined;
  readonly stderr: Stderr;
};

/** Milliseconds until a sender that ended by itself is started again. */
const AGAIN = 5_000;
/** Milliseconds that a run which is over waits for its last messages. */
const GRACE = 8_000;

/**
 * Runs `mdtool notify run` in a process of its own. In this one, a name server that hangs would hold the threads by which the
 * exchange is looked up, too, and nobody would report that this process was killed. Its stdin is the only link: that ends when
 * this process does, and the other one then leaves when all is said.
 */
export class Follower {
  readonly #options: FollowerOptions;
  #child: ChildProcess;
  #isClosing = false;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#child = this.#start();
  }

  #start(): ChildProcess {
    const { root, store, names, sinks, config, stderr } = this.#options;
    const args = [
      ...[join(root, 'bin', 'run.js'), 'notify', 'run', ...names, '--store', store, '--beside', String(process.pid), '--quiet'],
      ...(sinks ? ['--sink', sinks.join(',')] : []),
      ...(config === undefined ? [] : ['--config', config]),
    ];
    // In a group of its own: Ctrl-C would end it before the run has said how it ended.
    const options = { detached: true, windowsHide: true };
    const child: ChildProcess = spawn(process.execPath, args, { ...options, stdio: ['pipe', 'ignore', 'pipe'] });
    // Inherited, it would keep a pipe of this process open for as long as the other one sends.
    child.stderr?.on('data', (text) => process.stderr.write(text)).on('error', () => {});
    child.stdin?.on('error', () => {});
    const again = (reason: string) => {
      if (this.#isClosing) return;
      stderr.warn(`notify: the process that sends ended (${reason}); it is started again`);
      setTimeout(() => {
        if (!this.#isClosing) this.#child = this.#start();
      }, AGAIN).unref();
    };
    child.once('error', (error) => again(error.message));
    child.once('exit', (code, signal) => again(signal ?? `code ${code}`));
    return child;
  }

  /** Lets the other process send what is left; one that needs longer goes on alone. */
  async close(): Promise<void> {
    this.#isClosing = true;
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    child.stdin?.end();
    const timeout = AbortSignal.timeout(GRACE);
    await once(child, 'exit', { signal: timeout }).catch(() => {
      this.#options.stderr.log.info(`notify: process ${child.pid} is still sending`);
    });
    child.stderr?.destroy();
    child.unref();
  }
}
