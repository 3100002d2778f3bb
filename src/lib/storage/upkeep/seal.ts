import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { FailureError } from '../../model/errors.js';
import { RECORD_TYPES } from '../../model/records.js';
import { type Database, withDatabase } from '../database/duckdb.js';
import { segmentsMetadata } from '../database/file-facts.js';
import { writeParquet } from '../database/parquet-file.js';
import { type PartitionRows, partitionRows, recount } from '../database/partition-rows.js';
import { countLines, dropKnown, dropRepeated, loadLines } from '../database/record-load.js';
import { storageFailure } from '../files/durable-file.js';
import { OWNER_SILENCE_MS } from '../files/owner.js';
import { partitionPath } from '../files/partition.js';
import { createScratch, removeScratch } from '../files/scratch.js';
import type { JournalEntry } from '../journal/journal.js';
import { type TypedLines, typedLines } from '../journal/typed-lines.js';
import { absolutePath, dropCopy, MAINTENANCE, removeFile, type StoreContext, wallClock } from '../log/store-context.js';
import { mayOverlap, type StoredFile, type StoreState } from '../log/store-state.js';

/** The result of sealing one segment. */
export type SealReport = {
  readonly records: number;
  /** Duplicates of records of this or another segment, which were dropped. */
  readonly repeated: number;
  /** Trades with the id of a different, earlier one, which were dropped. */
  readonly contradicting: number;
  /** Lines that were not records: a half line at the end after a crash, or damage. */
  readonly broken: number;
  /** Whether this call sealed it. */
  readonly sealed: boolean;
};

/** A written file and the stored files with which its rows were compared. */
type WrittenFile = { readonly file: StoredFile; readonly rows: PartitionRows; readonly compared: ReadonlySet<string> };

/** A journal that is no longer written to. */
export type SealJob = {
  readonly journal: JournalEntry;
  /** Number of records written to it, where known: sealing fails unless all of them are found. */
  readonly expected?: number | undefined;
  /** Segments whose journals were deleted, recorded in the same change. */
  readonly discard?: readonly string[];
  /** The directory in which the files are written; by default that of the store. */
  readonly into?: string;
};

/** Types of lines in a journal: its header and records. */
const KNOWN_LINES: ReadonlySet<string> = new Set(['', 'journal', ...RECORD_TYPES]);

/**
 * Turns the journal of a segment into one Parquet file per partition, without duplicates of stored records, in one change
 * of the log. From that change on readers ignore the journal; the caller deletes it. Throws a `FailureError`; the journal
 * then stays valid.
 */
export async function sealSegment(context: StoreContext, job: SealJob): Promise<SealReport> {
  const written: WrittenFile[] = [];
  let scratch: string | undefined;
  const directory = async () => {
    scratch ??= await createScratch('seal');
    return scratch;
  };
  try {
    const lines = await typedLines(job.journal.path, directory);
    return await withDatabase(MAINTENANCE, async (database) => {
      const counts = await writeSegment(database, context, { ...job, lines }, written);
      const sealed = await commitSeal(context, job, written);
      if (!sealed) for (const { file } of written) await removeFile(context, file);
      if (sealed && job.into === undefined) await removeInterrupted(context, job.journal.segment, written);
      return { ...counts, sealed };
    });
  } catch (error) {
    for (const { file } of written) await dropCopy(context, file);
    throw storageFailure(error, 'seal', job.journal.path);
  } finally {
    if (scratch !== undefined) await removeScratch(scratch);
  }
}

/**
 * Removes what attempts at this segment left that a kill interrupted: until a sweep finds the files, other tools that read
 * the directory would count their records twice. A file that is older than a writer may be silent stays: its writer may be
 * suspended, and commit it when it goes on.
 */
async function removeInterrupted(context: StoreContext, segment: string, written: readonly WrittenFile[]): Promise<void> {
  const { files } = context.paths;
  if (files.isShared) return;
  for (const directory of new Set(written.map(({ file }) => dirname(file.path)))) {
    const names = await files.names(absolutePath(context, directory)).catch(() => []);
    // Read the log after the list: a file in the list may have been committed since.
    const state = await context.log.read();
    for (const name of names) {
      const path = `${directory}/${name}`;
      if (!name.startsWith(`${segment}.`) || !name.endsWith('.parquet') || state.files.has(path)) continue;
      const age = await files.age(absolutePath(context, path)).catch(() => undefined);
      if (age !== undefined && age < OWNER_SILENCE_MS) await removeFile(context, { path });
    }
  }
}

type SegmentLines = SealJob & { readonly lines: ReadonlyMap<string, TypedLines> };

async function writeSegment(
  database: Database,
  context: StoreContext,
  { journal, expected, into, lines }: SegmentLines,
  written: WrittenFile[],
) {
  const state = await context.log.read();
  const others = await otherLines(database, journal, lines.get(''));
  let broken = others.get('') ?? 0;
  let found = 0;
  let repeated = 0;
  let contradicting = 0;
  for (const type of RECORD_TYPES) {
    const sources = [lines.get(type), others.has(type) ? lines.get('') : undefined].filter((source) => source !== undefined);
    if (sources.length === 0) continue;
    await loadLines(database, { type, table: type, paths: sources.map(({ path }) => path) });
    const loaded = await database.number(`SELECT count(*) FROM "${type}"`);
    found += loaded;
    broken += (lines.get(type)?.lines ?? 0) + (others.get(type) ?? 0) - loaded;
    const removed = await dropRepeated(database, type, type);
    repeated += removed.dropped;
    contradicting += removed.contradicting;
    for (const rows of await partitionRows(database, type, `"${type}"`)) {
      const partition = await sealPartition(database, context, { state, segment: journal.segment, rows, into });
      repeated += partition.repeated;
      contradicting += partition.contradicting;
      if (partition.written) written.push(partition.written);
    }
    await database.run(`DROP TABLE "${type}"`);
  }
  if (expected !== undefined && found !== expected)
    throw new FailureError(`${journal.path}: expected ${expected} records, found ${found}; the journal stays`);
  return { records: written.reduce((sum, { file }) => sum + file.rows, 0), repeated, contradicting, broken };
}

/** Returns the number of the lines that do not begin as those of the writer, by type. Throws for records of unknown types. */
async function otherLines(database: Database, journal: JournalEntry, others: TypedLines | undefined) {
  const counts = others ? await countLines(database, [others.path]) : new Map<string, number>();
  const unknown = [...counts.keys()].find((type) => !KNOWN_LINES.has(type));
  if (unknown !== undefined)
    throw new FailureError(
      `${journal.path}: found records of type "${unknown.slice(0, 40)}", which this version of mdtool does not know`,
    );
  return counts;
}

type PartitionJob = {
  readonly state: StoreState;
  readonly segment: string;
  readonly rows: PartitionRows;
  readonly into: string | undefined;
};

async function sealPartition(database: Database, context: StoreContext, { state, segment, rows, into }: PartitionJob) {
  const { type } = rows.partition;
  const known = state.partition(rows.partition).filter((file) => mayOverlap(file, asFile(rows)));
  const comparison = {
    table: type,
    type,
    where: rows.where,
    files: known.map((file) => placeOf(context, file, into)),
    span: rows,
  };
  const { dropped, contradicting, superseding } =
    known.length > 0 ? await dropKnown(database, comparison) : { dropped: 0, contradicting: 0, superseding: 0 };
  const kept = dropped + contradicting > 0 ? await recount(database, type, rows) : rows;
  if (!kept) return { repeated: dropped, contradicting };
  // A unique name for every attempt: a slower process must not replace the file of a faster one.
  const path = `${partitionPath(rows.partition)}/${segment}.${randomBytes(3).toString('hex')}.parquet`;
  const relation = `(SELECT * FROM "${type}" WHERE ${rows.where})`;
  const metadata = segmentsMetadata([segment]);
  const {
    rows: count,
    bytes,
    sha256,
  } = await writeParquet(database, join(into ?? context.paths.root, path), {
    type,
    relation,
    metadata,
    // It is merged later. Levels of books would be a sixth larger.
    fast: type === 'trade',
  });
  if (count !== kept.rows) throw new FailureError(`${path}: expected ${kept.rows} rows, wrote ${count}; the journal stays`);
  const file = { ...asFile(kept), path, bytes, sha256, segments: [segment], ...(superseding > 0 ? { overlay: true } : {}) };
  return { repeated: dropped, contradicting, written: { file, rows: kept, compared: new Set(known.map(({ path }) => path)) } };
}

/** Returns where a file lies: in the directory that this journal is sealed into, as those of journals before it, or in the store. */
function placeOf(context: StoreContext, file: StoredFile, into: string | undefined): string {
  const beside = into === undefined ? undefined : join(into, file.path);
  return beside !== undefined && existsSync(beside) ? beside : absolutePath(context, file);
}

function asFile({ rows, min, max, symbols }: PartitionRows): StoredFile {
  return { path: '', bytes: 0, segments: [], rows, min, max, symbols };
}

async function commitSeal(context: StoreContext, { journal, discard = [] }: SealJob, written: readonly WrittenFile[]) {
  return await context.log.commit((state) => {
    // The log forgets a sealed segment whose journal is gone. To seal it again would add files that the other attempt, which
    // was faster, has removed as those of an interrupted one.
    if (state.sealed.has(journal.segment) || !existsSync(journal.path)) return undefined;
    const add = written.map((candidate) => withOverlay(state, candidate));
    return { at: wallClock(), seal: journal.segment, add, ...(discard.length > 0 ? { discard } : {}) };
  });
}

/** Marks a file as overlay if files added since the comparison may share rows with it: readers then keep one per key. */
function withOverlay(state: StoreState, { file, rows, compared }: WrittenFile): StoredFile {
  const unknown = state.partition(rows.partition).some((other) => !compared.has(other.path) && mayOverlap(other, file));
  return unknown ? { ...file, overlay: true } : file;
}
