import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { start } from '../mdtool.js';

/** A record as it was printed. */
export type Line = Readonly<Record<string, unknown>> & {
  readonly type: string;
  readonly symbol?: string;
  readonly id?: string;
  readonly channel?: string;
  readonly reason?: string;
  readonly missing?: boolean;
  readonly timestamp: number;
  readonly local_timestamp?: number;
};

/** The document in which a run says how it went. */
type RunSummary = {
  readonly exit_code: number;
  readonly records: Readonly<Record<string, number>>;
  readonly rejected: Readonly<Record<string, number>>;
  readonly dropped_records: number;
  readonly connects: number;
  readonly reasons: readonly string[];
};

/** One run of the real command, which prints what it stores. */
export class CaptureProcess {
  /** What was printed so far, in order. */
  readonly lines: Line[] = [];
  readonly log: string[] = [];
  readonly #child: ChildProcess;
  readonly #printed = new Set<string>();
  readonly #printedBooks = new Set<string>();
  readonly #ended: Promise<{ code: number | null }>;
  #rest = '';
  hasEnded = false;

  constructor(args: readonly string[], env: Readonly<Record<string, string>>) {
    this.#child = start([...args, '-o', 'store', '-o', '-', '--format', 'ndjson', '--log-format', 'json'], { env });
    this.#child.stdin?.end();
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#take(text));
    let words = '';
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      const parts = (words + text).split('\n');
      words = parts.pop() ?? '';
      this.log.push(...parts);
    });
    this.#ended = once(this.#child, 'close').then(([code]) => {
      this.hasEnded = true;
      return { code: code as number | null };
    });
  }

  hasPrinted(symbol: string, id: string): boolean {
    return this.#printed.has(`${symbol} ${id}`);
  }

  /** Whether a state of a symbol's book was printed, whole or by a change that leads to it. */
  hasPrintedBook(symbol: string, sequence: string): boolean {
    return this.#printedBooks.has(`${symbol} ${sequence}`);
  }

  pauseReading(): void {
    this.#child.stdout?.pause();
  }

  resumeReading(): void {
    this.#child.stdout?.resume();
  }

  /** kill -9. What it had printed until then is read. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    this.resumeReading();
    await this.#ended;
  }

  /** Asks the run to stop; resolves with its exit code. */
  async stop(): Promise<number | null> {
    this.resumeReading();
    this.#child.kill('SIGTERM');
    return (await this.#ended).code;
  }

  get summary(): RunSummary | undefined {
    const last = this.log.findLast((line) => line.includes('"exit_code"'));
    return last === undefined ? undefined : (JSON.parse(last) as RunSummary);
  }

  #take(text: string): void {
    const parts = (this.#rest + text).split('\n');
    this.#rest = parts.pop() ?? '';
    for (const part of parts) {
      const line = JSON.parse(part) as Line;
      this.lines.push(line);
      if (line.type === 'trade') this.#printed.add(`${line.symbol} ${line.id}`);
      if (line.type.startsWith('book')) this.#printedBooks.add(`${line.symbol} ${line.sequence}`);
    }
  }
}
