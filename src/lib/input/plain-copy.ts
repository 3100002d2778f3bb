import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { createScratch, removeScratch } from '../storage/files/scratch.js';
import { isCompressed } from './formats.js';
import { memberOf } from './zip-archive.js';

/**
 * The file that DuckDB reads for a text: the text itself, or of a compressed one and of a member of an archive the copy that its
 * scan writes. DuckDB takes three times as long as Node to unpack gzip, and reads no archives; the scan has unpacked it anyway.
 */
export class PlainCopy {
  readonly file: string;
  readonly #copy: { readonly directory: string; readonly handle: FileHandle } | undefined;

  private constructor(file: string, copy?: { readonly directory: string; readonly handle: FileHandle }) {
    this.file = file;
    this.#copy = copy;
  }

  static async open(path: string): Promise<PlainCopy> {
    if (!isCompressed(path) && !memberOf(path)) return new PlainCopy(path);
    const directory = await createScratch('unpacked');
    const file = join(directory, 'unpacked');
    return new PlainCopy(file, { directory, handle: await open(file, 'wx') });
  }

  /** Adds bytes of the unpacked text, in its order. */
  async add(...pieces: readonly Buffer[]): Promise<void> {
    if (!this.#copy) return;
    for (const piece of pieces)
      for (let at = 0; at < piece.length; ) at += (await this.#copy.handle.write(piece, at)).bytesWritten;
  }

  /** Removes the copy. */
  async dispose(): Promise<void> {
    if (!this.#copy) return;
    await this.#copy.handle.close();
    await removeScratch(this.#copy.directory);
  }
}
