import { rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FailureError, MdtoolError } from '../../model/errors.js';
import { createDirectory, createFile, isMissing, storageFailure } from '../files/durable-file.js';
import { currentOwner } from '../files/owner.js';
import { type Partition, partitionPath } from '../files/partition.js';
import { expandSegments } from '../files/segments.js';
import type { StorePaths } from '../files/store-directory.js';
import { requireNoActiveWriter } from '../journal/active-writers.js';
import { beginLog, CommitLog, logEntries } from '../log/commit-log.js';
import { readHead } from '../log/log-head.js';
import type { Metadata } from '../log/metadata.js';
import { restoreRetired } from '../log/retired-files.js';
import { openStoreContext, wallClock } from '../log/store-context.js';
import { mayOverlap, type StoredFile, StoreState } from '../log/store-state.js';
import { type Candidate, readCandidates } from './log-candidates.js';
import { sweepStore } from './sweep.js';

/** What a log was made of. */
export type RebuildReport = {
  readonly files: number;
  readonly records: number;
  /** Where files went that the store does not need: replaced ones, and candles that are built again from its trades. */
  readonly movedTo: string | undefined;
  readonly moved: number;
  /** Of these, files of candles. */
  readonly candles: number;
};

/** Numbers are left out, so that who slept through it sees that it is behind. */
const NUMBERS_SKIPPED = 1000;

/**
 * Makes the log of a store anew from what its Parquet files say and hold, when it was lost or no longer fits them; returns
 * undefined when it is whole. A file that another one covers, by the segments both name, is moved away; where files may
 * still hold the same record readers choose by key, as ever. Candles of trades that are there are moved away, too: which
 * of two versions is the newer cannot be proven, and they are built again. Nothing is deleted. Throws a `FailureError`,
 * and changes nothing, while somebody writes and when a file cannot be trusted. It cannot know of files that are gone.
 */
export async function rebuildLog(paths: StorePaths): Promise<RebuildReport | undefined> {
  const known = await readableState(paths);
  if (known && (await sweepStore(openStoreContext(paths), true)).length === 0) return undefined;
  await createDirectory(paths.state);
  const lock = join(paths.state, 'rebuild.lock');
  if (!(await createFile(lock, JSON.stringify(currentOwner()))))
    throw new FailureError(`${lock}: another process rebuilds the log; if it does not run any more, delete this file`);
  try {
    await requireNoActiveWriter(paths);
    return await rebuild(paths, known);
  } catch (error) {
    throw storageFailure(error, 'rebuild the log in', paths.log);
  } finally {
    await rm(lock, { force: true });
  }
}

async function readableState(paths: StorePaths): Promise<StoreState | undefined> {
  try {
    return await new CommitLog(paths.log, paths.root).read();
  } catch (error) {
    if (error instanceof MdtoolError) return undefined;
    throw error;
  }
}

async function rebuild(paths: StorePaths, known: StoreState | undefined): Promise<RebuildReport> {
  const candidates = await readCandidates(paths.root);
  const { kept, moved } = chosen(candidates);
  const state = new StoreState();
  const metadata = { ...Object.fromEntries(known?.metadata ?? []), ...metadataOf(kept) };
  state.apply({ at: wallClock(), add: withOverlays(kept), metadata });
  const last = Math.max(await readHead(paths.log), ...(await logEntries(paths.log)).map(({ number }) => number));
  state.version = Math.max(0, last) + NUMBERS_SKIPPED;
  const target = join(paths.state, `before-rebuild-${state.version}`);
  await moveAway(paths.log, join(target, 'log'));
  await createDirectory(paths.log);
  await beginLog(paths.log, state);
  const context = openStoreContext(paths);
  for (const { file } of kept.filter(({ isAside }) => isAside)) await restoreRetired(context, file.path);
  for (const { file } of moved) await moveAway(join(paths.root, file.path), join(target, file.path));
  return {
    files: kept.length,
    records: kept.reduce((sum, { file }) => sum + file.rows, 0),
    movedTo: moved.length > 0 ? target : undefined,
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
  return { kept, moved: candidates.filter((candidate) => !kept.includes(candidate) && !candidate.isAside) };
}

function isDerived({ type, source }: Partition): boolean {
  return type === 'candle' && source === 'trades';
}

function withoutCandle({ exchange, market, date }: Partition): Omit<Partition, 'type'> {
  return { exchange, market, date };
}

/** A merge holds all records of its segments; a file of some of them was replaced by it or was about to be. */
function covers(a: Candidate, b: Candidate): boolean {
  const [all, some] = [new Set(expandSegments(a.file.segments)), expandSegments(b.file.segments)];
  return a !== b && all.size > some.length && some.every((segment) => all.has(segment));
}

/** Candles whose trades are gone cannot be built again: they are taken where there is one version of them, and its rules. */
function provenCandles(files: readonly Candidate[]): Candidate[] {
  const isAmbiguous = files.some((a) => a.rules === undefined || files.some((b) => a !== b && mayOverlap(a.file, b.file)));
  if (!isAmbiguous) return [...files];
  const { file } = files[0] as Candidate;
  throw new FailureError(
    `${dirname(file.path)} has candles of several versions, or of unknown rules, and no trades to build them from: restore the log from a backup, or move this directory out of the store`,
  );
}

function withOverlays(kept: readonly Candidate[]): StoredFile[] {
  return kept.map(({ partition, file }) => {
    const isSibling = (other: Candidate) => other.file !== file && partitionPath(other.partition) === partitionPath(partition);
    const overlaps = kept.some((other) => isSibling(other) && mayOverlap(other.file, file));
    return overlaps ? { ...file, overlay: true } : file;
  });
}

/** Clocks only go forward; of rules there is one for each interval. */
function metadataOf(kept: readonly Candidate[]): Metadata {
  const metadata: Record<string, string> = {};
  for (const [name, value] of kept.flatMap((candidate) => Object.entries(candidate.rules ?? {}))) {
    const other = metadata[name];
    if (other !== undefined && other !== value && !name.startsWith('candles.clock.'))
      throw new FailureError(
        `the candles of the store have two values of ${name}, ${other} and ${value}: restore the log from a backup`,
      );
    metadata[name] = other !== undefined && Number(other) > Number(value) ? other : value;
  }
  return metadata;
}

async function moveAway(path: string, target: string): Promise<void> {
  await createDirectory(dirname(target));
  await rename(path, target).catch((error) => {
    if (!isMissing(error)) throw storageFailure(error, 'move', path);
  });
}
