import { existsSync } from 'node:fs';
import { type FileHandle, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FailureError, MdtoolError, UsageError } from '../../model/errors.js';
import { RECORD_TYPES } from '../../model/records.js';
import { fileDigest } from '../database/parquet-file.js';
import { createDirectory, publishFile, storageFailure, syncDirectory } from '../files/durable-file.js';
import { MARKER, markerText, type StorePaths } from '../files/store-directory.js';
import { beginLog } from '../log/commit-log.js';
import { absolutePath, openStoreContext } from '../log/store-context.js';
import { StoreState } from '../log/store-state.js';
import { type CopyReport, type CopyTarget, DamagedFileError } from './copy.js';
import { openSource, passOn, requireDigest } from './source-file.js';
import { type TarEntry, tarEnd, tarEntries, tarHeader, tarPadding } from './tar.js';

/** The number of the change with which the log of an archive begins. */
const VERSION = 1;
const CHECKPOINT = `state/log/${String(VERSION).padStart(20, '0')}.checkpoint.json`;
const ARCHIVE = /\.tar$/i;

/** Whether a place is an archive in one file, by its name. */
export function isArchive(place: string): boolean {
  return ARCHIVE.test(place);
}

/** A copy of a store in one file, which any tar unpacks to a store. It appears whole or not at all. */
export class ArchiveCopy implements CopyTarget {
  readonly #path: string;
  readonly #temporary: string;
  readonly #file: FileHandle;
  readonly #seconds: number;
  #length = 0;

  private constructor(path: string, temporary: string, file: FileHandle, seconds: number) {
    this.#path = path;
    this.#temporary = temporary;
    this.#file = file;
    this.#seconds = seconds;
  }

  /** `at` is in microseconds. Throws a `UsageError` for a file that exists. */
  static async open(path: string, at: number, force: boolean): Promise<ArchiveCopy> {
    if (!force && existsSync(path)) throw new UsageError(`${path} already exists; use --force to replace it`);
    const temporary = `${path}.${process.pid}.partial`;
    try {
      await createDirectory(dirname(path));
      return new ArchiveCopy(path, temporary, await open(temporary, 'w'), Math.floor(at / 1e6));
    } catch (error) {
      throw storageFailure(error, 'write', path);
    }
  }

  has(): boolean {
    return false;
  }

  async put(path: string, from: string, sha256?: string): Promise<void> {
    const source = await openSource(from);
    try {
      const { size } = await source.stat();
      await this.#write(tarHeader(path, size, this.#seconds));
      const digest = await passOn({ file: source, at: 0, size }, (bytes) => this.#write(bytes));
      requireDigest(from, digest, sha256);
      await this.#write(tarPadding(size));
    } catch (error) {
      throw error instanceof MdtoolError ? error : storageFailure(error, 'write', this.#path);
    } finally {
      await source.close().catch(() => {});
    }
  }

  async finish(state: StoreState, format: number): Promise<void> {
    state.version = VERSION;
    try {
      // The marker comes last: what is unpacked in part is no store.
      for (const [path, text] of Object.entries({ [CHECKPOINT]: state.encode(), [MARKER]: markerText(format) })) {
        const bytes = Buffer.from(text);
        await this.#write(Buffer.concat([tarHeader(path, bytes.length, this.#seconds), bytes, tarPadding(bytes.length)]));
      }
      await this.#write(tarEnd());
      await this.#file.sync();
      await this.#file.close();
      await rename(this.#temporary, this.#path);
      await syncDirectory(dirname(this.#path));
    } catch (error) {
      throw storageFailure(error, 'write', this.#path);
    }
  }

  /** Removes what was written, unless it is finished. */
  async abort(): Promise<void> {
    await this.#file.close().catch(() => {});
    await rm(this.#temporary, { force: true });
  }

  async #write(bytes: Buffer): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await this.#file.write(bytes, done, bytes.length - done, this.#length + done);
      done += bytesWritten;
    }
    this.#length += bytes.length;
  }
}

/**
 * Unpacks an archive into an empty directory, which becomes a store when every file is the one that the archive's log names.
 * Throws a `FailureError` that names a file that is not.
 */
export async function unpackArchive(archive: string, paths: StorePaths): Promise<CopyReport> {
  const file = await open(archive).catch((error) => Promise.reject(storageFailure(error, 'read', archive)));
  try {
    let marker: string | undefined;
    for await (const entry of tarEntries(file, archive)) {
      const text = entry.path === MARKER ? await textOf(file, entry) : undefined;
      marker = text ?? marker;
      if (text === undefined) await unpack(file, entry, { archive, root: paths.root });
    }
    if (marker === undefined) throw new FailureError(`${archive} has no ${MARKER}: it is not a whole backup`);
    return await finishUnpacked(paths, marker);
  } catch (error) {
    throw storageFailure(error, 'restore', paths.location);
  } finally {
    await file.close();
  }
}

const UNPACKED = new RegExp(
  String.raw`^(?:(?:${RECORD_TYPES.join('|')})/[^/].*\.parquet|${CHECKPOINT}|state/runs/[^/]+/run\.db)$`,
);

async function unpack(file: FileHandle, { path, size, at }: TarEntry, { archive, root }: { archive: string; root: string }) {
  if (!UNPACKED.test(path) || path.split('/').includes('..'))
    throw new FailureError(`${archive} has ${path}, which is not of a store; nothing of it is used`);
  const target = join(root, path);
  await createDirectory(dirname(target));
  const temporary = `${target}.tmp`;
  const copy = await open(temporary, 'w');
  try {
    await passOn({ file, at, size }, (bytes) => copy.writeFile(bytes));
  } finally {
    await copy.close();
  }
  await publishFile(temporary, target);
}

async function textOf(file: FileHandle, { size, at }: TarEntry): Promise<string> {
  const bytes = Buffer.alloc(size);
  await file.read(bytes, 0, size, at);
  return bytes.toString('utf8');
}

async function finishUnpacked(paths: StorePaths, marker: string): Promise<CopyReport> {
  const { root, log, files } = paths;
  const state = StoreState.decode(await readFile(join(root, CHECKPOINT), 'utf8'));
  const stored = [...state.files.values()];
  for (const one of stored) {
    const path = absolutePath({ paths }, one);
    if (one.sha256 !== undefined && (await fileDigest(path).catch(() => undefined)) !== one.sha256)
      throw new DamagedFileError(`${path} is not what was backed up: the archive is damaged`);
  }
  await beginLog(log, state, files);
  await files.replace(join(root, MARKER), marker);
  // Proves that it opens.
  await openStoreContext(paths).log.read();
  const [records, bytes] = [stored.reduce((sum, { rows }) => sum + rows, 0), stored.reduce((sum, one) => sum + one.bytes, 0)];
  return { files: stored.length, records, bytes, newFiles: stored.length, newBytes: bytes };
}
