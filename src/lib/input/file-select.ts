import { FailureError, MdtoolError } from '../model/errors.js';
import type { RecordType } from '../model/records.js';
import { type Database, sqlName } from '../storage/database/duckdb.js';
import { type ParquetListener, parquetSelect } from '../storage/database/parquet-records.js';
import { tableColumns } from '../storage/database/record-table.js';
import { databaseReason } from '../storage/files/database-reason.js';
import { loadCsv } from './csv-table.js';
import type { InputListener } from './input-listener.js';
import { loadNdjson } from './ndjson-table.js';
import { incompleteText, requireFile } from './parquet-input.js';
import { typeOfColumns } from './record-shape.js';
import { type LoadedText, type TextTarget, temporaryTable } from './text-target.js';

/** The type of a file, and the SELECT of its valid records in the columns of the type, in file order. */
export type FileSelect = {
  readonly type: RecordType;
  readonly select: string;
  /** The table that holds the records, in file order by `rowid`, perhaps beside those of other types. */
  readonly table?: string | undefined;
};

/**
 * Returns the SELECT of a Parquet file where it lies; rows that are not records are counted for the listener. Throws a
 * `FailureError` that names the path when the file cannot be read.
 */
export async function selectParquet(database: Database, path: string, listener: InputListener): Promise<FileSelect> {
  return await namingFile(path, () => parquetSelect(database, path, parquetListener(path, listener)));
}

/** The records of a Parquet file where it lies, with `place0`: their row numbers from a first one on; `places` is the number of rows. */
type PlacedParquet = FileSelect & { readonly rows: number; readonly places: number };

/** Returns the records of a Parquet file as `selectParquet`, with their places from `firstOf` their type on; `known` is their type. */
export async function placedParquet(
  database: Database,
  path: string,
  firstOf: (type: RecordType) => number,
  listener: InputListener,
  known?: RecordType,
): Promise<PlacedParquet> {
  return await namingFile(path, async () => {
    const { onIncomplete, typeOf } = parquetListener(path, listener);
    const typed = { onIncomplete, typeOf: (columns: readonly string[]) => known ?? typeOf(columns) };
    const { type, select, rows, places } = await parquetSelect(database, path, typed, 'file_row_number');
    const columns = tableColumns(type).map(({ name }) => sqlName(name));
    return { type, rows, places, select: `SELECT ${columns.join(', ')}, position + ${firstOf(type)} AS place0 FROM (${select})` };
  });
}

function parquetListener(path: string, listener: InputListener): ParquetListener {
  return {
    typeOf: (columns) => typeOfColumns(columns, path),
    onIncomplete: (rows, first) => listener.broken(incompleteText(path, rows, first)),
  };
}

async function namingFile<T>(path: string, read: () => Promise<T>): Promise<T> {
  await requireFile(path);
  try {
    return await read();
  } catch (error) {
    if (error instanceof MdtoolError) throw error;
    throw new FailureError(`${path}: cannot be read (${databaseReason(error)})`, { cause: error });
  }
}

/**
 * Loads CSV and NDJSON files by DuckDB's readers; undefined when one of them has to be read record by record (see `loadCsv`
 * and `loadNdjson`). `tables` begins the names of their tables.
 */
export async function loadTextFiles(
  database: Database,
  paths: readonly string[],
  tables: string,
): Promise<ReadonlyMap<string, readonly FileSelect[]> | undefined> {
  const selects = new Map<string, readonly FileSelect[]>();
  for (const [index, path] of paths.entries()) {
    const table = `${tables}_${index}`;
    const loaded = await loadText(database, path, temporaryTable(database, table));
    if (!loaded) return await forget(database, selects);
    selects.set(
      path,
      loaded.map(({ type, select }) => ({ type, select, table })),
    );
  }
  return selects;
}

/** Loads a CSV or NDJSON file by DuckDB's readers; undefined when it has to be read record by record. */
export async function loadText(database: Database, path: string, target: TextTarget): Promise<readonly LoadedText[] | undefined> {
  const csv = await loadCsv(database, path, target);
  return csv ? [csv] : await loadNdjson(database, path, target);
}

/** Drops the tables of files that will be read another way. */
async function forget(database: Database, selects: ReadonlyMap<string, readonly FileSelect[]>): Promise<undefined> {
  for (const { table } of [...selects.values()].flat())
    if (table !== undefined) await database.run(`DROP TABLE IF EXISTS ${sqlName(table)}`);
  return undefined;
}
