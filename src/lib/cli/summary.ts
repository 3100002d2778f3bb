import { EXIT } from '../model/errors.js';
import type { RecordType } from '../model/records.js';
import { addTo, type SinkReport, type Tally } from '../sinks/sink.js';
import { type Facts, summaryLine } from './summary-text.js';

/** The document of `--json`. */
export type SummaryDocument = Readonly<Record<string, unknown>>;

type Verdict = { readonly exitCode: number; readonly reason: string };

/** Exit codes from mild to severe: a run that is incomplete and unreachable ends as unreachable. */
const SEVERITY: readonly number[] = [
  EXIT.done,
  EXIT.incomplete,
  EXIT.unsafe,
  EXIT.unreachable,
  EXIT.usage,
  EXIT.failure,
  EXIT.forced,
];

/** Result of a step, filled while it runs: the closing lines on stderr, the document of `--json` and the exit code. */
export class Summary {
  readonly #command: string;
  readonly #started: number;
  readonly #records: Tally = {};
  readonly #warnings: string[] = [];
  readonly #verdicts: Verdict[] = [];
  #outputs: readonly SinkReport[] = [];
  #facts: Facts = {};
  #data: readonly unknown[] | undefined;
  #store: string | undefined;
  #verb: string | undefined;

  /** `started` is microseconds since the epoch. */
  constructor(command: string, started: number) {
    this.#command = command;
    this.#started = started;
  }

  count(type: RecordType, more = 1): void {
    addTo(this.#records, type, more);
  }

  /** Adds a warning, which does not change the exit code. */
  warn(message: string): void {
    this.#warnings.push(message);
  }

  /** Records that data is missing: exit 3. */
  incomplete(reason: string): void {
    this.#verdicts.push({ exitCode: EXIT.incomplete, reason });
  }

  /** Records that part of the work failed: exit 1. */
  failed(reason: string): void {
    this.#verdicts.push({ exitCode: EXIT.failure, reason });
  }

  /** Records that the plan is unsafe or breaks a limit: exit 4. */
  unsafe(reason: string): void {
    this.#verdicts.push({ exitCode: EXIT.unsafe, reason });
  }

  /** Records that an exchange could not be reached although others could: exit 5. */
  unreachable(reason: string): void {
    this.#verdicts.push({ exitCode: EXIT.unreachable, reason });
  }

  get hasUnreachable(): boolean {
    return this.#verdicts.some(({ exitCode }) => exitCode === EXIT.unreachable);
  }

  /** Adds facts of the step; a later value replaces an earlier one of the same name. */
  note(facts: Facts): void {
    this.#facts = { ...this.#facts, ...facts };
  }

  /** The rows under `data` in the document of `--json`. */
  set data(rows: readonly unknown[]) {
    this.#data = rows;
  }

  /** The store's directory, for the closing line. */
  set store(directory: string | undefined) {
    this.#store = directory;
  }

  /** What the step did to the records, for the closing line: `merged`. */
  set verb(verb: string) {
    this.#verb = verb;
  }

  set outputs(reports: readonly SinkReport[]) {
    this.#outputs = reports;
  }

  /** Adds an output that the step opened itself, in the place of the `none` that stands for it. */
  addOutput(report: SinkReport | undefined): void {
    if (report) this.#outputs = [...this.#outputs.filter(({ output }) => output !== 'none'), report];
  }

  /** Number of records by type. */
  get records(): Tally {
    return this.#records;
  }

  /** Start, microseconds since the epoch. */
  get started(): number {
    return this.#started;
  }

  get total(): number {
    return Object.values(this.#records).reduce((sum, count) => sum + count, 0);
  }

  get exitCode(): number {
    return this.#verdicts.reduce((worst, { exitCode }) => worse(worst, exitCode), EXIT.done as number);
  }

  /** Reasons why the exit code is not 0. */
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

  /** Returns the closing line; `ended` is microseconds since the epoch. */
  line(ended: number): string {
    return summaryLine({
      command: this.#command,
      verb: this.#verb,
      records: this.#records,
      outputs: this.#outputs,
      store: this.#store,
      facts: this.#facts,
      seconds: (ended - this.#started) / 1_000_000,
    });
  }
}

function worse(a: number, b: number): number {
  return SEVERITY.indexOf(b) > SEVERITY.indexOf(a) ? b : a;
}
