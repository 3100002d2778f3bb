import { createWriteStream, existsSync, type WriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { leaveAtExit, removeAtExit } from '../disk/exit-cleanup.js';
import { systemReason } from '../disk/system-reason.js';
import { FailureError, UsageError } from '../model/errors.js';

/** Bytes that wait to be written before the writer waits for them. */
const PENDING = 1 << 20;

/** Throws a `UsageError` when `path` exists and may not be replaced. */
export function refuseExisting(path: string, force: boolean): void {
  if (!force && existsSync(path)) throw new UsageError(`-o ${path} already exists; use --force to replace it`);
}

/**
 * A text file that appears complete or not at all: it is written under a temporary name in the same directory, synced, and
 * renamed by `close`. A name that ends in `.gz` is compressed.
 */
export class WholeFile {
  readonly path: string;
  readonly #force: boolean;
  readonly #temporary: string;
  readonly #entry: Writable;
  readonly #written: Promise<void>;

  /** Throws a `UsageError` when the file exists and `force` is not set. */
  constructor(path: string, force: boolean) {
    refuseExisting(path, force);
    this.path = path;
    this.#force = force;
    this.#temporary = `${path}.${process.pid}.partial`;
    const file = createWriteStream(this.#temporary, { flush: true, highWaterMark: PENDING });
    [this.#entry, this.#written] = connect(file, path.endsWith('.gz'));
    // An unhandled rejection would end the process. `write` and `close` await the same promise and report the error.
    this.#written.catch(() => {});
    removeAtExit(this.#temporary);
  }

  /** Resolves when the file is ready for more. Throws a `FailureError` that names the path. */
  async write(text: string | Uint8Array): Promise<void> {
    if (text.length === 0 || this.#entry.write(text)) return;
    const drained = new Promise<void>((resolve) => this.#entry.once('drain', resolve));
    await this.#guard(Promise.race([drained, this.#written]));
  }

  async close(): Promise<void> {
    this.#entry.end();
    await this.#guard(this.#written);
    refuseExisting(this.path, this.#force);
    await this.#guard(rename(this.#temporary, this.path));
    leaveAtExit(this.#temporary);
  }

  async abort(): Promise<void> {
    this.#entry.destroy();
    await this.#written.catch(() => {});
    await rm(this.#temporary, { force: true }).catch(() => {});
    leaveAtExit(this.#temporary);
  }

  async #guard(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      throw new FailureError(`cannot write ${this.path}: ${systemReason(error)}`, { cause: error });
    }
  }
}

function connect(file: WriteStream, gzip: boolean): [entry: Writable, written: Promise<void>] {
  if (!gzip) return [file, finished(file)];
  const compressed = createGzip();
  return [compressed, pipeline(compressed, file)];
}
