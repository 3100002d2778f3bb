import { UsageError } from '../model/errors.js';
import { memberOf } from './zip-archive.js';

/** The formats of files that are read, by the end of their names without the compression. */
const FORMATS = [
  { format: 'ndjson', pattern: /^-$|\.(?:ndjson|jsonl)$/i },
  { format: 'json', pattern: /\.json$/i },
  { format: 'csv', pattern: /\.(?:csv|tsv)$/i },
  { format: 'parquet', pattern: /\.parquet$/i },
] as const;
const COMPRESSION = /\.(?:gz|zst)$/i;

/** A format of input files. */
export type FileFormat = (typeof FORMATS)[number]['format'];

/** What every step reads, for messages. */
const READABLE = '.ndjson, .jsonl, .json, .csv, .tsv or .parquet, each also .gz, .zst or in a .zip';

/** Formats that are recognised and not read, and what to do about them. */
const REFUSED: readonly { readonly pattern: RegExp; readonly advice: string }[] = [
  { pattern: /\.(?:feather|arrow|ipc)$/i, advice: 'Feather is not read; save it as Parquet (pandas: df.to_parquet)' },
  { pattern: /\.xlsx?$/i, advice: 'spreadsheets are not read; save the sheet as CSV' },
  { pattern: /\.(?:h5|hdf5?|pkl|pickle|duckdb|db|sqlite)$/i, advice: 'it is not read; save the table as Parquet or CSV' },
  { pattern: /\.(?:bz2|xz|7z|rar|tar|tgz)$/i, advice: 'this compression is not read; unpack it first' },
];

/** Returns the format of a file by its name, `-` for NDJSON on stdin. Throws a `UsageError` that says what is read. */
export function formatOf(path: string): FileFormat {
  const name = path.replace(COMPRESSION, '');
  const known = FORMATS.find(({ pattern }) => pattern.test(name));
  if (known) return known.format;
  const refused = REFUSED.find(({ pattern }) => pattern.test(name));
  throw new UsageError(`${path}: ${refused?.advice ?? `expected ${READABLE}, or - for NDJSON on stdin`}`);
}

/** Returns whether a file's name says that it is compressed. */
export function isCompressed(path: string): boolean {
  return COMPRESSION.test(path);
}

/** Returns whether DuckDB can read a file where it lies. */
export function isPlainParquet(path: string): boolean {
  return /\.parquet$/i.test(path) && !memberOf(path);
}
