import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { FailureError } from '../../model/errors.js';
import type { Maintenance } from './maintenance.js';
import type { SealJob, SealReport } from './seal.js';

/** Messages to and from the maintenance process. */
export type MaintenanceRequest =
  | { readonly kind: 'seal'; readonly job: SealJob }
  | { readonly kind: 'merge'; readonly writer: string; readonly now: number };
export type MaintenanceAnswer = { readonly report?: SealReport | undefined; readonly failure?: string | undefined };

type MaintenanceOptions = {
  /** The process ends after this long without work (milliseconds), which frees its memory. */
  readonly idleMs?: number;
  /** The program and its Node options: tests run it from source. */
  readonly entry?: string;
  readonly execArgv?: readonly string[];
};

const ENTRY = fileURLToPath(new URL('./maintenance-main.js', import.meta.url));
const IDLE_MS = 10_000;

/**
 * Returns maintenance in a child process of low priority, started on demand.
 *
 * Sealing in the process of a capture would delay its heartbeats and frames until the exchange closes the connection, and
 * its memory would grow. A child that dies fails its current request, which is retried like any other failure. When the
 * parent dies, the child ends.
 */
export function maintenanceApart(root: string, options: MaintenanceOptions = {}): Maintenance {
  return new MaintenanceProcess(root, options);
}

class MaintenanceProcess implements Maintenance {
  readonly #root: string;
  readonly #options: MaintenanceOptions;
  #child: ChildProcess | undefined;
  #idle: NodeJS.Timeout | undefined;

  constructor(root: string, options: MaintenanceOptions) {
    this.#root = root;
    this.#options = options;
  }

  async seal(job: SealJob): Promise<SealReport> {
    return (await this.#ask({ kind: 'seal', job })) as SealReport;
  }

  async merge(writer: string, now: number): Promise<void> {
    await this.#ask({ kind: 'merge', writer, now });
  }

  async close(): Promise<void> {
    clearTimeout(this.#idle);
    if (this.#child?.connected) this.#child.disconnect();
    this.#child = undefined;
  }

  async #ask(request: MaintenanceRequest): Promise<SealReport | undefined> {
    clearTimeout(this.#idle);
    try {
      const { report, failure } = await answerOf(this.#running(), request);
      if (failure !== undefined) throw new FailureError(failure);
      return report;
    } finally {
      this.#idle = setTimeout(() => void this.close(), this.#options.idleMs ?? IDLE_MS).unref();
    }
  }

  #running(): ChildProcess {
    if (this.#child?.connected) return this.#child;
    const { entry = ENTRY, execArgv = [] } = this.#options;
    // stdout of the parent carries only records.
    const stdio = ['ignore', 'ignore', 'inherit', 'ipc'] as const;
    this.#child = fork(entry, [this.#root], { execArgv: [...execArgv], stdio: [...stdio] });
    return this.#child;
  }
}

/** Sends a request and returns its answer; the end of the process counts as a failure. */
function answerOf(child: ChildProcess, request: MaintenanceRequest): Promise<MaintenanceAnswer> {
  return new Promise((resolve) => {
    const done = (answer: MaintenanceAnswer) => {
      child.off('message', done).off('exit', ended).off('error', failed);
      resolve(answer);
    };
    const ended = (code: number | null, signal: string | null) =>
      done({ failure: `sealing was interrupted: the maintenance process ended with ${signal ?? `code ${code}`}` });
    const failed = (error: Error) => done({ failure: `sealing was interrupted: ${error.message}` });
    child.on('message', done).on('exit', ended).on('error', failed);
    child.send(request, (error) => error && failed(error));
  });
}
