import type { AnyRecord, RecordType } from '../model/records.js';

/** Numbers of records by type. */
export type Tally = Partial<Record<RecordType, number>>;

/** Records written to one output. `skipped` counts records of types that its format cannot hold. */
export type SinkReport = {
  /** The destination as the user named it. */
  readonly output: string;
  readonly records: number;
  readonly skipped: Readonly<Tally>;
  /** Which of the records were written, when `--limit` or `--tail` left others out. */
  readonly part?: 'first' | 'last';
  /** Why some records could not be taken, for a run that is incomplete because of it. */
  readonly rejected?: string | undefined;
};

/** A destination of records. Calls do not overlap: the writer awaits each promise, which is the back-pressure. */
export type Sink = {
  readonly output: string;
  /** Resolves when the sink is ready for more. Throws a `ClosedOutputError` when the reader of a pipe has gone. */
  write(records: readonly AnyRecord[]): Promise<void>;
  /** Completes the output and makes it visible. */
  close(): Promise<SinkReport>;
  /** Discards an unfinished output; never throws. */
  abort(): Promise<void>;
};

/** The reader of an output has gone (`| head`). This is no failure: the run just ends. */
export class ClosedOutputError extends Error {
  constructor(output: string) {
    super(`${output} was closed by its reader`);
  }
}

/** Turns records into the text of one format, or its bytes in UTF-8. */
export type Encoder<Encoded = string | Uint8Array> = {
  /** Returns the text of records, empty when the format holds none of them. */
  encode(records: readonly AnyRecord[]): Encoded;
  /** Returns what stands behind the last record. */
  end?(): string;
  readonly records: number;
  readonly skipped: Readonly<Tally>;
};

/** Adds one to the count of a type. */
export function addTo(tally: Tally, type: RecordType, more = 1): void {
  tally[type] = (tally[type] ?? 0) + more;
}
