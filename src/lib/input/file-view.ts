import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { FailureError, MdtoolError } from '../model/errors.js';
import { type Database, sqlName, sqlText } from '../storage/database/duckdb.js';
import { requireParquetSize } from '../storage/database/parquet-size.js';
import { parquetFiles } from '../storage/database/record-load.js';
import { databaseReason } from '../storage/files/database-reason.js';
import { TruncatedError } from './decompression.js';
import { formatOf, isPlainParquet } from './formats.js';
import { readText } from './lines.js';
import { plainFile, requireFile } from './parquet-input.js';
import { expandPaths } from './paths.js';
import { createCsvTable, createJsonTable, LONGEST_LINE } from './text-table.js';
import { isZip, memberOf } from './zip-archive.js';

const NEWLINE = 10;
const ADDRESS = /^[a-z][a-z0-9+.-]+:\/\//i;

/** Returns whether a name in a statement is that of a file: it has a format's extension, or would be fetched. */
export function isFileName(name: string): boolean {
  if (ADDRESS.test(name) || isZip(name) || memberOf(name)) return true;
  return (
    /\.[a-z0-9]+$/i.test(name) &&
    /\.(?:csv|tsv|ndjson|jsonl|json|parquet|gz|zst|feather|arrow|xlsx?|pkl|h5|duckdb|sqlite)$/i.test(name)
  );
}

/**
 * Creates the view or table `name` of the rows in the files of a path, pattern or archive, as they are: a file of records
 * has the columns of its type, any other its own. Returns the files that the view goes on reading. Throws a `FailureError`
 * that names the file when it cannot be read whole, a `UsageError` when its format is not read.
 */
export async function createFileView(database: Database, name: string, path: string): Promise<readonly string[]> {
  if (ADDRESS.test(path)) throw new FailureError(`${path}: a query reads files of this machine only; download it first`);
  const paths = await expandPaths([path]);
  for (const each of paths) formatOf(each);
  const read: string[] = [];
  const selects: string[] = [];
  for (const [index, each] of paths.entries()) {
    const table = `file_${randomUUID().replaceAll('-', '')}_${index}`;
    selects.push(`SELECT * FROM ${await relationOf(database, each, table)}`);
    if (isPlainParquet(each)) read.push(resolve(each));
  }
  await database.run(`CREATE OR REPLACE TEMP VIEW ${sqlName(name)} AS ${selects.join(' UNION ALL BY NAME ')}`);
  return read;
}

/** Returns the relation of one file: a Parquet file where it lies, any other as a temporary table. */
async function relationOf(database: Database, path: string, table: string): Promise<string> {
  try {
    if (isPlainParquet(path)) {
      await requireFile(path);
      const relation = parquetFiles([resolve(path)]);
      await database.rows(`DESCRIBE FROM ${relation}`);
      await requireParquetSize(database, path);
      return relation;
    }
    await (formatOf(path) === 'parquet' ? loadPacked(database, path, table) : loadText(database, path, table));
    return sqlName(table);
  } catch (error) {
    if (error instanceof MdtoolError) throw error;
    if (error instanceof TruncatedError) throw new FailureError(`${path}: ${error.message}`);
    throw new FailureError(`${path}: cannot be read (${databaseReason(error)})`, { cause: error });
  }
}

async function loadPacked(database: Database, path: string, table: string): Promise<void> {
  const { file, dispose } = await plainFile(path);
  try {
    await requireParquetSize(database, file, path);
    await database.run(`CREATE TEMP TABLE ${sqlName(table)} AS SELECT * FROM read_parquet(${sqlText(file)})`);
  } finally {
    await dispose();
  }
}

/** DuckDB drops a line that is too long for its buffer without a word when it is the last one. */
async function* withoutLongLines(path: string): AsyncGenerator<Buffer> {
  let [line, length] = [1, 0];
  for await (const chunk of readText(path)) {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      length += end - from;
      if (length > LONGEST_LINE) break;
      [line, length, from] = [line + 1, 0, end + 1];
    }
    length += chunk.length - from;
    if (length > LONGEST_LINE) throw new FailureError(`${path}:${line}: the line is longer than ${LONGEST_LINE >> 20} MB`);
    yield chunk;
  }
}

/** Loads a text file from an unpacked copy: DuckDB takes a cut gzip for a whole one, and reads no UTF-16. */
async function loadText(database: Database, path: string, table: string): Promise<void> {
  const copy = join(tmpdir(), `mdtool-query-${randomUUID()}`);
  try {
    await pipeline(Readable.from(withoutLongLines(path)), createWriteStream(copy, { mode: 0o600 }));
    const load = formatOf(path) === 'csv' ? createCsvTable : createJsonTable;
    await load(database, { path, file: copy, table });
  } finally {
    await rm(copy, { force: true });
  }
}
