import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { FailureError } from '../../model/errors.js';
import { RECORD_TYPES } from '../../model/records.js';
import { type Database, withDatabase } from '../database/duckdb.js';
import { segmentsMetadata } from '../database/file-facts.js';
import { writeParquet } from '../database/parquet-file.js';
import { type PartitionRows, partitionRows, recount } from '../database/partition-rows.js';
import { countLines, dropKnown, dropRepeated, loadLines } from '../database/record-load.js';
import { storageFailure } from '../files/durable-file.js';
import { partitionPath } from '../files/partition.js';
import type { JournalEntry } from '../journal/journal.js';
import { absolutePath, MAINTENANCE, type StoreContext, wallClock } from '../log/store-context.js';
import { mayOverlap, type StoredFile, type StoreState } from '../log/store-state.js';

/** What sealing one segment did. */
export type SealReport = {
  readonly records: number;
  /** Records that were stored already, here or in another segment. */
  readonly repeated: number;
  /** Lines that were no records: the half line at the end after a crash, or damage. */
  readonly broken: number;
  /** Whether it was this call that sealed it. */
  readonly sealed: boolean;
};

/** A file that was written, and the stored files that its rows were compared with. */
type WrittenFile = { readonly file: StoredFile; readonly rows: PartitionRows; readonly compared: ReadonlySet<string> };

/** A journal that is no longer written. */
export type SealJob = {
  readonly journal: JournalEntry;
  /** How many records were written to it, where that is known: all of them have to be found again. */
  readonly expected?: number | undefined;
  /** Segments whose journals are deleted, to be noted in the same change. */
  readonly discard?: readonly string[];
};

/** What a journal may hold: its header and records. */
const KNOWN_LINES: ReadonlySet<string> = new Set(['', 'journal', ...RECORD_TYPES]);

/**
 * Turns the journal of a segment into one Parquet file per type, partition and date, without the records that are
 * stored already, and makes that known in one change of the log. The journal itself is left for the caller to delete:
 * from that change on readers take no notice of it. Throws a `FailureError`; the journal is then as valid as before.
 */
export async function sealSegment(context: StoreContext, job: SealJob): Promise<SealReport> {
  const written: WrittenFile[] = [];
  let sealed = false;
  try {
    return await withDatabase(MAINTENANCE, async (database) => {
      const counts = await writeSegment(database, context, job, written);
      sealed = await commitSeal(context, job, written);
      return { ...counts, sealed };
    });
  } catch (error) {
    throw storageFailure(error, 'seal', job.journal.path);
  } finally {
    if (!sealed) for (const { file } of written) await rm(absolutePath(context, file), { force: true }).catch(() => {});
  }
}

async function writeSegment(database: Database, context: StoreContext, { journal, expected }: SealJob, written: WrittenFile[]) {
  const state = await context.log.read();
  const lines = await countLines(database, [journal.path]);
  const unknown = [...lines.keys()].find((type) => !KNOWN_LINES.has(type));
  if (unknown !== undefined)
    throw new FailureError(`${journal.path}: found records of type "${unknown.slice(0, 40)}", which this mdtool does not know`);
  let found = 0;
  let repeated = 0;
  let broken = lines.get('') ?? 0;
  for (const type of RECORD_TYPES.filter((candidate) => lines.has(candidate))) {
    await loadLines(database, { type, table: type, paths: [journal.path] });
    const loaded = await database.number(`SELECT count(*) FROM "${type}"`);
    found += loaded;
    broken += (lines.get(type) ?? 0) - loaded;
    repeated += await dropRepeated(database, type, type);
    for (const rows of await partitionRows(database, type, `"${type}"`)) {
      const partition = await sealPartition(database, context, { state, segment: journal.segment, rows });
      repeated += partition.repeated;
      if (partition.written) written.push(partition.written);
    }
    await database.run(`DROP TABLE "${type}"`);
  }
  if (expected !== undefined && found !== expected)
    throw new FailureError(`${journal.path}: expected ${expected} records, found ${found}; the journal is kept`);
  return { records: written.reduce((sum, { file }) => sum + file.rows, 0), repeated, broken };
}

type PartitionJob = { readonly state: StoreState; readonly segment: string; readonly rows: PartitionRows };

async function sealPartition(database: Database, context: StoreContext, { state, segment, rows }: PartitionJob) {
  const { type } = rows.partition;
  const known = state.partition(rows.partition).filter((file) => mayOverlap(file, asFile(rows)));
  const comparison = {
    table: type,
    type,
    where: rows.where,
    files: known.map((file) => absolutePath(context, file)),
    span: rows,
  };
  const { dropped, superseding } = known.length > 0 ? await dropKnown(database, comparison) : { dropped: 0, superseding: 0 };
  const kept = dropped > 0 ? await recount(database, type, rows) : rows;
  if (!kept) return { repeated: dropped };
  // A name of its own for every attempt: whoever comes second must not replace the file of whoever came first.
  const path = `${partitionPath(rows.partition)}/${segment}.${randomBytes(3).toString('hex')}.parquet`;
  const relation = `(SELECT * FROM "${type}" WHERE ${rows.where})`;
  const metadata = segmentsMetadata([segment]);
  const { rows: count, bytes, sha256 } = await writeParquet(database, absolutePath(context, path), { type, relation, metadata });
  if (count !== kept.rows) throw new FailureError(`${path}: expected ${kept.rows} rows, wrote ${count}; nothing was removed`);
  const file = { ...asFile(kept), path, bytes, sha256, segments: [segment], ...(superseding > 0 ? { overlay: true } : {}) };
  return { repeated: dropped, written: { file, rows: kept, compared: new Set(known.map(({ path }) => path)) } };
}

function asFile({ rows, min, max, symbols }: PartitionRows): StoredFile {
  return { path: '', bytes: 0, segments: [], rows, min, max, symbols };
}

async function commitSeal(context: StoreContext, { journal, discard = [] }: SealJob, written: readonly WrittenFile[]) {
  return await context.log.commit((state) => {
    if (state.sealed.has(journal.segment)) return undefined;
    const add = written.map((candidate) => withOverlay(state, candidate));
    return { at: wallClock(), seal: journal.segment, add, ...(discard.length > 0 ? { discard } : {}) };
  });
}

/** Files that came in since the comparison may hold the same records; readers choose by key until they are merged. */
function withOverlay(state: StoreState, { file, rows, compared }: WrittenFile): StoredFile {
  const unknown = state.partition(rows.partition).some((other) => !compared.has(other.path) && mayOverlap(other, file));
  return unknown ? { ...file, overlay: true } : file;
}
