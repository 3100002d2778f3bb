import type { Segments } from '../files/segments.js';
import type { Metadata } from '../log/metadata.js';
import { type Database, sqlText } from './duckdb.js';
import { asPattern } from './record-load.js';

/** Metadata in a Parquet file of the store; undefined where the file has none. */
export type FileFacts = {
  readonly type: string | undefined;
  readonly segments: Segments | undefined;
  /** The part of the store's metadata that its rows were computed by. */
  readonly rules: Metadata | undefined;
};

/** Returns the Parquet metadata with the segments of a file. */
export function segmentsMetadata(segments: Segments): Readonly<Record<string, string>> {
  return { mdtool_segments: segments.join(' ') };
}

/** Returns the Parquet metadata with the rules of a file, none without rules. The file spells the key `mdtool_settings`. */
export function rulesMetadata(rules: Metadata | undefined): Readonly<Record<string, string>> {
  return rules ? { mdtool_settings: JSON.stringify(rules) } : {};
}

/** Returns the metadata in a Parquet file. Throws DuckDB's error when the file cannot be read. */
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
