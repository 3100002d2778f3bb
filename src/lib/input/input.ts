import { UsageError } from '../model/errors.js';
import type { AnyRecord } from '../model/records.js';
import type { InputListener } from './input-listener.js';
import { expandPaths } from './paths.js';

type Read = (path: string, listener: InputListener) => AsyncIterable<AnyRecord[]>;

const FORMATS: readonly { readonly pattern: RegExp; readonly load: () => Promise<Read> }[] = [
  { pattern: /^-$|\.ndjson(\.gz)?$/, load: async () => (await import('./ndjson-input.js')).readNdjson },
  { pattern: /\.csv(\.gz)?$/, load: async () => (await import('./csv-input.js')).readCsv },
  { pattern: /\.parquet$/, load: async () => (await import('./parquet-input.js')).readParquet },
];

/**
 * Returns the records of INPUT in batches, file by file in the order of `paths`: `-` is stdin (NDJSON), files are `.ndjson`
 * and `.csv`, both also `.gz`, and `.parquet`; globs are expanded. Every record is checked against the schema. Throws a
 * `UsageError` before any file is read when one has another format, a `FailureError` when one cannot be read.
 */
export async function* readInput(paths: readonly string[], listener: InputListener): AsyncGenerator<AnyRecord[]> {
  const files = await expandPaths(paths);
  const readers = await Promise.all(files.map(readerOf));
  for (const [index, path] of files.entries()) yield* (readers[index] as Read)(path, listener);
}

function readerOf(path: string): Promise<Read> {
  const format = FORMATS.find(({ pattern }) => pattern.test(path));
  if (!format) throw new UsageError(`${path}: expected .ndjson, .csv (both also .gz), .parquet, or - for NDJSON on stdin`);
  return format.load();
}
