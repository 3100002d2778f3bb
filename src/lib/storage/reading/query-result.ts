import { rename, rm } from 'node:fs/promises';
import type { DuckDBResultReader, DuckDBType } from '@duckdb/node-api';
import { leaveAtExit, removeAtExit } from '../../disk/exit-cleanup.js';
import { FailureError } from '../../model/errors.js';
import { type Database, sqlName, sqlText } from '../database/duckdb.js';
import { createRowConverter, kindOf, type ResultKind, type ResultValue } from '../database/query-values.js';
import { storageFailure } from '../files/durable-file.js';

const ROWS = 8192;
/** The table that holds the rows of a statement, and the one of an exported `.duckdb` file. */
export const RESULT_TABLE = 'query_result';
const EXPORTED_TABLE = 'result';

export type ResultColumn = { readonly name: string; readonly kind: ResultKind };

/** Columns by name, in the order to write, and rows by position. */
export type ResultPart = { readonly columns: readonly string[]; readonly from: number; readonly until: number };

/** The rows of a statement; the result is complete before the first row is returned. */
export type QueryResult = {
  readonly columns: readonly ResultColumn[];
  readonly rowCount: number;
  /** Returns the rows in order, in batches; values in the order of the columns. */
  rows(): AsyncGenerator<ResultValue[][]>;
  /** Writes rows with the types of the statement into `exportPath`. Absent for listings, which are texts. */
  readonly export?: (part: ResultPart) => Promise<void>;
  close(): Promise<void>;
};

type Session = { readonly database: Database; close(): Promise<void> };

/** Returns a result that is read at once. */
export async function smallResult(session: Session, result: DuckDBResultReader): Promise<QueryResult> {
  const convert = await createRowConverter(result.columnNames());
  const values = result.getRows().map(convert);
  return {
    columns: columnsOf(result),
    rowCount: values.length,
    async *rows() {
      if (values.length > 0) yield values;
    },
    close: () => session.close(),
  };
}

/** Returns the rows of `RESULT_TABLE`. */
export async function storedResult(session: Session, exportPath: string | undefined): Promise<QueryResult> {
  const { database } = session;
  const columns = columnsOf(await database.read(`SELECT * FROM ${RESULT_TABLE} LIMIT 0`));
  const convert = await createRowConverter(columns.map(({ name }) => name));
  const rowCount = await database.number(`SELECT count(*) FROM ${RESULT_TABLE}`);
  return {
    columns,
    rowCount,
    async *rows() {
      for (let from = 0; from < rowCount; from += ROWS) {
        const range = `rowid >= ${from} AND rowid < ${from + ROWS}`;
        const batch = await database.read(`SELECT * FROM ${RESULT_TABLE} WHERE ${range} ORDER BY rowid`);
        yield batch.getRows().map(convert);
      }
    },
    ...(exportPath && { export: (part: ResultPart) => exportRows(database, exportPath, part) }),
    close: () => session.close(),
  };
}

function columnsOf(result: DuckDBResultReader): ResultColumn[] {
  const types = result.columnTypes();
  return result.columnNames().map((name, index) => ({ name, kind: kindOf(types[index] as DuckDBType) }));
}

/** Returns the name under which a file is written until it is complete. */
function unfinishedName(path: string): string {
  return `${path}.${process.pid}.partial`;
}

/** Returns the files that an export into `path` creates. */
export function exportFiles(path: string): string[] {
  const name = unfinishedName(path);
  return [name, `${name}.wal`, `${name}.wal.checkpoint`, `${name}.wal.recovery`];
}

/** Writes rows to a `.parquet` or `.duckdb` file that appears whole. */
async function exportRows(database: Database, path: string, part: ResultPart): Promise<void> {
  removeAtExit(...exportFiles(path));
  const target = sqlText(unfinishedName(path));
  try {
    if (path.endsWith('.parquet')) {
      const select = await parquetSelect(database, part);
      await database.run(`COPY (${select}) TO ${target} (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)`);
    } else {
      await database.run(`ATTACH ${target} AS exported`);
      await database.run(`CREATE TABLE exported.${EXPORTED_TABLE} AS ${selectOf(part)}`);
      await database.run('CHECKPOINT exported');
      await database.run('DETACH exported');
    }
    await rename(unfinishedName(path), path);
  } catch (error) {
    for (const name of exportFiles(path)) await rm(name, { force: true });
    throw storageFailure(error, 'write', path);
  } finally {
    leaveAtExit(...exportFiles(path));
  }
}

function selectOf({ columns, from, until }: ResultPart, value = sqlName): string {
  return `SELECT ${columns.map(value).join(', ')} FROM ${RESULT_TABLE} WHERE rowid >= ${from} AND rowid < ${until} ORDER BY rowid`;
}

/** Parquet has no integers beyond 64 bits: DuckDB would write a sum of integers as a double, and round it. */
async function parquetSelect(database: Database, part: ResultPart): Promise<string> {
  const types = new Map(
    (await database.rows(`DESCRIBE ${RESULT_TABLE}`)).map((row) => [String(row.column_name), String(row.column_type)]),
  );
  const huge = part.columns.filter((name) => /^U?HUGEINT$/.test(types.get(name) ?? ''));
  for (const name of huge) {
    const over = `SELECT count(*) FROM ${RESULT_TABLE} WHERE TRY_CAST(${sqlName(name)} AS BIGINT) IS DISTINCT FROM ${sqlName(name)}`;
    if ((await database.number(over)) > 0)
      throw new FailureError(
        `column ${name} has integers of more than 64 bits, which Parquet cannot hold; cast it in the statement`,
      );
  }
  return selectOf(part, (name) => (huge.includes(name) ? `${sqlName(name)}::BIGINT AS ${sqlName(name)}` : sqlName(name)));
}
