import { randomBytes } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import { FailureError } from '../../model/errors.js';
import type { Gap } from '../../model/records.js';
import { type Database, withDatabase } from '../database/duckdb.js';
import { segmentsMetadata } from '../database/file-facts.js';
import { writeParquet } from '../database/parquet-file.js';
import { partitionRows } from '../database/partition-rows.js';
import { TableAppender } from '../database/table-appender.js';
import { partitionOf, partitionPath } from '../files/partition.js';
import type { Metadata } from '../log/metadata.js';
import { quarantineFile } from '../log/retired-files.js';
import { absolutePath, type StoreContext, wallClock } from '../log/store-context.js';
import type { StoredFile, StoreState } from '../log/store-state.js';

/** What becomes of files that are gone or damaged. */
export type Loss = {
  readonly files: readonly StoredFile[];
  /** What says that their records are missing. */
  readonly gaps: readonly Gap[];
  /** Returns the lasting facts that do not hold any more without them, as they are from now on. */
  readonly metadata: (state: StoreState) => Metadata;
};

/**
 * Takes files out of a store that are gone or damaged, and records in the same change what is missing from then on: there
 * is no moment at which neither the file nor the gap is known. Damaged files are kept beside their place, under names that
 * readers skip. Files of derived rows in the same partitions are no longer known to be computed from anything, so that the
 * next run computes all of them again. Throws a `FailureError` when a file was replaced meanwhile; nothing is changed then.
 */
export async function removeLostFiles(context: StoreContext, { files, gaps, metadata }: Loss): Promise<void> {
  const kept = new Map<string, string>();
  const written = gaps.length > 0 ? await withDatabase({ threads: 1 }, (database) => writeGaps(database, context, gaps)) : [];
  let isDone = false;
  try {
    // A file that was put aside and is still in the log is one that is gone: the next run takes it out.
    for (const { path } of files) {
      const name = await quarantineFile(context, path);
      if (name !== undefined) kept.set(path, name);
    }
    isDone = await context.log.commit((state) => changeOf(state, files, written, metadata(state)));
  } finally {
    if (!isDone) {
      for (const [path, name] of kept) await rename(name, absolutePath(context, path)).catch(() => {});
      for (const file of written) await rm(absolutePath(context, file), { force: true });
    }
  }
  if (!isDone) throw new FailureError('damaged files of the store were replaced meanwhile: run mdtool verify again');
}

function changeOf(state: StoreState, files: readonly StoredFile[], written: readonly StoredFile[], metadata: Metadata) {
  if (files.some(({ path }) => !state.files.has(path))) return undefined;
  const lost = new Set(files.map(({ path }) => path));
  const partitions = new Set(files.map(({ path }) => partitionPath(partitionOf(path))));
  const derived = [...partitions].map((path) => partitionOf(`${path}/`)).filter(({ source }) => source === 'trades');
  const rest = derived.flatMap((partition) => state.partition(partition)).filter(({ path }) => !lost.has(path));
  const changed = [...lost, ...rest.map(({ path }) => path)];
  // Forgotten at once: a file that comes back from a backup must not be taken for one that was replaced, and deleted.
  const add = [...written, ...rest.map((file) => ({ ...file, segments: [] }))];
  return { at: wallClock(), remove: changed, add, forget: changed, metadata };
}

async function writeGaps(database: Database, context: StoreContext, gaps: readonly Gap[]): Promise<StoredFile[]> {
  const appender = await TableAppender.create(database, 'gap');
  await appender.append(gaps);
  await appender.flush();
  const segment = `${new Date().toISOString().replace(/[-:]|\..*/g, '')}${randomBytes(4).toString('hex')}-0`;
  const written: StoredFile[] = [];
  for (const { partition, where, rows, min, max, symbols } of await partitionRows(database, 'gap', '"gap"')) {
    const path = `${partitionPath(partition)}/${segment}.${randomBytes(3).toString('hex')}.parquet`;
    const relation = `(SELECT * FROM "gap" WHERE ${where})`;
    const metadata = segmentsMetadata([segment]);
    const { bytes, sha256 } = await writeParquet(database, absolutePath(context, path), { type: 'gap', relation, metadata });
    written.push({ path, rows, bytes, sha256, min, max, symbols, segments: [segment] });
  }
  return written;
}
