import type { Segments } from '../files/segments.js';
import type { Settings } from '../log/settings.js';
import { type Database, sqlText } from './duckdb.js';
import { asPattern } from './record-load.js';

/** What a Parquet file of the store says of itself; undefined what it does not say. */
export type FileFacts = {
  readonly type: string | undefined;
  readonly segments: Segments | undefined;
  /** Facts about the store that its rows were computed by. */
  readonly settings: Settings | undefined;
};

/** Returns the metadata by which a file names its segments. */
export function segmentsMetadata(segments: Segments): Readonly<Record<string, string>> {
  return { mdtool_segments: segments.join(' ') };
}

/** Returns the metadata by which a file names what its rows were computed by, none without settings. */
export function settingsMetadata(settings: Settings | undefined): Readonly<Record<string, string>> {
  return settings ? { mdtool_settings: JSON.stringify(settings) } : {};
}

/** Returns what a Parquet file says of itself. Throws DuckDB's error when it cannot be read. */
export async function factsOf(database: Database, path: string): Promise<FileFacts> {
  const rows = await database.rows(
    `SELECT decode(key) AS name, decode(value) AS text FROM parquet_kv_metadata(${sqlText(asPattern(path))})`,
  );
  const facts = new Map(rows.map(({ name, text }) => [String(name), String(text)]));
  const settings = facts.get('mdtool_settings');
  return {
    type: facts.get('mdtool_type'),
    segments: facts.get('mdtool_segments')?.split(' ').filter(Boolean),
    settings: settings === undefined ? undefined : JSON.parse(settings),
  };
}
