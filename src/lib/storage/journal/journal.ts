import { type FileHandle, open, readdir, rename, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isMissing, storageFailure, syncDirectory } from '../files/durable-file.js';
import type { Owner } from '../files/owner.js';
import { parseSegment } from '../files/segments.js';

/** The journal was taken over by another process, because this one was suspended for too long. */
export class JournalLostError extends Error {}

/**
 * The NDJSON file that a writer appends to until it is sealed. Lines survive the end of the process once `append` has
 * returned, and a power loss once `sync` has returned.
 */
export class JournalFile {
  readonly path: string;
  readonly segment: string;
  /** Milliseconds since the epoch. */
  readonly openedAt: number;
  readonly #handle: FileHandle;
  readonly #inode: number;
  #length: number;
  #records = 0;
  #synced = true;

  private constructor(path: string, segment: string, openedAt: number, opened: OpenedFile) {
    this.path = path;
    this.segment = segment;
    this.openedAt = openedAt;
    this.#handle = opened.handle;
    this.#inode = opened.inode;
    this.#length = opened.length;
  }

  /** Creates `<directory>/<segment>.ndjson`; its first line names the owner. */
  static async create(directory: string, segment: string, header: { step: string; owner: Owner }, now: number) {
    const path = join(directory, `${segment}.ndjson`);
    try {
      const opened = await createWithHeader(path, `${JSON.stringify({ type: 'journal', segment, ...header })}\n`);
      return new JournalFile(path, segment, now, opened);
    } catch (error) {
      throw storageFailure(error, 'write', path);
    }
  }

  get records(): number {
    return this.#records;
  }

  /** Its size. */
  get bytes(): number {
    return this.#length;
  }

  /**
   * Appends whole lines.
   *
   * A process that was suspended may write into a journal that another process has already sealed: those lines would be
   * lost without an error. A taker renames the journal first and reads it afterwards. So this checks after the write
   * that the file still has its own name: if it does, any later taker reads these lines. If it does not, the lines may
   * or may not have been read: throws a `JournalLostError`.
   */
  async append(lines: Uint8Array, records: number): Promise<void> {
    try {
      this.#synced = false;
      await this.#handle.appendFile(lines);
    } catch (error) {
      // Without this, half a line would join the next one.
      await this.#handle.truncate(this.#length).catch(() => {});
      throw storageFailure(error, 'write', this.path);
    }
    this.#length += lines.length;
    this.#records += records;
    if (!(await this.#isOwn())) throw new JournalLostError(`${this.path} was taken over by another process`);
  }

  /** Makes all appended lines survive a power loss. */
  async sync(): Promise<void> {
    if (this.#synced) return;
    this.#synced = true;
    try {
      await this.#handle.datasync();
    } catch (error) {
      this.#synced = false;
      throw storageFailure(error, 'write', this.path);
    }
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async #isOwn(): Promise<boolean> {
    try {
      return (await stat(this.path)).ino === this.#inode;
    } catch (error) {
      if (isMissing(error)) return false;
      throw storageFailure(error, 'read', this.path);
    }
  }
}

type OpenedFile = { readonly handle: FileHandle; readonly inode: number; readonly length: number };

async function createWithHeader(path: string, header: string): Promise<OpenedFile> {
  const handle = await open(path, 'ax');
  try {
    await handle.appendFile(header);
    await handle.datasync();
    await syncDirectory(dirname(path));
    return { handle, inode: (await handle.stat()).ino, length: Buffer.byteLength(header) };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** A journal file in the journal directory. */
export type JournalEntry = {
  readonly path: string;
  readonly segment: string;
  /** The writer that may seal it: its author or the writer that took it over. */
  readonly holder: string;
};

/** Returns the journals of a store, by segment. */
export async function listJournals(directory: string): Promise<JournalEntry[]> {
  const names = await readdir(directory).catch((error) => {
    if (isMissing(error)) return [];
    throw storageFailure(error, 'read', directory);
  });
  return names.sort().flatMap((name) => {
    // A name is `<segment>.ndjson`, or `<segment>.<new holder>.ndjson` once it was taken over.
    const [segment = '', holder, ...rest] = name.split('.');
    const writer = parseSegment(segment)?.writer;
    if (writer === undefined || (holder !== 'ndjson' && rest[0] !== 'ndjson')) return [];
    return [{ path: join(directory, name), segment, holder: holder === 'ndjson' ? writer : (holder as string) }];
  });
}

/** Takes a journal over for `holder` by renaming it. Returns undefined when another process was faster. */
export async function adoptJournal(journal: JournalEntry, holder: string): Promise<JournalEntry | undefined> {
  const path = join(dirname(journal.path), `${journal.segment}.${holder}.ndjson`);
  try {
    await rename(journal.path, path);
    await syncDirectory(dirname(path));
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw storageFailure(error, 'write', path);
  }
  return { ...journal, path, holder };
}
