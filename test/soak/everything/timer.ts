import { setTimeout as sleep } from 'node:timers/promises';
import { mdtool, type RunOptions } from '../../support/mdtool.js';

/** What a timer did. */
export type TimerFigures = {
  readonly name: string;
  readonly runs: number;
  /** Times that it was due while it still ran. */
  readonly late: number;
  readonly codes: Readonly<Record<string, number>>;
  /** Seconds: the median and the longest run. */
  readonly median: number;
  readonly longest: number;
};

type TimerOptions = RunOptions & {
  /** Milliseconds. */
  readonly every: number;
  /** Command lines of one run, one after the other; what one prints is the input of the next. */
  readonly commands: readonly (readonly string[])[];
  /** Exit codes of a run that is well. */
  readonly well?: readonly number[];
  /** Looks at what the last one printed; returns what is wrong. */
  readonly judge?: (stdout: string) => string | undefined;
};

/** A step that runs again and again, never twice at a time, as a timer of systemd starts it. */
export class Timer {
  readonly name: string;
  readonly failures: string[] = [];
  readonly #options: TimerOptions;
  readonly #seconds: number[] = [];
  readonly #codes: Record<string, number> = {};
  #late = 0;

  constructor(name: string, options: TimerOptions) {
    this.name = name;
    this.#options = options;
  }

  /** Runs whenever it is due, until it is aborted. */
  async keep(signal: AbortSignal): Promise<void> {
    const { every } = this.#options;
    for (let due = Date.now() + every; ; ) {
      try {
        await sleep(Math.max(0, due - Date.now()), undefined, { signal });
      } catch {
        return;
      }
      await this.run();
      due += every;
      for (; due < Date.now(); due += every) this.#late++;
    }
  }

  async run(): Promise<void> {
    const { commands, well = [0, 3], judge, ...options } = this.#options;
    const begun = performance.now();
    let input = '';
    for (const args of commands) {
      const { code, stdout, stderr } = await mdtool(args, { ...options, input });
      const key = `${args[0]} ${code}`;
      this.#codes[key] = (this.#codes[key] ?? 0) + 1;
      if (!well.includes(code ?? -1)) this.failures.push(`${args.join(' ')}: exit ${code}: ${stderr.trim().split('\n').at(-1)}`);
      input = stdout;
    }
    this.#seconds.push((performance.now() - begun) / 1_000);
    const problem = judge?.(input);
    if (problem !== undefined) this.failures.push(`${this.name}: ${problem}`);
  }

  figures(): TimerFigures {
    const sorted = [...this.#seconds].sort((a, b) => a - b);
    return {
      name: this.name,
      runs: sorted.length,
      late: this.#late,
      codes: this.#codes,
      median: sorted[sorted.length >> 1] ?? 0,
      longest: sorted.at(-1) ?? 0,
    };
  }
}
