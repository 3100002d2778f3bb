import { EXIT } from '../model/errors.js';
import type { RecordType } from '../model/records.js';
import { addTo, type SinkReport, type Tally } from '../sinks/sink.js';

/** Facts of one step beside its records: `frames`, `unknown`, `connections`… snake_case, as they are printed. */
export type Facts = Readonly<Record<string, unknown>>;

/** The document of `--json`. */
export type SummaryDocument = Readonly<Record<string, unknown>>;

type Verdict = { readonly exitCode: number; readonly reason: string };

/** Greater is worse: a run that is both incomplete and unreachable ends as unreachable. */
const SEVERITY: readonly number[] = [
  EXIT.done,
  EXIT.incomplete,
  EXIT.unsafe,
  EXIT.unreachable,
  EXIT.usage,
  EXIT.failure,
  EXIT.forced,
];

/** What a step did, filled while it runs: the closing lines on stderr, the document of `--json` and the exit code. */
export class Summary {
  readonly #command: string;
  readonly #started: number;
  readonly #records: Tally = {};
  readonly #warnings: string[] = [];
  readonly #verdicts: Verdict[] = [];
  #outputs: readonly SinkReport[] = [];
  #facts: Facts = {};
  #data: readonly unknown[] | undefined;

  /** `started` is microseconds since the epoch. */
  constructor(command: string, started: number) {
    this.#command = command;
    this.#started = started;
  }

  count(type: RecordType, more = 1): void {
    addTo(this.#records, type, more);
  }

  /** Notes something that the user should know and that does not change the exit code. */
  warn(message: string): void {
    this.#warnings.push(message);
  }

  /** The run is done, but data is missing: exit 3. */
  incomplete(reason: string): void {
    this.#verdicts.push({ exitCode: EXIT.incomplete, reason });
  }

  /** Part of the work could not be done: exit 1. */
  failed(reason: string): void {
    this.#verdicts.push({ exitCode: EXIT.failure, reason });
  }

  /** The plan is unsafe or breaks a limit: exit 4. */
  unsafe(reason: string): void {
    this.#verdicts.push({ exitCode: EXIT.unsafe, reason });
  }

  /** An exchange could not be reached although others could: exit 5. */
  unreachable(reason: string): void {
    this.#verdicts.push({ exitCode: EXIT.unreachable, reason });
  }

  get hasUnreachable(): boolean {
    return this.#verdicts.some(({ exitCode }) => exitCode === EXIT.unreachable);
  }

  /** Adds facts of the step; a name given again is replaced. */
  note(facts: Facts): void {
    this.#facts = { ...this.#facts, ...facts };
  }

  /** The rows that `--json` gives under `data`. */
  set data(rows: readonly unknown[]) {
    this.#data = rows;
  }

  set outputs(reports: readonly SinkReport[]) {
    this.#outputs = reports;
  }

  get total(): number {
    return Object.values(this.#records).reduce((sum, count) => sum + count, 0);
  }

  get exitCode(): number {
    return this.#verdicts.reduce((worst, { exitCode }) => worse(worst, exitCode), EXIT.done as number);
  }

  /** Why the exit code is not 0, one reason each. */
  get reasons(): readonly string[] {
    return this.#verdicts.map(({ reason }) => reason);
  }

  /** Returns the document of `--json`; `ended` is microseconds since the epoch. */
  document(ended: number): SummaryDocument {
    return {
      command: this.#command,
      exit_code: this.exitCode,
      started_timestamp: this.#started,
      ended_timestamp: ended,
      records: this.#records,
      outputs: this.#outputs.map(({ output, records, skipped }) => ({ output, records, left_out: skipped })),
      ...this.#facts,
      warnings: this.#warnings,
      reasons: this.reasons,
      ...(this.#data ? { data: this.#data } : {}),
    };
  }

  /** Returns the closing line: records by type, time taken, outputs other than stdout, facts that are not 0. */
  line(ended: number): string {
    const seconds = ((ended - this.#started) / 1_000_000).toFixed(1);
    const parts = [
      this.#countsText(),
      `${seconds} s`,
      ...this.#outputs.flatMap(outputText),
      ...Object.entries(this.#facts).flatMap(factText),
    ];
    return `${this.#command}: ${parts.join(', ')}`;
  }

  #countsText(): string {
    const counts = Object.entries(this.#records).map(([type, count]) => `${count} ${type}`);
    return counts.length > 0 ? counts.join(', ') : 'no records';
  }
}

function worse(a: number, b: number): number {
  return SEVERITY.indexOf(b) > SEVERITY.indexOf(a) ? b : a;
}

function outputText({ output, skipped }: SinkReport): string[] {
  const omitted = Object.entries(skipped).map(([type, count]) => `${count} ${type}`);
  const note = omitted.length > 0 ? ` (${omitted.join(' and ')} left out)` : '';
  return output === '-' && note === '' ? [] : [`${output === '-' ? 'stdout' : output}${note}`];
}

function factText([name, value]: [string, unknown]): string[] {
  if (value === 0 || value === undefined || (typeof value === 'object' && Object.keys(value ?? {}).length === 0)) return [];
  return [`${name.replaceAll('_', ' ')} ${typeof value === 'object' ? JSON.stringify(value) : value}`];
}
