import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { FailureError } from '../../model/errors.js';
import type { Maintenance } from './maintenance.js';
import type { SealJob, SealReport } from './seal.js';

/** What the process is asked, and what it answers. */
export type MaintenanceRequest =
  | { readonly kind: 'seal'; readonly job: SealJob }
  | { readonly kind: 'merge'; readonly writer: string; readonly now: number };
export type MaintenanceAnswer = { readonly report?: SealReport | undefined; readonly failure?: string | undefined };

export type MaintenanceOptions = {
  /** Milliseconds without work after which the process is let go, and its memory with it. */
  readonly idleMs?: number;
  /** The program to run and what Node is told before it: tests run it from its source. */
  readonly entry?: string;
  readonly execArgv?: readonly string[];
};

const ENTRY = fileURLToPath(new URL('./maintenance-main.js', import.meta.url));
const IDLE_MS = 10_000;

/**
 * Does it in a process of its own, of low priority, that is started when there is work: for a capture, whose process must
 * answer heartbeats and take frames meanwhile and whose memory must not grow. A process that dies fails its work, which
 * is then tried again as after any failure; when this one dies, it ends.
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
    // stdout carries records and nothing else.
    const stdio = ['ignore', 'ignore', 'inherit', 'ipc'] as const;
    this.#child = fork(entry, [this.#root], { execArgv: [...execArgv], stdio: [...stdio] });
    return this.#child;
  }
}

/** Sends a request and returns its answer; the end of the process is one, too. */
function answerOf(child: ChildProcess, request: MaintenanceRequest): Promise<MaintenanceAnswer> {
  return new Promise((resolve) => {
    const done = (answer: MaintenanceAnswer) => {
      child.off('message', done).off('exit', ended).off('error', failed);
      resolve(answer);
    };
    const ended = (code: number | null, signal: string | null) =>
      done({ failure: `sealing was interrupted: its process ended with ${signal ?? `code ${code}`}` });
    const failed = (error: Error) => done({ failure: `sealing was interrupted: ${error.message}` });
    child.on('message', done).on('exit', ended).on('error', failed);
    child.send(request, (error) => error && failed(error));
  });
}
