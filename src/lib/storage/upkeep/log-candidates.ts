import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { BucketError } from '../../bucket/bucket-error.js';
import { FailureError } from '../../model/errors.js';
import { RECORD_TYPES } from '../../model/records.js';
import { type Database, withDatabase } from '../database/duckdb.js';
import { type FileFacts, factsOf } from '../database/file-facts.js';
import { fileDigest } from '../database/parquet-file.js';
import { partitionRows } from '../database/partition-rows.js';
import { parquetFiles } from '../database/record-load.js';
import { fetchStoredFile } from '../files/bucket-files.js';
import { storageFailure } from '../files/durable-file.js';
import { type Partition, partitionOf, partitionPath } from '../files/partition.js';
import { expandSegments } from '../files/segments.js';
import type { StorePaths } from '../files/store-directory.js';
import { retiredPath } from '../files/stored-file.js';
import type { StoredFile } from '../log/store-state.js';
import { readFailure } from '../reading/store-snapshot.js';

/** A Parquet file from which a lost log can be rebuilt, as the file describes itself. */
export type Candidate = {
  readonly partition: Partition;
  readonly file: StoredFile;
  readonly rules: FileFacts['rules'];
  /** Whether it is retired but has segments that no visible file has. */
  readonly isRetired: boolean;
};

/** Returns the files of a store with their own metadata. Throws a `FailureError` that names a file that is not mdtool's. */
export async function readCandidates(paths: StorePaths): Promise<Candidate[]> {
  const names = await parquetNames(paths);
  return await withDatabase({ threads: 1 }, async (database) => {
    const candidates: Candidate[] = [];
    for (const path of names.filter((name) => !isRetiredName(name)))
      candidates.push(await candidateOf(database, paths, path, false));
    const retired = names.filter(isRetiredName).map(originalOf);
    for (const path of retired.filter((name) => !names.includes(name))) {
      const candidate = await candidateOf(database, paths, path, true).catch(unlessAway);
      if (candidate && hasMore(candidate, candidates)) candidates.push(candidate);
    }
    return candidates;
  });
}

/** A damaged retired file is no candidate. One that cannot be fetched now may hold records of its own: then the rebuild fails. */
function unlessAway(error: unknown): undefined {
  if (error instanceof BucketError) throw error;
}

async function parquetNames({ root, files }: StorePaths): Promise<string[]> {
  const found: string[] = [];
  for (const directory of RECORD_TYPES.map((type) => join(root, type))) {
    try {
      for await (const name of files.tree(directory)) found.push(`${basename(directory)}/${name.replaceAll('\\', '/')}`);
    } catch (error) {
      throw storageFailure(error, 'read', directory);
    }
  }
  return found.filter((name) => name.endsWith('.parquet') || isRetiredName(name)).sort();
}

const RETIRED = /\/\.([^/]+\.parquet)\.replaced$/;

function isRetiredName(name: string): boolean {
  return RETIRED.test(name);
}

function originalOf(name: string): string {
  return name.replace(RETIRED, '/$1');
}

/** Returns whether a retired file has segments that no visible file has: its partition was removed, or the commit failed. */
function hasMore({ partition, file }: Candidate, candidates: readonly Candidate[]): boolean {
  const siblings = candidates.filter((other) => partitionPath(other.partition) === partitionPath(partition));
  const known = new Set(siblings.flatMap((other) => expandSegments(other.file.segments)));
  return expandSegments(file.segments).some((segment) => !known.has(segment));
}

async function candidateOf(database: Database, paths: StorePaths, path: string, isRetired: boolean): Promise<Candidate> {
  const named = join(paths.root, path);
  // The copy of a retired object has the name that the object had.
  const absolute = isRetired && !paths.files.isShared ? retiredPath(named) : named;
  const partition = partitionOf(path);
  try {
    // The log will vouch for the object: an old copy on this machine proves nothing.
    await fetchStoredFile(named, true);
    const { type, segments, rules } = await factsOf(database, absolute);
    const [rows, ...others] = await partitionRows(database, partition.type, parquetFiles([absolute]));
    const isInPlace = rows && others.length === 0 && partitionPath(rows.partition) === partitionPath(partition);
    if (type !== partition.type || segments === undefined || !isInPlace)
      throw new FailureError(`${paths.files.named(absolute)} was not written there by mdtool; move it away and try again`);
    const { size: bytes } = await stat(absolute);
    const sha256 = await fileDigest(absolute);
    const merged = /^(?:merged|derived)-/.test(path.slice(path.lastIndexOf('/') + 1));
    const { rows: count, min, max, symbols } = rows;
    const file = { path, rows: count, bytes, sha256, min, max, symbols, segments, ...(merged ? { merged } : {}) };
    return { partition, file, rules, isRetired };
  } catch (error) {
    throw readFailure(error, paths.location);
  }
}
