import { createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { FailureError } from '../model/errors.js';
import type { AnyRecord } from '../model/records.js';
import { parquetRecords } from '../storage/database/parquet-records.js';
import { createScratch, removeScratch } from '../storage/files/scratch.js';
import { decompressed } from './decompression.js';
import { isCompressed } from './formats.js';
import type { InputListener } from './input-listener.js';
import { openBytes } from './lines.js';
import { typeOfColumns } from './record-shape.js';
import { memberOf } from './zip-archive.js';

/**
 * Returns the records of a Parquet file, in file order. The type is stored in the file or follows from its columns. Rows
 * without a required value are skipped and counted.
 */
export async function* readParquet(path: string, listener: InputListener): AsyncGenerator<AnyRecord[]> {
  const { file, dispose } = await plainFile(path);
  try {
    yield* recordsOf(file, path, listener);
  } catch (error) {
    if (file === path || !(error instanceof FailureError)) throw error;
    throw new FailureError(error.message.replaceAll(file, path));
  } finally {
    await dispose();
  }
}

async function* recordsOf(file: string, path: string, listener: InputListener): AsyncGenerator<AnyRecord[]> {
  const batches = parquetRecords(file, {
    typeOf: (columns) => typeOfColumns(columns, path),
    onIncomplete: (rows, first) => listener.broken(incompleteText(path, rows, first)),
  });
  let number = 0;
  for await (const records of batches) {
    if (listener.taken) for (const record of records) listener.taken(record, `${path}: record ${++number}`);
    yield records;
  }
}

/** Returns the message about rows of a Parquet file that are skipped. */
export function incompleteText(path: string, rows: number, first: string): string {
  const what = rows === 1 ? '1 row is not a valid record' : `${rows} rows are not valid records`;
  if (first !== '') return `${path}: ${what}, ${rows === 1 ? '' : 'the first is '}${first}`;
  return `${path}: ${what} (a required value is missing or invalid, a time is not in microseconds, or values contradict each other)`;
}

/** A file as it lies on disk: DuckDB reads Parquet from its end, so that it cannot take a stream. */
type PlainFile = { readonly file: string; dispose(): Promise<void> };

/** Returns a file that can be read at any place: the path itself, or the unpacked copy of a compressed one. */
export async function plainFile(path: string): Promise<PlainFile> {
  if (!isCompressed(path) && !memberOf(path)) {
    await requireFile(path);
    return { file: path, dispose: async () => {} };
  }
  const directory = await createScratch('unpacked');
  const dispose = () => removeScratch(directory);
  const file = join(directory, 'unpacked');
  try {
    await pipeline(Readable.from(decompressed(await openBytes(path), path)), createWriteStream(file));
    return { file, dispose };
  } catch (error) {
    await dispose();
    if (error instanceof FailureError) throw error;
    throw new FailureError(`${path}: cannot be read (${(error as Error).message})`);
  }
}

/** Throws a `FailureError` unless the path is a file. DuckDB's own error would speak of patterns. */
export async function requireFile(path: string): Promise<void> {
  const info = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw new FailureError(`${path}: cannot be read (${error.code === 'ENOENT' ? 'no such file' : error.message})`);
  });
  if (info.isDirectory()) throw new FailureError(`${path}: expected a file, found a directory`);
}
