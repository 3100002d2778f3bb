import { dirname, join } from 'node:path';
import { BucketError } from '../../bucket/bucket-error.js';
import { FailureError, MdtoolError } from '../../model/errors.js';
import { storageFailure } from '../files/durable-file.js';
import { currentOwner } from '../files/owner.js';
import { type Partition, partitionPath } from '../files/partition.js';
import { expandSegments } from '../files/segments.js';
import type { StorePaths } from '../files/store-directory.js';
import { requireNoActiveWriter } from '../journal/active-writers.js';
import { beginLog, logEntries } from '../log/commit-log.js';
import { readHead } from '../log/log-head.js';
import type { Metadata } from '../log/metadata.js';
import { restoreRetired } from '../log/retired-files.js';
import { openStoreContext, wallClock } from '../log/store-context.js';
import { mayOverlap, type StoredFile, StoreState } from '../log/store-state.js';
import { type Candidate, readCandidates } from './log-candidates.js';
import { sweepStore } from './sweep.js';

/** The result of a rebuild. */
type RebuildReport = {
  readonly files: number;
  readonly records: number;
  /** Directory of files that were moved away: replaced files, and candles that are built again from trades. */
  readonly movedTo: string | undefined;
  readonly moved: number;
  /** Of these, files of candles. */
  readonly candles: number;
};

/** Change numbers skipped by a rebuild: a process that was suspended meanwhile sees that its state is outdated. */
const NUMBERS_SKIPPED = 1000;

/**
 * Rebuilds the log of a store from its Parquet files when the log was lost or does not match them. Returns undefined when
 * the log is intact.
 *
 * A file whose segments another file covers is moved away. Files that may still share a record become overlays: readers
 * keep one row per key. Candles whose trades are stored are moved away as well: nothing proves which of two versions is
 * newer, and they are built again. Nothing is deleted. Files that are gone cannot be noticed. Throws a `FailureError` and
 * changes nothing while another process writes, or when a file is not mdtool's.
 */
export async function rebuildLog(paths: StorePaths): Promise<RebuildReport | undefined> {
  const known = await readableState(paths);
  if (known && (await sweepStore(openStoreContext(paths), true)).length === 0) return undefined;
  const { files } = paths;
  await files.prepare([paths.state]);
  const lock = join(paths.state, 'rebuild.lock');
  if (!(await files.create(lock, JSON.stringify(currentOwner()))))
    throw new FailureError(
      `${paths.files.named(lock)}: another process is rebuilding the log; delete this file if that process has ended`,
    );
  try {
    await requireNoActiveWriter(paths);
    return await rebuild(paths, known);
  } catch (error) {
    throw storageFailure(error, 'rebuild the log in', paths.files.named(paths.log));
  } finally {
    await files.remove(lock);
  }
}

async function readableState(paths: StorePaths): Promise<StoreState | undefined> {
  try {
    return await openStoreContext(paths).log.read();
  } catch (error) {
    // A log that cannot be read now is not a lost one.
    if (error instanceof MdtoolError && !(error instanceof BucketError)) return undefined;
    throw error;
  }
}

async function rebuild(paths: StorePaths, known: StoreState | undefined): Promise<RebuildReport> {
  const candidates = await readCandidates(paths);
  const { kept, moved } = chosen(candidates);
  const state = new StoreState();
  const metadata = { ...Object.fromEntries(known?.metadata ?? []), ...metadataOf(kept) };
  state.apply({ at: wallClock(), add: withOverlays(kept), metadata });
  const last = Math.max(
    await readHead(paths.log, paths.files),
    ...(await logEntries(paths.log, paths.files)).map(({ number }) => number),
  );
  state.version = Math.max(0, last) + NUMBERS_SKIPPED;
  const target = join(paths.state, `before-rebuild-${state.version}`);
  await moveLog(paths, join(target, 'log'));
  await paths.files.prepare([paths.log]);
  await beginLog(paths.log, state, paths.files);
  const context = openStoreContext(paths);
  for (const { file } of kept.filter(({ isRetired }) => isRetired)) await restoreRetired(context, file.path);
  for (const { file } of moved) await moveAway(paths, join(paths.root, file.path), join(target, file.path));
  return {
    files: kept.length,
    records: kept.reduce((sum, { file }) => sum + file.rows, 0),
    movedTo: moved.length > 0 ? paths.files.named(target) : undefined,
    moved: moved.length,
    candles: moved.filter(({ partition }) => isDerived(partition)).length,
  };
}

function chosen(candidates: readonly Candidate[]): { kept: Candidate[]; moved: Candidate[] } {
  const partitions = new Map<string, Candidate[]>();
  for (const candidate of candidates) {
    const path = partitionPath(candidate.partition);
    partitions.set(path, [...(partitions.get(path) ?? []), candidate]);
  }
  const kept = [...partitions.values()].flatMap((files) => {
    const [{ partition }] = files as [Candidate];
    if (!isDerived(partition)) return files.filter((candidate) => !files.some((other) => covers(other, candidate)));
    if (partitions.has(partitionPath({ ...withoutCandle(partition), type: 'trade' }))) return [];
    return provenCandles(files);
  });
  return { kept, moved: candidates.filter((candidate) => !kept.includes(candidate) && !candidate.isRetired) };
}

function isDerived({ type, source }: Partition): boolean {
  return type === 'candle' && source === 'trades';
}

function withoutCandle({ exchange, market, date }: Partition): Omit<Partition, 'type'> {
  return { exchange, market, date };
}

/** Returns whether file `a` has all records of `b`: a merged file has all records of its segments. */
function covers(a: Candidate, b: Candidate): boolean {
  const [all, some] = [new Set(expandSegments(a.file.segments)), expandSegments(b.file.segments)];
  return a !== b && all.size > some.length && some.every((segment) => all.has(segment));
}

/** Returns candles whose trades are gone: they are kept if there is one version with known rules. Throws otherwise. */
function provenCandles(files: readonly Candidate[]): Candidate[] {
  const isAmbiguous = files.some((a) => a.rules === undefined || files.some((b) => a !== b && mayOverlap(a.file, b.file)));
  if (!isAmbiguous) return [...files];
  const { file } = files[0] as Candidate;
  throw new FailureError(
    `${dirname(file.path)} has candles of several versions or unknown rules, and no trades to rebuild them from; restore the log from a backup, or move this directory out of the store`,
  );
}

function withOverlays(kept: readonly Candidate[]): StoredFile[] {
  return kept.map(({ partition, file }) => {
    const isSibling = (other: Candidate) => other.file !== file && partitionPath(other.partition) === partitionPath(partition);
    const overlaps = kept.some((other) => isSibling(other) && mayOverlap(other.file, file));
    return overlaps ? { ...file, overlay: true } : file;
  });
}

/** Returns the metadata noted in files. Of two clocks the later counts; two different rules of one interval are an error. */
function metadataOf(kept: readonly Candidate[]): Metadata {
  const metadata: Record<string, string> = {};
  for (const [name, value] of kept.flatMap((candidate) => Object.entries(candidate.rules ?? {}))) {
    const other = metadata[name];
    if (other !== undefined && other !== value && !name.startsWith('candles.clock.'))
      throw new FailureError(`stored candles disagree on ${name} (${other} and ${value}); restore the log from a backup`);
    metadata[name] = other !== undefined && Number(other) > Number(value) ? other : value;
  }
  return metadata;
}

/**
 * Moves a log away, the oldest change first. A bucket has no directories: if this process ends on the way, the newest changes
 * are left, and without the ones before them no one takes them for a whole log.
 */
async function moveLog(paths: StorePaths, target: string): Promise<void> {
  for (const name of (await paths.files.names(paths.log)).sort())
    await moveAway(paths, join(paths.log, name), join(target, name));
}

async function moveAway({ files }: StorePaths, path: string, target: string): Promise<void> {
  try {
    await files.prepare([dirname(target)]);
    await files.rename(path, target);
  } catch (error) {
    throw storageFailure(error, 'move', path);
  }
}
