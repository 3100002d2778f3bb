import { plainFile } from '../input/parquet-input.js';
import { FailureError } from '../model/errors.js';
import { Database, sqlName } from '../storage/database/duckdb.js';
import { requireParquetSize } from '../storage/database/parquet-size.js';
import { parquetFiles } from '../storage/database/record-load.js';
import { databaseReason } from '../storage/files/database-reason.js';
import { MOST_COLUMNS, type RowBatch, type Table } from './table.js';

/** The first rows decide how the file is read, and are often all that is read here. */
const FIRST_ROWS = 1_024;
const ROWS = 65_536;
/** Row numbers that pandas stores beside the columns. */
const PANDAS_INDEX = /^__index_level_\d+__$/;
/** Formats a wall-clock time so that the reader of texts asks for its zone. */
const WALL = `'%Y-%m-%d %H:%M:%S.%f'`;

/** Returns a Parquet file as a table of text. Times with a zone become microseconds; those without stay wall-clock times. */
export async function openParquet(path: string): Promise<Table> {
  const described = await withFile(path, async (database, source, file) => {
    await requireParquetSize(database, file, path);
    return await database.rows(`DESCRIBE FROM ${source}`);
  });
  const columns = described
    .map((row) => ({ name: String(row.column_name), type: String(row.column_type) }))
    .filter(({ name }) => !PANDAS_INDEX.test(name));
  if (columns.length > MOST_COLUMNS)
    throw new FailureError(`${path}: expected at most ${MOST_COLUMNS} columns, found ${columns.length}`);
  const utcColumns = new Set(columns.flatMap(({ name, type }) => (type === 'TIMESTAMP WITH TIME ZONE' ? [name] : [])));
  const types = new Map(columns.map(({ name, type }) => [name, type]));
  const wallColumns = new Set(columns.flatMap(({ name, type }) => (/^(TIMESTAMP(_\w+)?|DATE)$/.test(type) ? [name] : [])));
  const select = columns.map(({ name, type }) => `coalesce(${asText(sqlName(name), type)}, '')`);
  return {
    path,
    header: columns.map(({ name }) => name),
    unit: 'row',
    types,
    utcColumns,
    wallColumns,
    rows: () => rowsOf(path, select),
  };
}

/** Returns a column as the texts that `openParquet` makes of it; without a value NULL. */
export function asText(column: string, type: string): string {
  if (type === 'TIMESTAMP WITH TIME ZONE') return `epoch_us(${column})::VARCHAR`;
  if (type.startsWith('TIMESTAMP')) return `strftime(${column}, ${WALL})`;
  if (/\[|^(STRUCT|MAP)/.test(type)) return `to_json(${column})::VARCHAR`;
  return `${column}::VARCHAR`;
}

async function* rowsOf(path: string, select: readonly string[]): AsyncGenerator<RowBatch> {
  const { file, dispose } = await plainFile(path);
  const database = await Database.open();
  try {
    const source = parquetFiles([file]);
    const count = await database.number(`SELECT count(*) FROM ${source}`);
    for (let from = 0, until = FIRST_ROWS; from < count; from = until, until += ROWS) {
      // Each batch is a result of its own: a streamed one that fails in the middle looks like its end.
      const range = `file_row_number >= ${from} AND file_row_number < ${until}`;
      const relation = source.replace(/\)$/, ', file_row_number = true)');
      const result = await database.read(`SELECT ${select.join(', ')} FROM ${relation} WHERE ${range} ORDER BY file_row_number`);
      const rows = result.getRows().map((cells, index) => ({ cells: cells as string[], line: from + index + 1 }));
      yield { rows, rejected: [] };
    }
  } catch (error) {
    throw failure(path, error);
  } finally {
    await database.close();
    await dispose();
  }
}

type ParquetWork<T> = (database: Database, source: string, file: string) => Promise<T>;

async function withFile<T>(path: string, work: ParquetWork<T>): Promise<T> {
  const { file, dispose } = await plainFile(path);
  const database = await Database.open();
  try {
    return await work(database, parquetFiles([file]), file);
  } catch (error) {
    throw failure(path, error);
  } finally {
    await database.close();
    await dispose();
  }
}

function failure(path: string, error: unknown): FailureError {
  if (error instanceof FailureError) return error;
  return new FailureError(`${path}: cannot be read (${databaseReason(error)})`, { cause: error });
}
