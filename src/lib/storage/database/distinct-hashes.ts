import type { Database } from './duckdb.js';
import { typedChunks } from './typed-chunks.js';

/** Rows whose hashes are kept in memory: 64 MB. */
const MOST = 12_000_000;

/**
 * Returns whether each of `rows` rows has a hash of its own, by an expression of UBIGINT without NULL. False may also mean that
 * two hashes are alike in most of their bits: then a statement has to decide. DuckDB's `count(DISTINCT …)` takes twice the
 * processor time and three times the memory; above 12 million rows, where it spills to disk, it is asked all the same.
 */
export async function areHashesDistinct(database: Database, hash: string, relation: string, rows: number): Promise<boolean> {
  if (rows > MOST) return (await database.number(`SELECT count(DISTINCT ${hash}) FROM ${relation}`)) === rows;
  const size = 2 ** Math.ceil(Math.log2((Math.max(rows, 512) * 4) / 3));
  const tags = new Uint32Array(size);
  for await (const chunk of typedChunks(database, `SELECT ${hash} FROM ${relation}`, rows))
    if (!addAll(tags, chunk.bits(0), chunk.rows)) return false;
  return true;
}

/**
 * Adds hashes to a table with open addressing: the low half of a hash says where it is looked for first, the high half is kept;
 * 0 stands for none. Returns false when one is there already.
 */
function addAll(tags: Uint32Array, hashes: BigUint64Array, rows: number): boolean {
  const halves = new Uint32Array(hashes.buffer, hashes.byteOffset, rows * 2);
  const mask = tags.length - 1;
  for (let at = 0; at < halves.length; at += 2) {
    const tag = halves[at + 1] || 1;
    let slot = (halves[at] as number) & mask;
    while (tags[slot] !== 0) {
      if (tags[slot] === tag) return false;
      slot = (slot + 1) & mask;
    }
    tags[slot] = tag;
  }
  return true;
}
