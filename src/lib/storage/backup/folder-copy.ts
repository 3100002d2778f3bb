import { type FileHandle, open, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { UsageError } from '../../model/errors.js';
import { RECORD_TYPES } from '../../model/records.js';
import { createDirectory, publishFile, storageFailure, temporaryName } from '../files/durable-file.js';
import { contentOf, MARKER, markerText, type StorePaths, storeFormat } from '../files/store-directory.js';
import { beginLog, logEntries } from '../log/commit-log.js';
import type { StoreState } from '../log/store-state.js';
import { type CopyTarget, DamagedFileError } from './copy.js';
import { openSource, passOn, requireDigest } from './source-file.js';

/** What a copy says of itself, until it is a store of its own. */
type CopyNote = {
  /** What it is a copy of, as messages name it. */
  readonly of: string;
  /** The change with which its log begins; it has another one once somebody wrote to it. */
  readonly versions: readonly number[];
  /** Microseconds: the moment that a finished copy shows. */
  readonly at?: number;
};

type FolderOptions = {
  readonly of: string;
  /** A backup stays a copy, which the next one brings up to date; a restored store is a store like any other. */
  readonly kind: 'backup' | 'restore';
  readonly at: number;
};

/** Returns what a copy says of itself, undefined for anything else. */
export async function readNote(paths: StorePaths): Promise<CopyNote | undefined> {
  try {
    const text = await paths.files.read(notePath(paths));
    return text === undefined ? undefined : (JSON.parse(text) as CopyNote);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw storageFailure(error, 'read', notePath(paths));
  }
}

function notePath({ state }: StorePaths): string {
  return join(state, 'copy.json');
}

/**
 * A copy of a store in a directory or a bucket, laid out as a store. Until the first one is finished it has no marker, so that
 * nothing reads it; a later one takes effect with one file, the checkpoint of its log. Killed in between, the earlier one holds.
 */
export class FolderCopy implements CopyTarget {
  readonly #paths: StorePaths;
  readonly #options: FolderOptions;
  readonly #known: ReadonlySet<string>;
  readonly #note: CopyNote;

  private constructor(paths: StorePaths, options: FolderOptions, known: ReadonlySet<string>, note: CopyNote) {
    this.#paths = paths;
    this.#options = options;
    this.#known = known;
    this.#note = note;
  }

  /** Throws a `UsageError` for a place that has anything but a copy of the same store. */
  static async open(paths: StorePaths, options: FolderOptions): Promise<FolderCopy> {
    const { location, files, root, log } = paths;
    const note = await readNote(paths);
    if (note === undefined) await requireEmpty(paths);
    else if (note.of !== options.of)
      throw new UsageError(`${location} is a copy of ${note.of}, not of ${options.of}; choose another place`);
    const version = await newestChange(paths);
    if (note !== undefined && version > 0 && !note.versions.includes(version))
      throw new UsageError(`${location} was written to after it was copied: it is a store of its own now; choose another place`);
    try {
      await files.prepare([root, log]);
      const begun = note ?? { of: options.of, versions: [] };
      await files.replace(notePath(paths), JSON.stringify(begun));
      return new FolderCopy(paths, options, await storedNames(paths), begun);
    } catch (error) {
      throw storageFailure(error, 'write to', location);
    }
  }

  has(path: string): boolean {
    return this.#known.has(path);
  }

  async put(path: string, from: string, sha256?: string): Promise<void> {
    const { root, files } = this.#paths;
    const target = join(root, path);
    const temporary = temporaryName(target);
    const source = await openSource(from);
    try {
      await createDirectory(dirname(target));
      await writeFrom(source, temporary, (digest) => requireDigest(from, digest, sha256));
      await publishFile(temporary, target);
      await files.publish(target);
    } catch (error) {
      if (error instanceof DamagedFileError) throw error;
      throw storageFailure(error, 'write', target);
    } finally {
      await source.close().catch(() => {});
      await rm(temporary, { force: true });
      // The copy of a bucket is in the bucket, not on this machine.
      if (files.isShared) await rm(target, { force: true });
    }
  }

  async finish(state: StoreState, format: number): Promise<void> {
    const { root, log, files, location } = this.#paths;
    const { of, kind, at } = this.#options;
    try {
      const before = await newestChange(this.#paths);
      state.version = before + 1;
      await files.replace(notePath(this.#paths), JSON.stringify({ ...this.#note, versions: [before, before + 1] }));
      const old = await logEntries(log, files);
      await beginLog(log, state, files);
      for (const { name } of old) await files.remove(join(log, name));
      await files.replace(join(root, MARKER), markerText(format));
      for (const path of await storedNames(this.#paths, isOurs)) if (!state.files.has(path)) await files.remove(join(root, path));
      if (kind === 'restore') await files.remove(notePath(this.#paths));
      else await files.replace(notePath(this.#paths), JSON.stringify({ of, versions: [before + 1], at }));
    } catch (error) {
      throw storageFailure(error, 'write to', location);
    }
  }
}

/** Copies a file into a new one. */
async function writeFrom(source: FileHandle, path: string, check: (digest: string) => void): Promise<void> {
  const copy = await open(path, 'wx');
  try {
    const { size } = await source.stat();
    check(await passOn({ file: source, at: 0, size }, (bytes) => copy.writeFile(bytes)));
  } finally {
    await copy.close();
  }
}

/** Throws a `UsageError` for a store and for other content. */
async function requireEmpty(paths: StorePaths): Promise<void> {
  if (await isBarelyBegun(paths)) return;
  if ((await storeFormat(paths)) !== undefined)
    throw new UsageError(`${paths.location} is a store already; choose an empty place`);
}

/**
 * Returns whether a copy was killed between its first folders and its note. No later copy would begin there: folders without a
 * marker are taken for somebody else's.
 */
async function isBarelyBegun({ root, state, log, files }: StorePaths): Promise<boolean> {
  const [all, begun, changes] = await Promise.all([root, state, log].map((directory) => contentOf(files, directory)));
  return String(all) === 'state' && begun?.every((name) => name === 'log') === true && changes?.length === 0;
}

async function newestChange({ log, files }: StorePaths): Promise<number> {
  return Math.max(0, ...(await logEntries(log, files)).map(({ number }) => number));
}

const isStored = (name: string) => name.endsWith('.parquet');
/** What a copy writes: stored files, and what is left of one that was killed. */
const isOurs = (name: string) => isStored(name) || name.endsWith('.tmp');

/** Returns the files of a kind below the directories of records, relative to the root. */
async function storedNames({ root, files }: StorePaths, isWanted = isStored): Promise<Set<string>> {
  const names = new Set<string>();
  for (const type of RECORD_TYPES)
    for await (const name of files.tree(join(root, type))) if (isWanted(name)) names.add(`${type}/${name.replaceAll('\\', '/')}`);
  return names;
}
