import { isBucketUrl } from '../../bucket/bucket-url.js';
import { UsageError } from '../../model/errors.js';
import type { RecordType } from '../../model/records.js';
import { createJsonEncoder, createNdjsonEncoder } from '../../sinks/ndjson.js';
import type { Sink } from '../../sinks/sink.js';
import { createStdoutSink } from '../../sinks/stdout.js';
import type { Format } from '../flags.js';
import { createRenderedSink, type Render } from './rendered-sink.js';
import { createPartSink, type RowSelection, requireRecordColumns } from './row-selection.js';
import type { StoreTarget } from './store-sink.js';
import { createLineSink, createTableSink, type Terminal } from './table-sink.js';

/** Options for opening a destination. */
export type DestinationOptions = {
  readonly stdout: Terminal;
  readonly format: Format;
  /** What of the records is printed and written to text files. */
  readonly selection: RowSelection;
  readonly force: boolean;
  /** Whether records arrive until the step is stopped. */
  readonly endless: boolean;
  /** The possible types, if known. */
  readonly types: readonly RecordType[] | undefined;
  /** Renders the records, if the command has its own way. */
  readonly render?: Render | undefined;
  /** Whether a batch is also shown as a line per record: its rows are events, not a table. */
  readonly asLines?: boolean | undefined;
  /** The store of `-o store`, if the step may write to one. */
  readonly store?: StoreTarget | undefined;
  /** Prints a hint on stderr. */
  readonly note: (text: string) => void;
};

/** One kind of `-o DEST`; a new kind is one entry of `DESTINATIONS`. */
type Destination = {
  /** How messages name it. */
  readonly name: string;
  matches(output: string): boolean;
  open(output: string, options: DestinationOptions): Promise<Sink>;
};

const MOST_ROWS = 200;

const DESTINATIONS: readonly Destination[] = [
  { name: '-', matches: (output) => output === '-', open: (_, options) => openStdout(options) },
  { name: 'store', matches: (output) => output === 'store', open: (_, options) => openStore(options) },
  { name: 's3://BUCKET/FILE', matches: isBucketUrl, open: openInBucket },
  { name: 'none', matches: (output) => output === 'none', open: async () => createNullSink() },
  { name: 'FILE.ndjson[.gz]', matches: (output) => /\.ndjson(\.gz)?$/.test(output), open: openFile('ndjson') },
  { name: 'FILE.csv[.gz]', matches: (output) => /\.csv(\.gz)?$/.test(output), open: openFile('csv') },
  { name: 'FILE.parquet', matches: (output) => output.endsWith('.parquet'), open: openDatabase('parquet') },
  { name: 'FILE.duckdb', matches: (output) => output.endsWith('.duckdb'), open: openDatabase('duckdb') },
];

/** Returns the destination of an output. Throws a `UsageError` that names all destinations. */
export function destinationOf(output: string): Destination {
  const destination = DESTINATIONS.find(({ matches }) => matches(output));
  if (destination) return destination;
  const names = DESTINATIONS.map(({ name }) => name).join(', ');
  throw new UsageError(`-o ${output}: expected one of ${names}`);
}

/** Returns a sink that discards records, for runs that only need a tape or metrics. */
function createNullSink(): Sink {
  let records = 0;
  return {
    output: 'none',
    async write(batch) {
      records += batch.length;
    },
    close: async () => ({ output: 'none', records, skipped: {} }),
    async abort() {},
  };
}

async function openStdout(options: DestinationOptions): Promise<Sink> {
  const { format, selection } = options;
  const isOneType = format === 'csv' || format === 'tsv' || format === 'markdown' || format === 'table';
  return createPartSink(await printedSink(options), selection, !isOneType);
}

async function printedSink(options: DestinationOptions): Promise<Sink> {
  const { format, stdout, types, endless, render, asLines, note, selection } = options;
  const { columns, limit, tail } = selection;
  if (format === 'ndjson' || format === 'jsonl') return createStdoutSink(createNdjsonEncoder(columns), stdout);
  if (format === 'json') return createStdoutSink(createJsonEncoder(columns), stdout);
  if (format === 'csv' || format === 'tsv' || format === 'markdown') {
    const { createCsvEncoder } = await import('../../sinks/csv.js');
    const form = format === 'markdown' ? format : format === 'tsv' ? '\t' : ',';
    const type = await onlyTypeWith(columns, '-', types);
    return createStdoutSink(await createCsvEncoder({ output: '-', type, form, columns }), stdout);
  }
  if (columns === undefined && limit === undefined && tail === undefined) {
    if (render) return createRenderedSink(stdout, render);
    if (endless || asLines) return createLineSink(stdout);
  }
  return createTableSink({ stream: stdout, rows: limit ?? tail ?? MOST_ROWS, keep: 'first', columns, note });
}

/** Returns the only type of a CSV output, undefined when it is not known yet. */
async function onlyTypeWith(
  columns: readonly string[] | undefined,
  output: string,
  types: readonly RecordType[] | undefined,
): Promise<RecordType | undefined> {
  const { onlyType } = await import('../../sinks/csv.js');
  requireRecordColumns(columns, types);
  return onlyType(output, types, columns);
}

function openFile(format: 'ndjson' | 'csv'): Destination['open'] {
  return async (path, { force, types, selection }) => {
    const { createFileSink } = await import('../../sinks/file.js');
    const isOneType = format === 'csv' && !path.includes('{type}');
    const type = isOneType ? await onlyTypeWith(selection.columns, path, types) : undefined;
    const file = await createFileSink({ path, format, force, type, columns: selection.columns });
    return createPartSink(file, selection, format === 'ndjson');
  };
}

async function openStore({ store, note }: DestinationOptions): Promise<Sink> {
  if (!store) throw new UsageError('-o store: this step does not write to a store; name a file or -');
  const { createStoreSink } = await import('./store-sink.js');
  return createStoreSink(store, note);
}

async function openInBucket(output: string, options: DestinationOptions): Promise<Sink> {
  const file = destinationOf(output.slice(output.lastIndexOf('/') + 1));
  if (!file.name.startsWith('FILE'))
    throw new UsageError(`-o ${output}: expected the name of a file, such as s3://bucket/trades.parquet`);
  const { createBucketSink } = await import('./bucket-output.js');
  return createBucketSink(output, options.force, (path) => file.open(path, { ...options, force: true }));
}

function openDatabase(format: 'parquet' | 'duckdb'): Destination['open'] {
  return async (path, { force, types, selection }) => {
    if (selection.columns)
      throw new UsageError(
        `-o ${path}: holds whole records; --columns is for stdout, .ndjson and .csv (mdtool query writes any table)`,
      );
    const { createDuckDBSink, createParquetSink } = await import('./database-sink.js');
    return createPartSink(
      await (format === 'parquet' ? createParquetSink : createDuckDBSink)({ path, force, types }),
      selection,
      format === 'duckdb',
    );
  };
}
