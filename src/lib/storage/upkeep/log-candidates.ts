import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FailureError } from '../../model/errors.js';
import { RECORD_TYPES } from '../../model/records.js';
import { type Database, withDatabase } from '../database/duckdb.js';
import { type FileFacts, factsOf } from '../database/file-facts.js';
import { fileDigest } from '../database/parquet-file.js';
import { partitionRows } from '../database/partition-rows.js';
import { parquetFiles } from '../database/record-load.js';
import { isMissing, storageFailure } from '../files/durable-file.js';
import { type Partition, partitionOf, partitionPath } from '../files/partition.js';
import { expandSegments } from '../files/segments.js';
import { retiredPath } from '../log/retired-files.js';
import type { StoredFile } from '../log/store-state.js';
import { readFailure } from '../reading/store-snapshot.js';

/** A Parquet file that a store without its log may be made of, as it describes itself. */
export type Candidate = {
  readonly partition: Partition;
  readonly file: StoredFile;
  readonly rules: FileFacts['rules'];
  /** It was put aside, and holds segments that no file in its place has. */
  readonly isAside: boolean;
};

/** Returns the files of a store by what they say and hold. Throws a `FailureError` that names one that cannot be trusted. */
export async function readCandidates(root: string): Promise<Candidate[]> {
  const names = await parquetNames(root);
  return await withDatabase({ threads: 1 }, async (database) => {
    const shown: Candidate[] = [];
    for (const path of names.filter((name) => !isAsideName(name))) shown.push(await candidateOf(database, root, path, false));
    const aside = names.filter(isAsideName).map(originalOf);
    for (const path of aside.filter((name) => !names.includes(name))) {
      const candidate = await candidateOf(database, root, path, true).catch(() => undefined);
      if (candidate && hasMore(candidate, shown)) shown.push(candidate);
    }
    return shown;
  });
}

async function parquetNames(root: string): Promise<string[]> {
  const found: string[] = [];
  for (const type of RECORD_TYPES) {
    const names = await readdir(join(root, type), { recursive: true }).catch((error) => {
      if (isMissing(error)) return [];
      throw storageFailure(error, 'read', join(root, type));
    });
    for (const name of names) found.push(`${type}/${name.replaceAll('\\', '/')}`);
  }
  return found.filter((name) => name.endsWith('.parquet') || isAsideName(name)).sort();
}

const ASIDE = /\/\.([^/]+\.parquet)\.replaced$/;

function isAsideName(name: string): boolean {
  return ASIDE.test(name);
}

function originalOf(name: string): string {
  return name.replace(ASIDE, '/$1');
}

/** What was put aside is in what replaced it, unless its partition was removed or the change was never made. */
function hasMore({ partition, file }: Candidate, shown: readonly Candidate[]): boolean {
  const siblings = shown.filter((other) => partitionPath(other.partition) === partitionPath(partition));
  const known = new Set(siblings.flatMap((other) => expandSegments(other.file.segments)));
  return expandSegments(file.segments).some((segment) => !known.has(segment));
}

async function candidateOf(database: Database, root: string, path: string, isAside: boolean): Promise<Candidate> {
  const named = join(root, path);
  const absolute = isAside ? retiredPath(named) : named;
  const partition = partitionOf(path);
  try {
    const { type, segments, rules } = await factsOf(database, absolute);
    const [rows, ...others] = await partitionRows(database, partition.type, parquetFiles([absolute]));
    const isInPlace = rows && others.length === 0 && partitionPath(rows.partition) === partitionPath(partition);
    if (type !== partition.type || segments === undefined || !isInPlace)
      throw new FailureError(`${absolute} is no file that mdtool wrote there; move it away, then try again`);
    const { size: bytes } = await stat(absolute);
    const sha256 = await fileDigest(absolute);
    const merged = /^(?:merged|derived)-/.test(path.slice(path.lastIndexOf('/') + 1));
    const { rows: count, min, max, symbols } = rows;
    const file = { path, rows: count, bytes, sha256, min, max, symbols, segments, ...(merged ? { merged } : {}) };
    return { partition, file, rules, isAside };
  } catch (error) {
    throw readFailure(error, root);
  }
}
