import type { AnyRecord, RecordType } from '../model/records.js';

/** Numbers of records by type. */
export type Tally = Partial<Record<RecordType, number>>;

/** What one output has taken. `leftOut` counts records that it cannot hold and that were left out as promised. */
export type SinkReport = {
  /** The destination, as the user named it. */
  readonly output: string;
  readonly records: number;
  readonly leftOut: Readonly<Tally>;
};

/** Where records go. Calls do not overlap: whoever writes waits for the promise, which is the back-pressure. */
export type Sink = {
  readonly output: string;
  /** Resolves when the sink has taken the records and is ready for more. Throws a `ClosedOutputError` when the reader left. */
  write(records: readonly AnyRecord[]): Promise<void>;
  /** Makes everything written whole and visible. */
  close(): Promise<SinkReport>;
  /** Drops what is not yet visible; never throws. */
  abort(): Promise<void>;
};

/** The reader of an output has gone away (`| head`): no failure, there is only nobody left to write for. */
export class ClosedOutputError extends Error {
  constructor(output: string) {
    super(`${output} was closed by its reader`);
  }
}

/** Turns records into the text of one format. */
export type Encoder = {
  /** Returns the text of some records, '' when none of them belongs into this format. */
  encode(records: readonly AnyRecord[]): string;
  readonly records: number;
  readonly leftOut: Readonly<Tally>;
};

/** Adds one to the count of a type. */
export function addTo(tally: Tally, type: RecordType, more = 1): void {
  tally[type] = (tally[type] ?? 0) + more;
}
