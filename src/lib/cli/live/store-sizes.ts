import { freeBytes } from '../../storage/files/free-space.js';
import { findStore } from '../../storage/files/store-directory.js';
import { openStoreContext } from '../../storage/log/store-context.js';

/** Milliseconds for which the size of a store counts as known: a scrape every second must not read its log every second. */
const KNOWN_FOR = 30_000;

/** Measures a store: its size, and the room it has left. */
export class StoreSizes {
  readonly #directory: string;
  #bytes = 0;
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Returns bytes; undefined before the store exists, `free` where the file system does not say. Throws as `findStore`. */
  async sizes(): Promise<{ readonly bytes: number; readonly free: number | undefined } | undefined> {
    const paths = await findStore(this.#directory);
    if (!paths) return undefined;
    if (performance.now() - this.#readAt > KNOWN_FOR) {
      const { files } = await openStoreContext(paths).log.read();
      this.#bytes = [...files.values()].reduce((sum, { bytes }) => sum + bytes, 0);
      this.#readAt = performance.now();
    }
    return { bytes: this.#bytes, free: await freeBytes(paths.root) };
  }
}
