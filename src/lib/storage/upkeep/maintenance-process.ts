import { type ChildProcess, fork } from 'node:child_process';
import { packageFile } from '../../disk/package-files.js';
import { FailureError } from '../../model/errors.js';
import { storeCache } from '../files/bucket-cache.js';
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
  /** A running request of low priority has this long to end (milliseconds) when somebody begins to wait. */
  readonly patienceMs?: number;
  /** The program and its Node options: tests run it from source. */
  readonly entry?: string;
  readonly execArgv?: readonly string[];
};

const ENTRY = packageFile('dist/run/lib/storage/upkeep/maintenance-main.js');
const IDLE_MS = 10_000;
/** A child that is ended while it seals leaves files that verify names until they are deleted: only a stuck one is ended. */
const PATIENCE_MS = 30_000;
/** The argument of a child that keeps the normal priority. */
export const HURRIED = 'hurried';

/**
 * Returns maintenance in a child process of low priority, started on demand.
 *
 * Sealing in the process of a capture would delay its heartbeats and frames until the exchange closes the connection, and
 * its memory would grow. At the end of a capture nothing is delayed any more, but a busy machine would let the low priority
 * wait for minutes: the work goes on in a child of normal priority. An unprivileged user cannot raise a lowered one, so it is a
 * new child. A child that dies fails its current request, which is retried like any other failure. When the
 * parent dies, the child ends.
 */
export function maintenanceApart(location: string, options: MaintenanceOptions = {}): Maintenance {
  return new MaintenanceProcess(location, options);
}

class MaintenanceProcess implements Maintenance {
  readonly #location: string;
  readonly #options: MaintenanceOptions;
  #child: ChildProcess | undefined;
  #idle: NodeJS.Timeout | undefined;
  #isHurried = false;
  #isBusy = false;
  /** The child whose running request was taken from it, to be repeated by another. */
  #stopped: ChildProcess | undefined;

  constructor(location: string, options: MaintenanceOptions) {
    this.#location = location;
    this.#options = options;
  }

  async seal(job: SealJob): Promise<SealReport> {
    return (await this.#ask({ kind: 'seal', job })) as SealReport;
  }

  async merge(writer: string, now: number): Promise<void> {
    await this.#ask({ kind: 'merge', writer, now });
  }

  hurry(): void {
    if (this.#isHurried) return;
    this.#isHurried = true;
    const slow = this.#child;
    if (!this.#isBusy) {
      this.#release();
      return;
    }
    setTimeout(() => {
      if (!this.#isBusy || !slow || this.#child !== slow) return;
      this.#stopped = slow;
      this.#child = undefined;
      slow.kill('SIGKILL');
    }, this.#options.patienceMs ?? PATIENCE_MS).unref();
  }

  async close(): Promise<void> {
    clearTimeout(this.#idle);
    this.#release();
  }

  async #ask(request: MaintenanceRequest): Promise<SealReport | undefined> {
    clearTimeout(this.#idle);
    this.#isBusy = true;
    try {
      const wasHurried = this.#isHurried;
      const child = this.#running();
      let answer = await answerOf(child, request);
      if (this.#stopped === child) answer = await answerOf(this.#running(), request);
      else if (this.#isHurried && !wasHurried) this.#release();
      if (answer.failure !== undefined) throw new FailureError(answer.failure);
      return answer.report;
    } finally {
      this.#isBusy = false;
      this.#idle = setTimeout(() => void this.close(), this.#options.idleMs ?? IDLE_MS).unref();
    }
  }

  #running(): ChildProcess {
    if (this.#child?.connected) return this.#child;
    const { entry = ENTRY, execArgv = [] } = this.#options;
    // stdout of the parent carries only records.
    const stdio = ['ignore', 'ignore', 'inherit', 'ipc'] as const;
    const args = this.#isHurried ? [this.#location, HURRIED] : [this.#location];
    const env = { ...process.env, MDTOOL_STORE_CACHE: storeCache() };
    this.#child = fork(entry, args, { execArgv: [...execArgv], stdio: [...stdio], env });
    return this.#child;
  }

  /** Lets the child end. It is not waited for: it has nothing to do. */
  #release(): void {
    if (this.#child?.connected) this.#child.disconnect();
    this.#child?.unref();
    this.#child = undefined;
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
