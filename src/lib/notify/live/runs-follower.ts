import { runFolder, runNames } from '../../execution/store/run-names.js';
import { SYSTEM_TIMING } from '../../transport/timing.js';
import { type FollowerOptions, RunFollower } from './run-follower.js';

type RunsOptions = Omit<FollowerOptions, 'name'> & {
  /** Empty for all runs, also those that are created later. */
  readonly names: readonly string[];
  readonly note: (text: string) => void;
};

const POLL = 500;
/** Milliseconds between two looks for new runs. */
const LIST = 5_000;

/** Follows the runs of a store. */
export class RunsFollower {
  readonly #options: RunsOptions;
  readonly #runs = new Map<string, RunFollower>();
  #listed = Number.NEGATIVE_INFINITY;

  constructor(options: RunsOptions) {
    this.#options = options;
  }

  /** Follows until the signal is aborted; then reads once more. Throws a `UsageError` for a name that no run has. */
  async run(signal: AbortSignal): Promise<void> {
    for (const name of this.#options.names) runFolder(this.#options.store, name);
    while (!signal.aborted) {
      await this.#poll();
      await SYSTEM_TIMING.sleep(POLL, signal);
    }
    await this.#poll();
  }

  async close(): Promise<void> {
    for (const run of this.#runs.values()) await run.close();
  }

  async #poll(): Promise<void> {
    const at = SYSTEM_TIMING.now();
    if (at - this.#listed >= LIST) {
      this.#listed = at;
      this.#list();
    }
    for (const run of this.#runs.values()) await run.poll();
  }

  #list(): void {
    const { store, names, note } = this.#options;
    for (const name of runNames(store)) {
      if (this.#runs.has(name) || (names.length > 0 && !names.includes(name))) continue;
      this.#runs.set(name, new RunFollower({ ...this.#options, name }));
      note(`following ${name}`);
    }
  }
}
