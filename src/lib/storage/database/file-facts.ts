import type { Segments } from '../files/segments.js';
import type { Metadata } from '../log/metadata.js';
import { type Database, sqlText } from './duckdb.js';
import { asPattern } from './record-load.js';

/** What a Parquet file of the store says of itself; undefined what it does not say. */
export type FileFacts = {
  readonly type: string | undefined;
  readonly segments: Segments | undefined;
  /** The part of the store's metadata that its rows were computed by. */
  readonly rules: Metadata | undefined;
};

/** Returns the metadata by which a file names its segments. */
export function segmentsMetadata(segments: Segments): Readonly<Record<string, string>> {
  return { mdtool_segments: segments.join(' ') };
}

/** Returns the metadata by which a file names what its rows were computed by, none without rules. The file spells the key `mdtool_settings`. */
export function rulesMetadata(rules: Metadata | undefined): Readonly<Record<string, string>> {
  return rules ? { mdtool_settings: JSON.stringify(rules) } : {};
}

/** Returns what a Parquet file says of itself. Throws DuckDB's error when it cannot be read. */
export async function factsOf(database: Database, path: string): Promise<FileFacts> {
  const rows = await database.rows(
    `SELECT decode(key) AS name, decode(value) AS text FROM parquet_kv_metadata(${sqlText(asPattern(path))})`,
  );
  const facts = new Map(rows.map(({ name, text }) => [String(name), String(text)]));
  const rules = facts.get('mdtool_settings');
  return {
    type: facts.get('mdtool_type'),
    segments: facts.get('mdtool_segments')?.split(' ').filter(Boolean),
    rules: rules === undefined ? undefined : JSON.parse(rules),
  };
}
