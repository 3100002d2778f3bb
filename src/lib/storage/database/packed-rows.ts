import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RecordType } from '../../model/records.js';
import { createScratch, removeScratch } from '../files/scratch.js';
import { type Database, sqlName, sqlText } from './duckdb.js';
import { tableColumns } from './record-table.js';

/** Returns the rows of a relation, for use after FROM, as a text: Parquet (zstd) in base64. Every value keeps its bits. */
export async function packRows(database: Database, type: RecordType, relation: string): Promise<string> {
  return await withFile(async (path) => {
    const select = `SELECT ${columnList(type)} FROM ${relation}`;
    await database.run(`COPY (${select}) TO ${sqlText(path)} (FORMAT parquet, COMPRESSION zstd)`);
    return (await readFile(path)).toString('base64');
  });
}

/** Appends the rows of `packRows` to a table with the columns of the type. */
export async function unpackRows(database: Database, type: RecordType, table: string, packed: string): Promise<void> {
  await withFile(async (path) => {
    await writeFile(path, Buffer.from(packed, 'base64'));
    const rows = `read_parquet(${sqlText(path)}, hive_partitioning = false)`;
    await database.run(`INSERT INTO ${sqlName(table)} SELECT ${columnList(type)} FROM ${rows}`);
  });
}

/** DuckDB reads and writes Parquet in files only. */
async function withFile<Result>(work: (path: string) => Promise<Result>): Promise<Result> {
  const directory = await createScratch('rows');
  try {
    return await work(join(directory, 'rows.parquet'));
  } finally {
    await removeScratch(directory);
  }
}

function columnList(type: RecordType): string {
  return tableColumns(type)
    .map(({ name }) => sqlName(name))
    .join(', ');
}
