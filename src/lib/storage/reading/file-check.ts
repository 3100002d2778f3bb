import { stat } from 'node:fs/promises';
import type { RecordType } from '../../model/records.js';
import { type Database, sqlName } from '../database/duckdb.js';
import { fileDigest } from '../database/parquet-file.js';
import { parquetFiles } from '../database/record-load.js';
import { tableColumns } from '../database/record-table.js';
import { fetchStoredFile } from '../files/bucket-files.js';
import { isMissing, storageFailure } from '../files/durable-file.js';
import { retiredPath } from '../files/stored-file.js';
import type { StoredFile } from '../log/store-state.js';

/**
 * Damage of a stored file: it is gone, it cannot be read, or it was changed after it was written and is still readable.
 * `reason` continues a sentence that begins with its path.
 */
export type FileDamage = { readonly kind: 'gone' | 'unreadable' | 'changed'; readonly reason: string };

/**
 * Returns the damage of a stored file, undefined when it is unchanged. Compares size and SHA-256 with the log; reads every
 * value only when they differ or the log has no digest.
 */
export async function checkFile(
  database: Database,
  path: string,
  type: RecordType,
  file: Pick<StoredFile, 'bytes' | 'sha256'>,
): Promise<FileDamage | undefined> {
  await fetchStoredFile(path, true);
  const bytes = await sizeOf(path);
  if (bytes === undefined) return { kind: 'gone', reason: 'is gone' };
  const change = await changeOf(path, bytes, file);
  if (change === undefined && file.sha256 !== undefined) return undefined;
  const failure = await readingFailure(database, path, type);
  if (failure !== undefined) return { kind: 'unreadable', reason: `cannot be read (${change ? `${change}; ` : ''}${failure})` };
  return change === undefined ? undefined : { kind: 'changed', reason: `was changed after it was written (${change})` };
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    const { size } = await stat(path).catch((error) => (isMissing(error) ? stat(retiredPath(path)) : Promise.reject(error)));
    return size;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw storageFailure(error, 'read', path);
  }
}

async function changeOf(path: string, bytes: number, file: Pick<StoredFile, 'bytes' | 'sha256'>): Promise<string | undefined> {
  if (bytes !== file.bytes) return `${bytes} bytes instead of ${file.bytes}`;
  if (file.sha256 === undefined) return undefined;
  const digest = await fileDigest(path).catch((error) => {
    throw storageFailure(error, 'read', path);
  });
  return digest === file.sha256 ? undefined : 'SHA-256 differs';
}

/** Returns why a file cannot be read as its type, undefined when every value can be read. */
async function readingFailure(database: Database, path: string, type: RecordType): Promise<string | undefined> {
  const columns = tableColumns(type);
  try {
    const described = await database.rows(`DESCRIBE FROM ${parquetFiles([path])}`);
    const found = new Map(described.map((row) => [String(row.column_name), String(row.column_type)]));
    const wrong = columns.find(({ name, sqlType }) => found.get(name) !== SHOWN_TYPES[sqlType as keyof typeof SHOWN_TYPES]);
    if (wrong) return `column ${wrong.name}: expected ${wrong.sqlType}, found ${found.get(wrong.name) ?? 'none'}`;
    const names = columns.map(({ name }) => sqlName(name)).join(', ');
    await database.number(`SELECT bit_xor(hash(${names})) FROM ${parquetFiles([path])}`);
    return undefined;
  } catch (error) {
    return String((error as Error).message)
      .split('\n')[0]
      ?.replaceAll(path, 'it');
  }
}

/** Names of the column types in the output of DESCRIBE. */
const SHOWN_TYPES = {
  TIMESTAMPTZ: 'TIMESTAMP WITH TIME ZONE',
  DOUBLE: 'DOUBLE',
  BIGINT: 'BIGINT',
  VARCHAR: 'VARCHAR',
  BOOLEAN: 'BOOLEAN',
  'DOUBLE[][]': 'DOUBLE[][]',
  JSON: 'JSON',
} as const;
