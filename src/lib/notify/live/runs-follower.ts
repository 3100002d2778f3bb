import { runFolder, runNames } from '../../execution/store/run-names.js';
import { SYSTEM_TIMING } from '../../transport/timing.js';
import { type FollowerOptions, RunFollower } from './run-follower.js';

type RunsOptions = Omit<FollowerOptions, 'name'> & {
  /** Empty for all runs, also those that are created later. */
  readonly names: readonly string[];
  readonly note: (text: string) => void;
};

/** The process that trades beside this one. */
type Trader = { readonly pid: number; readonly ended: AbortSignal };

const POLL = 500;
/** Milliseconds between two looks for new runs. */
const LIST = 5_000;
/** Milliseconds after the trader's end in which its runs are still followed: an alarm is none after a day. */
const LONGEST_WAKE = 86_400_000;

/** Follows the runs of a store. */
export class RunsFollower {
  readonly #options: RunsOptions;
  readonly #runs = new Map<string, RunFollower>();
  #listed = Number.NEGATIVE_INFINITY;

  constructor(options: RunsOptions) {
    this.#options = options;
  }

  /**
   * Follows until the signal is aborted; beside a trader, until that has ended and its runs are settled, with no alarm on its way.
   * Then reads once more. Throws a `UsageError` for a name that no run has.
   */
  async run(signal: AbortSignal, trader?: Trader): Promise<void> {
    for (const name of this.#options.names) runFolder(this.#options.store, name);
    let endedAt: number | undefined;
    while (!signal.aborted) {
      const hasEnded = trader?.ended.aborted ?? false;
      await this.#poll();
      if (hasEnded && trader) {
        endedAt ??= SYSTEM_TIMING.now();
        const waited = SYSTEM_TIMING.now() - endedAt;
        const isSettled = [...this.#runs.values()].every((run) => run.isSettled(trader.pid, waited));
        if ((isSettled && this.#options.notifier.urgent === 0) || waited > LONGEST_WAKE) break;
      }
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
