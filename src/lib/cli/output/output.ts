import { UsageError } from '../../model/errors.js';
import type { AnyRecord, RecordType } from '../../model/records.js';
import { ClosedOutputError, type Sink, type SinkReport } from '../../sinks/sink.js';
import type { RowTable } from '../../storage/database/row-table.js';
import type { Format } from '../flags.js';
import type { TableTaker } from './database-sink.js';
import { type DestinationOptions, destinationOf } from './destinations.js';
import { createRenderedSink, type Render } from './rendered-sink.js';
import { type PartSink, type RowSelection, requireRecordColumns, rowSelection } from './row-selection.js';
import type { StoreTarget } from './store-sink.js';
import { createLineSink, createTableSink, type Terminal } from './table-sink.js';

export type OutputOptions = {
  /** `-o`, in the order of the command line. */
  readonly destinations: readonly string[];
  /** Where records go without `-o`. */
  readonly fallback: string;
  readonly format?: Format | undefined;
  /** `--columns`, `--limit` and `--tail`: what is printed and written to files, not what is stored. */
  readonly selection?: RowSelection | undefined;
  readonly force: boolean;
  /** stdout is reserved for the document of `--json`. */
  readonly json: boolean;
  readonly endless: boolean;
  readonly types?: readonly RecordType[] | undefined;
  readonly render?: Render | undefined;
  readonly asLines?: boolean | undefined;
  readonly store?: StoreTarget | undefined;
  /** The step has already stored the records; it may know their number better. */
  readonly stored?: Stored | undefined;
  readonly stdout: Terminal;
  readonly note: (text: string) => void;
};

/** Records that a step has stored itself: all that it delivers, or a number of which it delivers some. */
export type Stored = true | { readonly records: number };

/** All outputs of a step, opened. */
export type Output = {
  /** Resolves when every output has taken the records. Throws a `ClosedOutputError` when every reader has left. */
  write(records: readonly AnyRecord[]): Promise<void>;
  /** Whether every output has all that was asked for. */
  readonly isFull: boolean;
  /** Takes all records as one table, where the only output can: then nothing is to be written. Returns their number. */
  readonly takeTable?: ((table: RowTable) => Promise<number>) | undefined;
  /** Completes every output, even if one of them fails. */
  close(): Promise<readonly SinkReport[]>;
  abort(): Promise<void>;
};

/** Rows that a batch step into the store shows on a terminal. */
export const LAST_ROWS = 20;

/** Opens the outputs of `-o`, or the default. Throws a `UsageError` before anything is written. */
export async function openOutput(options: OutputOptions): Promise<Output> {
  const names = namesOf(options);
  const destinations = names.map((name) => ({ name, destination: destinationOf(name) }));
  const settings: DestinationOptions = {
    ...options,
    format: options.format ?? (options.stdout.isTTY ? 'table' : 'ndjson'),
    types: options.types,
    selection: rowSelection(options.selection ?? {}),
  };
  requireRecordColumns(settings.selection.columns, options.types);
  const sinks: OpenSink[] = [];
  try {
    for (const { name, destination } of destinations) {
      sinks.push(
        options.stored && name === 'store' ? countingSink(name, options.stored) : await destination.open(name, settings),
      );
    }
    if (names.includes('store') && !names.includes('-')) sinks.push(...lastRows(options, settings.selection));
  } catch (error) {
    for (const sink of sinks) await sink.abort();
    throw error;
  }
  return new Outputs(sinks, options.note);
}

/** Returns the outputs to open, stdout last: a line is printed only after the other outputs have the record. */
function namesOf({ destinations, fallback, json }: OutputOptions): string[] {
  const names = destinations.length > 0 ? destinations : [fallback];
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new UsageError(`-o ${twice} appears twice`);
  if (json && destinations.includes('-'))
    throw new UsageError(
      '-o - cannot be combined with --json, which prints one document on stdout; use --format ndjson for records',
    );
  return [...names.filter((name) => name !== '-'), ...names.filter((name) => name === '-' && !json)];
}

/** Returns what a batch step into the store also shows on a terminal: its last rows, or all of its own lines. */
function lastRows({ stdout, json, endless, render, asLines, note }: OutputOptions, selection: RowSelection): Sink[] {
  const { columns, limit, tail } = selection;
  const isPart = columns !== undefined || limit !== undefined || tail !== undefined;
  if (asLines && !json && stdout.isTTY && !isPart) return [createLineSink(stdout)];
  if (json || endless || !(stdout.isTTY || render)) return [];
  if (render && !isPart) return [createRenderedSink(stdout, render)];
  const keep = limit === undefined ? 'last' : 'first';
  return [createTableSink({ stream: stdout, rows: limit ?? tail ?? LAST_ROWS, keep, columns, note })];
}

function countingSink(output: string, stored: Stored): Sink {
  let records = 0;
  return {
    output,
    async write(batch) {
      records += batch.length;
    },
    close: async () => ({ output, records: stored === true ? records : stored.records, skipped: {} }),
    async abort() {},
  };
}

type OpenSink = PartSink & TableTaker;

class Outputs implements Output {
  readonly #note: (text: string) => void;
  readonly #reports: SinkReport[] = [];
  #sinks: readonly OpenSink[];

  constructor(sinks: readonly OpenSink[], note: (text: string) => void) {
    this.#sinks = sinks;
    this.#note = note;
  }

  get isFull(): boolean {
    return this.#sinks.length > 0 && this.#sinks.every((sink) => sink.isFull === true);
  }

  async write(records: readonly AnyRecord[]): Promise<void> {
    for (const sink of this.#sinks) {
      await this.#unlessClosed(sink, () => sink.write(records));
    }
  }

  get takeTable(): Output['takeTable'] {
    const [only, second] = this.#sinks;
    return second === undefined && only?.takeTable ? (table) => only.takeTable?.(table) ?? Promise.resolve(0) : undefined;
  }

  async close(): Promise<readonly SinkReport[]> {
    const failures: unknown[] = [];
    for (const sink of this.#sinks) {
      try {
        await this.#unlessClosed(sink, async () => void this.#reports.push(await sink.close()));
      } catch (error) {
        await sink.abort();
        failures.push(error);
      }
    }
    this.#sinks = [];
    if (failures.length > 0) throw failures.find((error) => !(error instanceof ClosedOutputError)) ?? failures[0];
    return this.#reports;
  }

  async abort(): Promise<void> {
    for (const sink of this.#sinks) await sink.abort();
  }

  /** Drops a sink whose reader has left, unless it is the last one. */
  async #unlessClosed(sink: Sink, act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      if (!(error instanceof ClosedOutputError) || this.#sinks.length === 1) throw error;
      this.#sinks = this.#sinks.filter((other) => other !== sink);
      this.#note(`${error.message}; the other outputs continue`);
    }
  }
}
