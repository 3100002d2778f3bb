import { readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { createDirectory, createFile, isMissing, replaceFile } from './durable-file.js';
import { OWNER_SILENCE_MS } from './owner.js';

/** Whether a writer still holds its heartbeat, as far as it is known without asking: `unknown` asks for a look at the log. */
export type Standing = 'held' | 'lost' | 'unknown';

/**
 * Heartbeats of writers. Of one that is silent for longer than `silenceMs`, others take the claims. `path` is a file of the
 * store.
 */
export type Heartbeats = {
  /** Milliseconds between two beats. */
  readonly everyMs: number;
  readonly silenceMs: number;
  begin(path: string): Promise<void>;
  /** Renews a heartbeat. */
  renew(path: string): Promise<Standing>;
  standing(path: string): Standing;
  /** Returns milliseconds since the last beat; without a heartbeat, infinity. */
  silence(path: string): Promise<number>;
  end(path: string): Promise<void>;
};

/**
 * Where the files of a store live: on a disk, or in a bucket with copies on a disk. Nothing else in mdtool knows which.
 *
 * A path is always that of the file on this machine's disk. In a bucket the object of the same name below the prefix is the
 * file, and DuckDB reads the copy. Journals are on the disk of their writer in both.
 */
export type StoreFiles = {
  /** Whether other machines may have journals of the store, which this one does not see. */
  readonly isShared: boolean;
  readonly heartbeats: Heartbeats;
  /** Returns a path as messages name it: in a bucket, the address of the object. */
  named(path: string): string;
  /** Milliseconds since the epoch by a clock that all writers of the store share. */
  now(): number;
  /** Makes the directories of a store that is about to be written. Throws when it cannot be kept safely there. */
  prepare(directories: readonly string[]): Promise<void>;
  /** Creates a small file unless one of that name exists. Returns whether this call created it. */
  create(path: string, text: string): Promise<boolean>;
  /** Returns a small file, undefined without one. */
  read(path: string): Promise<string | undefined>;
  /** Writes a small file that appears whole and replaces an existing one. */
  replace(path: string, text: string): Promise<void>;
  /** Writes a small file in place: a hint that may be lost, or half written by a killed process. */
  note(path: string, text: string): Promise<void>;
  /** Returns the names in a directory; none where it does not exist. */
  names(directory: string): Promise<string[]>;
  /** Yields the paths below a directory, relative to it. */
  tree(directory: string): AsyncIterable<string>;
  /** Makes a Parquet file that was written to the disk a file of the store; only then may the log name it. */
  publish(path: string): Promise<void>;
  /** Removes a file of the store, and its copy. */
  remove(path: string): Promise<void>;
  /** Returns false when there is no such file. */
  rename(from: string, to: string): Promise<boolean>;
  /** Returns the milliseconds since a file was changed, undefined without one. */
  age(path: string): Promise<number | undefined>;
};

/** A store in a directory of a file system. */
export const DISK_FILES: StoreFiles = {
  isShared: false,
  heartbeats: {
    everyMs: 15_000,
    silenceMs: OWNER_SILENCE_MS,
    begin: async (path) => void (await createFile(path, '')),
    async renew(path) {
      const now = new Date();
      await utimes(path, now, now).catch((error) => (isMissing(error) ? createFile(path, '') : Promise.reject(error)));
      return 'unknown';
    },
    standing: () => 'unknown',
    silence: async (path) => (await diskAge(path).catch(() => undefined)) ?? Number.POSITIVE_INFINITY,
    end: (path) => rm(path, { force: true }),
  },
  named: (path) => path,
  now: () => Date.now(),
  async prepare(directories) {
    for (const directory of directories) await createDirectory(directory);
  },
  create: createFile,
  read: (path) => readFile(path, 'utf8').catch(missingAs(undefined)),
  replace: replaceFile,
  note: (path, text) => writeFile(path, text),
  names: (directory) => readdir(directory).catch(missingAs([])),
  async *tree(directory) {
    yield* await readdir(directory, { recursive: true }).catch(missingAs([]));
  },
  async publish() {},
  remove: (path) => rm(path, { force: true }),
  async rename(from, to) {
    try {
      await rename(from, to);
      return true;
    } catch (error) {
      return missingAs(false)(error);
    }
  },
  age: diskAge,
};

async function diskAge(path: string): Promise<number | undefined> {
  const facts = await stat(path).catch(missingAs(undefined));
  return facts && Date.now() - facts.mtimeMs;
}

/** Returns a handler that turns "no such file" into a value, and throws every other error. */
function missingAs<Value>(value: Value): (error: unknown) => Value {
  return (error) => {
    if (isMissing(error)) return value;
    throw error;
  };
}
