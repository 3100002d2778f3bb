import { FailureError } from '../../model/errors.js';
import type { RecordType } from '../../model/records.js';
import { type Database, sqlName } from '../database/duckdb.js';
import { keyExpressions, tableColumns } from '../database/record-table.js';

/** What a relation holds, in figures that do not depend on the order of its rows. */
export type Content = {
  readonly rows: number;
  /** How many different keys they have: as many as rows where no record is there twice. */
  readonly keys: number;
  /** The sum of a 64-bit hash of every row, all columns: unlike an exclusive or, two equal rows do not cancel out. */
  readonly checksum: string;
};

/** Returns what a relation of a type holds. */
export async function contentOf(database: Database, type: RecordType, relation: string): Promise<Content> {
  const columns = tableColumns(type).map(({ name }) => sqlName(name));
  const [row] = await database.rows(
    `SELECT count(*) AS rows, coalesce(sum(hash(${columns.join(', ')})::HUGEINT), 0)::VARCHAR AS checksum FROM ${relation}`,
  );
  const rows = Number(row?.rows);
  return { rows, keys: await keysOf(database, type, relation, rows), checksum: String(row?.checksum) };
}

/** Different hashes are different keys; only where hashes repeat, which is where keys do, are keys compared themselves. */
async function keysOf(database: Database, type: RecordType, relation: string, rows: number): Promise<number> {
  const keys = keyExpressions(type).join(', ');
  const hashes = await database.number(`SELECT count(*) FROM (SELECT DISTINCT hash(${keys}) FROM ${relation})`);
  return hashes === rows ? rows : await database.number(`SELECT count(*) FROM (SELECT DISTINCT ${keys} FROM ${relation})`);
}

/** Throws a `FailureError` unless `after` is exactly the records that count of `before`, each once. */
export function requireSameContent(before: Content, chosen: Content, after: Content, path: string): void {
  const isCounted = chosen.rows === before.keys && after.rows === chosen.rows && after.keys === after.rows;
  if (isCounted && after.checksum === chosen.checksum) return;
  throw new FailureError(
    `${path}: expected ${before.rows} records less ${before.rows - before.keys} duplicates, content ${chosen.checksum}; ` +
      `found ${after.rows}, content ${after.checksum}; nothing was replaced: please report this`,
  );
}
