import { existsSync } from 'node:fs';
import { readdir, rm, stat, utimes } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** Copies that may lie in the cache, in bytes. */
export const CACHE_BYTES = 10 * 2 ** 30;
/** A copy that was used this recently (milliseconds) stays: a statement may be about to open it. */
const IN_USE_MS = 10 * 60_000;
/** A use is noted at most this often. */
const NOTED_MS = 2 * 60_000;
/** Copies are removed until they fill this share of the limit, so that not every fetch has to search. */
const KEPT_SHARE = 0.9;

let chosen: string | undefined;

/** Sets the cache directory of this process; without one, that of the environment. */
export function useStoreCache(directory: string | undefined): void {
  chosen = directory;
}

/** Returns the cache directory: the chosen one, `MDTOOL_STORE_CACHE`, or `mdtool` in the user's cache directory. */
export function storeCache(): string {
  const base = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return resolve(chosen ?? process.env.MDTOOL_STORE_CACHE ?? join(base, 'mdtool'));
}

/** Copies of stored files on this machine. Beyond the limit those go that were not used for longest. */
export class BucketCache {
  readonly #directory: string;
  readonly #limit: number;
  readonly #used = new Map<string, number>();
  /** Bytes of all copies, undefined until they are counted. */
  #bytes: number | undefined;
  #trimming: Promise<void> | undefined;
  #trimmedAt = 0;

  constructor(directory: string, limit = CACHE_BYTES) {
    this.#directory = directory;
    this.#limit = limit;
  }

  /** Returns whether there is a copy, and notes its use. */
  async has(path: string): Promise<boolean> {
    if (!existsSync(path)) return false;
    const now = Date.now();
    if (now - (this.#used.get(path) ?? 0) > NOTED_MS) {
      this.#used.set(path, now);
      // Another process may have made room meanwhile.
      const facts = await stat(path).catch(() => undefined);
      if (!facts) return false;
      await utimes(path, new Date(now), facts.mtime).catch(() => {});
    }
    return true;
  }

  /** Counts a new copy, and makes room for it. */
  async add(path: string): Promise<void> {
    const { size } = await stat(path);
    this.#used.set(path, Date.now());
    this.#bytes = this.#bytes === undefined ? await this.#count() : this.#bytes + size;
    if (this.#bytes <= this.#limit || Date.now() - this.#trimmedAt < NOTED_MS / 4) return;
    this.#trimming ??= this.#trim().finally(() => {
      this.#trimming = undefined;
    });
    await this.#trimming;
  }

  async #count(): Promise<number> {
    return (await this.#copies()).reduce((sum, { bytes }) => sum + bytes, 0);
  }

  async #trim(): Promise<void> {
    const copies = (await this.#copies()).sort((a, b) => a.usedAt - b.usedAt);
    let bytes = copies.reduce((sum, copy) => sum + copy.bytes, 0);
    for (const copy of copies) {
      if (bytes <= this.#limit * KEPT_SHARE || Date.now() - copy.usedAt < IN_USE_MS) break;
      await rm(copy.path, { force: true });
      this.#used.delete(copy.path);
      bytes -= copy.bytes;
    }
    this.#bytes = bytes;
    this.#trimmedAt = Date.now();
  }

  async #copies(): Promise<{ path: string; bytes: number; usedAt: number }[]> {
    const names = await readdir(this.#directory, { recursive: true }).catch(() => []);
    const found = names.filter((name) => name.endsWith('.parquet')).map((name) => join(this.#directory, name));
    const copies = await Promise.all(
      found.map(async (path) => {
        const facts = await stat(path).catch(() => undefined);
        return facts ? [{ path, bytes: facts.size, usedAt: Math.max(facts.atimeMs, facts.mtimeMs) }] : [];
      }),
    );
    return copies.flat();
  }
}
