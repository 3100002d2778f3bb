import { stat } from 'node:fs/promises';
import { FailureError } from '../model/errors.js';
import type { AnyRecord } from '../model/records.js';
import { parquetRecords } from '../storage/database/parquet-records.js';
import type { InputListener } from './input-listener.js';
import { typeOfColumns } from './record-shape.js';

/**
 * Returns the records of a Parquet file, in file order. The type is stored in the file or follows from its columns. Rows
 * without a required value are skipped and counted.
 */
export async function* readParquet(path: string, listener: InputListener): AsyncGenerator<AnyRecord[]> {
  await requireFile(path);
  const batches = parquetRecords(path, {
    typeOf: (columns) => typeOfColumns(columns, path),
    onIncomplete: (rows) =>
      listener.broken(
        `${path}: ${rows} ${rows === 1 ? 'row is' : 'rows are'} not valid records (a required value is missing or invalid, a time is not in microseconds, or values contradict each other)`,
      ),
  });
  let number = 0;
  for await (const records of batches) {
    if (listener.taken) for (const record of records) listener.taken(record, `${path}: record ${++number}`);
    yield records;
  }
}

/** Throws a `FailureError` unless the path is a file. DuckDB's own error would speak of patterns. */
export async function requireFile(path: string): Promise<void> {
  const info = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw new FailureError(`${path}: cannot be read (${error.code === 'ENOENT' ? 'no such file' : error.message})`);
  });
  if (info.isDirectory()) throw new FailureError(`${path}: expected a file, found a directory`);
}
