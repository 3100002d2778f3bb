import { stat } from 'node:fs/promises';

/** A file that is being read: its size, and how much of it has been read. */
type OpenFile = { readonly size: number; readonly read: () => number };

/**
 * How much of the input files of this process has been read, for the eye alone. A step that reads a file twice counts it
 * twice, in what there is and in what is done.
 */
class ReadShare {
  #all = 0;
  #done = 0;
  readonly #open = new Map<string, OpenFile>();

  /** Adds files that will be read. A size that is not known counts as none. */
  async expect(paths: readonly string[]): Promise<void> {
    for (const path of paths) this.#all += await sizeOf(path);
  }

  /** Registers a file that is read as a stream. */
  opened(path: string, size: number, read: () => number): void {
    this.#open.set(path, { size, read });
  }

  /** Counts a file as read. */
  async closed(path: string): Promise<void> {
    this.#open.delete(path);
    this.#done += await sizeOf(path);
  }

  /** The share that has been read, 0 to 1; undefined without files of a known size. */
  get share(): number | undefined {
    if (this.#all === 0) return undefined;
    let done = this.#done;
    for (const { size, read } of this.#open.values()) done += Math.min(size, read());
    return Math.min(1, done / this.#all);
  }
}

export const READ_SHARE = new ReadShare();

async function sizeOf(path: string): Promise<number> {
  return path === '-'
    ? 0
    : await stat(path).then(
        ({ size }) => size,
        () => 0,
      );
}
