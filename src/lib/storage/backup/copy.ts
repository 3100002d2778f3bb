import { FailureError } from '../../model/errors.js';
import { fetchStoredFile } from '../files/bucket-files.js';
import { isMissing } from '../files/durable-file.js';
import type { StoreContext } from '../log/store-context.js';
import type { StoredFile, StoreState } from '../log/store-state.js';
import { type Frozen, freezeStore, placeOf } from './frozen.js';

/** A file that is no record of the store and belongs to a copy of it: the journal of a run. */
export type Extra = { readonly path: string; readonly from: string };

/** Where a copy of a store goes. It counts only once it is finished. */
export type CopyTarget = {
  /** Whether it has a stored file of this name: no file of a store changes. */
  has(path: string): boolean;
  /** Copies a file; a digest (SHA-256, hexadecimal) that it does not have is a `DamagedFileError`. Retired files are found. */
  put(path: string, from: string, sha256?: string): Promise<void>;
  /** Makes the copied files a store, in one step, and drops what an earlier copy had beyond them. */
  finish(state: StoreState, format: number): Promise<void>;
};

/** What a copy has. */
export type CopyReport = {
  readonly files: number;
  readonly records: number;
  readonly bytes: number;
  /** Files that the target did not have, and their bytes. */
  readonly newFiles: number;
  readonly newBytes: number;
};

type CopyOptions = {
  readonly format: number;
  readonly extras?: readonly Extra[];
  readonly signal: AbortSignal;
  /** Called after each file with the bytes that are done, of all. */
  readonly onProgress?: (done: number, all: number) => void;
};

/** A file of the source is not what its log says. */
export class DamagedFileError extends FailureError {}

/** A copy that was stopped. What it has so far stays, and the next one goes on from there. */
class StoppedError extends FailureError {}

/** Replaced files are deleted after an hour: a copy that takes longer takes the newer ones, and keeps what it has. */
const ATTEMPTS = 25;

/** Copies a store while others write to it. Throws a `FailureError` where a file is damaged or gone; the target is not finished then. */
export async function copyStore(context: StoreContext, target: CopyTarget, options: CopyOptions): Promise<CopyReport> {
  const copied = new Map<string, number>();
  for (let attempt = 1; ; attempt++) {
    let frozen: Frozen | undefined;
    try {
      frozen = await freezeStore(context);
      await copyFiles(context, frozen, { target, copied, options });
      for (const { path, from } of options.extras ?? []) await target.put(path, from);
      await target.finish(frozen.state, options.format);
      return reportOf(frozen.state, copied);
    } catch (error) {
      if (!isMissing(error)) throw error;
      if (attempt >= ATTEMPTS)
        throw new FailureError(
          `${(error as NodeJS.ErrnoException).path} is gone; run mdtool verify on ${context.paths.location}`,
        );
    } finally {
      await frozen?.close();
    }
  }
}

type Copying = { readonly target: CopyTarget; readonly copied: Map<string, number>; readonly options: CopyOptions };

async function copyFiles(context: StoreContext, frozen: Frozen, { target, copied, options }: Copying): Promise<void> {
  const files = [...frozen.state.files.values()];
  const all = sumOf(files);
  let done = 0;
  for (const file of files) {
    if (options.signal.aborted) throw new StoppedError('stopped before all was copied; the next run copies the rest');
    if (!target.has(file.path) && !copied.has(file.path)) {
      const from = placeOf(context, frozen, file);
      await fetchStoredFile(from);
      await target.put(file.path, from, file.sha256);
      copied.set(file.path, file.bytes);
    }
    done += file.bytes;
    options.onProgress?.(done, all);
  }
}

function reportOf({ files }: StoreState, copied: ReadonlyMap<string, number>): CopyReport {
  const stored = [...files.values()];
  const isNew = stored.filter(({ path }) => copied.has(path));
  return {
    files: stored.length,
    records: stored.reduce((sum, { rows }) => sum + rows, 0),
    bytes: sumOf(stored),
    newFiles: isNew.length,
    newBytes: sumOf(isNew),
  };
}

function sumOf(files: readonly StoredFile[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}
