import { DistinctHashes, halvesOf } from '../../model/distinct-hashes.js';
import type { Database } from './duckdb.js';
import { typedChunks } from './typed-chunks.js';

/** Rows whose hashes are kept in memory: 100 MB. */
const MOST = 12_000_000;

/**
 * Returns whether each of `rows` rows has a hash of its own, by an expression of UBIGINT without NULL. False may also mean that
 * two hashes are alike in most of their bits: then a statement has to decide. DuckDB's `count(DISTINCT …)` takes twice the
 * processor time and three times the memory; above 12 million rows, where it spills to disk, it is asked all the same.
 */
export async function areHashesDistinct(database: Database, hash: string, relation: string, rows: number): Promise<boolean> {
  if (rows > MOST) return (await database.number(`SELECT count(DISTINCT ${hash}) FROM ${relation}`)) === rows;
  const hashes = new DistinctHashes(rows);
  for await (const chunk of typedChunks(database, `SELECT ${hash} FROM ${relation}`, rows))
    hashes.add(halvesOf(chunk.bits(0)), 0, chunk.rows);
  return hashes.areDistinct();
}
