import { type AnyRecord, groupByType, RECORD_TYPES, type RecordType } from '../model/records.js';
import { createCsvEncoder } from './csv.js';
import { createNdjsonEncoder } from './ndjson.js';
import { addTo, type Encoder, type Sink, type SinkReport, type Tally } from './sink.js';
import { refuseExisting, WholeFile } from './whole-file.js';

type FileSinkOptions = {
  readonly path: string;
  readonly format: 'ndjson' | 'csv';
  /** Replace an existing file. */
  readonly force: boolean;
  /** The type of all records, if known in advance. */
  readonly type?: RecordType | undefined;
  /** The names of the columns to write; all by default. */
  readonly columns?: readonly string[] | undefined;
};

const PLACEHOLDER = '{type}';

/**
 * Returns a sink for a text file, or with `{type}` in the path for one file per record type. Files appear complete when the
 * sink is closed. Throws a `UsageError` when a file exists, a `FailureError` when one cannot be written.
 */
export async function createFileSink(options: FileSinkOptions): Promise<Sink> {
  if (!options.path.includes(PLACEHOLDER)) return openPart(options, options.type);
  // A type may first arrive after days. An existing file must be refused now, not then.
  for (const type of RECORD_TYPES) refuseExisting(pathOf(options.path, type), options.force);
  return new SplitSink(options);
}

function pathOf(path: string, type: RecordType): string {
  return path.replaceAll(PLACEHOLDER, type);
}

async function openPart(options: FileSinkOptions, type: RecordType | undefined): Promise<Sink> {
  const { path, format, force, columns } = options;
  const encoder = format === 'csv' ? await createCsvEncoder({ output: path, type, columns }) : createNdjsonEncoder(columns);
  return new FileSink(new WholeFile(path, force), encoder);
}

class FileSink implements Sink {
  readonly output: string;
  readonly #file: WholeFile;
  readonly #encoder: Encoder;

  constructor(file: WholeFile, encoder: Encoder) {
    this.output = file.path;
    this.#file = file;
    this.#encoder = encoder;
  }

  write(records: readonly AnyRecord[]): Promise<void> {
    return this.#file.write(this.#encoder.encode(records));
  }

  async close(): Promise<SinkReport> {
    await this.#file.write(this.#encoder.encode([]));
    await this.#file.close();
    return { output: this.output, records: this.#encoder.records, skipped: this.#encoder.skipped };
  }

  abort(): Promise<void> {
    return this.#file.abort();
  }
}

/** One file per type. Each holds a single type, so no record is skipped. */
class SplitSink implements Sink {
  readonly output: string;
  readonly #options: FileSinkOptions;
  readonly #parts = new Map<RecordType, Sink>();

  constructor(options: FileSinkOptions) {
    this.output = options.path;
    this.#options = options;
  }

  async write(records: readonly AnyRecord[]): Promise<void> {
    for (const [type, ofType] of groupByType(records)) await (await this.#part(type)).write(ofType);
  }

  async close(): Promise<SinkReport> {
    const skipped: Tally = {};
    let records = 0;
    for (const part of this.#parts.values()) {
      const report = await part.close();
      records += report.records;
      for (const [type, count] of Object.entries(report.skipped)) addTo(skipped, type as RecordType, count);
    }
    return { output: this.output, records, skipped };
  }

  async abort(): Promise<void> {
    for (const part of this.#parts.values()) await part.abort();
  }

  async #part(type: RecordType): Promise<Sink> {
    const known = this.#parts.get(type);
    if (known) return known;
    const part = await openPart({ ...this.#options, path: pathOf(this.output, type) }, type);
    this.#parts.set(type, part);
    return part;
  }
}
