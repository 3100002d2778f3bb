import { FailureError } from '../../model/errors.js';
import type { RecordType } from '../../model/records.js';
import { type Database, sqlName } from '../database/duckdb.js';
import { keyExpressions, tableColumns } from '../database/record-table.js';

/** A fingerprint of a relation that does not depend on the order of its rows. */
type Content = {
  readonly rows: number;
  /** Number of distinct keys: equal to `rows` when there are no duplicates. */
  readonly keys: number;
  /** Sum of a 64-bit hash of every row, all columns. With an exclusive or, two equal rows would cancel out. */
  readonly checksum: string;
};

/** Returns the fingerprint of a relation of a type. */
export async function contentOf(database: Database, type: RecordType, relation: string): Promise<Content> {
  const columns = tableColumns(type).map(({ name }) => sqlName(name));
  const [row] = await database.rows(
    `SELECT count(*) AS rows, coalesce(sum(hash(${columns.join(', ')})::HUGEINT), 0)::VARCHAR AS checksum FROM ${relation}`,
  );
  const rows = Number(row?.rows);
  return { rows, keys: await keysOf(database, type, relation, rows), checksum: String(row?.checksum) };
}

/** Returns the number of distinct keys. Distinct hashes prove distinct keys; only when hashes repeat are keys compared. */
async function keysOf(database: Database, type: RecordType, relation: string, rows: number): Promise<number> {
  const keys = keyExpressions(type).join(', ');
  const hashes = await database.number(`SELECT count(*) FROM (SELECT DISTINCT hash(${keys}) FROM ${relation})`);
  return hashes === rows ? rows : await database.number(`SELECT count(*) FROM (SELECT DISTINCT ${keys} FROM ${relation})`);
}

/**
 * Throws a `FailureError` unless a merged file (`after`) has exactly the chosen rows: one for each key of `before`.
 *
 * A merge replaces its inputs, which are deleted an hour later. If it lost or changed a row, no copy would be left to
 * notice it. So rows, keys and a checksum over all columns are compared on the finished file before the commit.
 */
export function requireSameContent(before: Content, chosen: Content, after: Content, path: string): void {
  const isCounted = chosen.rows === before.keys && after.rows === chosen.rows && after.keys === after.rows;
  if (isCounted && after.checksum === chosen.checksum) return;
  throw new FailureError(
    `${path}: expected ${before.rows} records minus ${before.rows - before.keys} duplicates with checksum ${chosen.checksum}, ` +
      `found ${after.rows} with checksum ${after.checksum}; nothing was replaced; please report this`,
  );
}
