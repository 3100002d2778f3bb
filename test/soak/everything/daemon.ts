import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { start } from '../../support/mdtool.js';
import { childrenOf, memoryOf } from '../../support/process-figures.js';

type Sample = { readonly memory: number; readonly helpers: number; readonly descriptors: number };
type Ending = 'kill' | 'stop' | 'itself';
type Life = { readonly samples: Sample[]; ending: Ending; code: number | null };

/** What a daemon did: MB and open files in its longest life, between its second and its last fifth. */
export type DaemonFigures = {
  readonly name: string;
  readonly starts: number;
  readonly kills: number;
  readonly minutes: number;
  readonly memory: { readonly early: number; readonly late: number; readonly most: number; readonly helpers: number };
  readonly descriptors: { readonly early: number; readonly late: number };
};

/** Milliseconds between two samples. */
const SAMPLE_EVERY = 5_000;
/** Lines of its log that a failure shows. */
const SHOWN = 5;
/** Milliseconds after which a process that ended by itself is started again. */
const AGAIN_AFTER = 5_000;
/** A run that has halted waits for a person. */
const HALTED = 4;
/** 3: data is incomplete, which the faults of the exchanges make true. */
const WELL = new Set([0, 3]);

/** A process that is meant to run for months: it is measured, and started again when it ends. */
export class Daemon {
  readonly name: string;
  readonly failures: string[] = [];
  readonly #args: readonly string[];
  readonly #options: { readonly env: Readonly<Record<string, string>>; readonly cwd: string };
  readonly #lives: Life[] = [];
  #log: string[] = [];
  #child: ChildProcess | undefined;
  #sampler: NodeJS.Timeout | undefined;
  #again: NodeJS.Timeout | undefined;

  constructor(
    name: string,
    args: readonly string[],
    options: { readonly env: Readonly<Record<string, string>>; readonly cwd: string },
  ) {
    this.name = name;
    this.#args = args;
    this.#options = options;
  }

  get isRunning(): boolean {
    return this.#child !== undefined;
  }

  start(): void {
    const child = start(this.#args, this.#options);
    const life: Life = { samples: [], ending: 'itself', code: null };
    this.#child = child;
    this.#log = [];
    this.#lives.push(life);
    child.stdin?.end();
    child.stdout?.resume();
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#log = [...this.#log, ...text.split('\n').filter(Boolean)].slice(-SHOWN);
    });
    this.#sampler = setInterval(() => this.#sample(life, child.pid as number), SAMPLE_EVERY);
    child.once('close', (code) => this.#ended(life, code));
  }

  /** Ends the process; with `kill` at once and without a word. */
  async end(ending: 'kill' | 'stop'): Promise<void> {
    clearTimeout(this.#again);
    const [child, life] = [this.#child, this.#lives.at(-1)];
    if (!child || !life) return;
    life.ending = ending;
    const closed = once(child, 'close');
    child.kill(ending === 'kill' ? 'SIGKILL' : 'SIGTERM');
    await closed;
  }

  figures(): DaemonFigures {
    const { samples } = this.#lives.reduce((longest, life) => (life.samples.length > longest.samples.length ? life : longest));
    const part = (index: number) => samples.slice((index * samples.length) / 5, ((index + 1) * samples.length) / 5);
    const [early, late] = [part(1), part(4)];
    return {
      name: this.name,
      starts: this.#lives.length,
      kills: this.#lives.filter(({ ending }) => ending === 'kill').length,
      minutes: (samples.length * SAMPLE_EVERY) / 60_000,
      memory: {
        early: median(early.map(({ memory }) => memory)),
        late: median(late.map(({ memory }) => memory)),
        most: Math.max(0, ...samples.map(({ memory }) => memory)),
        helpers: Math.max(0, ...samples.map(({ helpers }) => helpers)),
      },
      descriptors: {
        early: median(early.map(({ descriptors }) => descriptors)),
        late: median(late.map(({ descriptors }) => descriptors)),
      },
    };
  }

  #sample({ samples }: Life, pid: number): void {
    try {
      const helpers = childrenOf(pid).reduce((sum, child) => sum + memoryOf(child), 0);
      samples.push({ memory: memoryOf(pid), helpers, descriptors: readdirSync(`/proc/${pid}/fd`).length });
    } catch {
      // It has just ended.
    }
  }

  #ended(life: Life, code: number | null): void {
    clearInterval(this.#sampler);
    this.#child = undefined;
    life.code = code;
    if (life.ending === 'kill') return;
    const isWell = life.ending === 'stop' && code !== null && WELL.has(code);
    if (!isWell) this.failures.push(`${this.name} ended (${life.ending}) with ${code}: ${this.#log.join(' | ')}`);
    if (life.ending === 'itself' && code !== HALTED) this.#again = setTimeout(() => this.start(), AGAIN_AFTER);
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
