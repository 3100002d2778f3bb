import { FailureError, MdtoolError } from '../model/errors.js';
import type { RecordType } from '../model/records.js';
import type { Database } from '../storage/database/duckdb.js';
import { parquetSelect } from '../storage/database/parquet-records.js';
import { databaseReason } from '../storage/files/database-reason.js';
import { loadCsv } from './csv-table.js';
import type { InputListener } from './input-listener.js';
import { incompleteText, requireFile } from './parquet-input.js';
import { typeOfColumns } from './record-shape.js';

/** The type of a file, and the SELECT of its valid records in the columns of the type, in file order. */
export type FileSelect = { readonly type: RecordType; readonly select: string };

/**
 * Returns the SELECT of a Parquet file where it lies; rows that are not records are counted for the listener. Throws a
 * `FailureError` that names the path when the file cannot be read.
 */
export async function selectParquet(database: Database, path: string, listener: InputListener): Promise<FileSelect> {
  await requireFile(path);
  try {
    return await parquetSelect(database, path, {
      typeOf: (columns) => typeOfColumns(columns, path),
      onIncomplete: (rows, first) => listener.broken(incompleteText(path, rows, first)),
    });
  } catch (error) {
    if (error instanceof MdtoolError) throw error;
    throw new FailureError(`${path}: cannot be read (${databaseReason(error)})`, { cause: error });
  }
}

/** Loads CSV files by DuckDB's reader; undefined when one of them has to be read record by record (see `loadCsv`). `tables` begins the names of their tables. */
export async function loadAllCsv(
  database: Database,
  paths: readonly string[],
  tables: string,
): Promise<ReadonlyMap<string, FileSelect> | undefined> {
  const selects = new Map<string, FileSelect>();
  for (const [index, path] of paths.entries()) {
    const loaded = await loadCsv(database, path, `${tables}_${index}`);
    if (!loaded) return undefined;
    selects.set(path, loaded);
  }
  return selects;
}
