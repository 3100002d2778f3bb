import { randomBytes } from 'node:crypto';
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
import { absolutePath, dropCopy, type StoreContext, wallClock } from '../log/store-context.js';
import type { StoredFile, StoreState } from '../log/store-state.js';

/** Gone or damaged files and the records that replace them. */
type Loss = {
  readonly files: readonly StoredFile[];
  /** Gaps that record the missing data. */
  readonly gaps: readonly Gap[];
  /** Returns the new values of metadata that is no longer true without the files. */
  readonly metadata: (state: StoreState) => Metadata;
};

/**
 * Removes gone and damaged files from a store and records gaps in the same change: at no moment are both the file and its
 * gap unknown. Damaged files are quarantined in place. Derived files of the same partitions lose their segments, so that
 * the next run computes them again. Throws a `FailureError` when a file was replaced meanwhile; nothing is changed then.
 */
export async function removeLostFiles(context: StoreContext, { files, gaps, metadata }: Loss): Promise<void> {
  const kept = new Map<string, string>();
  const written = gaps.length > 0 ? await withDatabase({ threads: 1 }, (database) => writeGaps(database, context, gaps)) : [];
  let isDone = false;
  try {
    // If this process ends here, the quarantined files are still in the log: the next run finds them gone and removes them.
    for (const { path } of files) {
      const name = await quarantineFile(context, path);
      if (name !== undefined) kept.set(path, name);
    }
    isDone = await context.log.commit((state) => changeOf(state, files, written, metadata(state)));
  } finally {
    if (!isDone) {
      for (const [path, name] of kept) await context.paths.files.rename(name, absolutePath(context, path)).catch(() => {});
      for (const file of written) await dropCopy(context, file);
    }
  }
  if (!isDone) throw new FailureError('damaged files were replaced meanwhile; run mdtool verify again');
}

function changeOf(state: StoreState, files: readonly StoredFile[], written: readonly StoredFile[], metadata: Metadata) {
  if (files.some(({ path }) => !state.files.has(path))) return undefined;
  const lost = new Set(files.map(({ path }) => path));
  const partitions = new Set(files.map(({ path }) => partitionPath(partitionOf(path))));
  const derived = [...partitions].map((path) => partitionOf(`${path}/`)).filter(({ source }) => source === 'trades');
  const rest = derived.flatMap((partition) => state.partition(partition)).filter(({ path }) => !lost.has(path));
  const changed = [...lost, ...rest.map(({ path }) => path)];
  // `forget` at once: a sweep would take a file that was restored from a backup for a replaced one, and delete it.
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
