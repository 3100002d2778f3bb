import { join } from 'node:path';
import { FailureError } from '../../model/errors.js';
import { storageFailure } from '../files/durable-file.js';
import { SerialQueue } from '../files/serial-queue.js';
import { DISK_FILES, type StoreFiles } from '../files/store-files.js';
import { findStoredFile } from '../files/stored-file.js';
import { noteHead, readHead } from './log-head.js';
import { type Change, decodeChange, encodeChange, StoreState } from './store-state.js';

const DIGITS = 20;
const COMMIT = /^(\d{20})\.json$/;
const CHECKPOINT = /^(\d{20})\.checkpoint\.json$/;
/** Changes between two checkpoints. A checkpoint holds the whole state, so that no reader replays a long log. */
const CHECKPOINT_EVERY = 64;
/** Attempts to append one change. Each failed attempt means that another process appended its own. */
const ATTEMPTS = 1000;
/** Further readings of the log, and the pause between them, before its newest changes count as lost. */
const HEAD_ATTEMPTS = 8;
const HEAD_PAUSE_MS = 400;

const RESTORE =
  'restore the log directory from a backup, or run mdtool store repair (the Parquet files stay readable on their own)';

/**
 * The log of changes of a store: numbered files, as in Delta Lake.
 *
 * Two processes that change the store at the same time, each from its own view of it, overwrite each other's change: a
 * merge could bring a file back that the other one has just removed. A lock would stay with a process that is suspended.
 *
 * So there is no lock. A process reads the state after change n, decides, and creates the file of change n + 1, which
 * only one process can create (`StoreFiles.create`). A process that loses reads the winner's change and decides again: every
 * change is decided on exactly the state that it is applied to.
 */
export class CommitLog {
  readonly #directory: string;
  readonly #root: string | undefined;
  readonly #files: StoreFiles;
  #state = new StoreState();
  #isChecked = false;
  /** One reading or commit at a time: parallel ones would apply a change twice. */
  readonly #queue = new SerialQueue();

  /** `root` is the directory of the store. If it has stored files and the log is empty, the log was lost. */
  constructor(directory: string, root?: string, files: StoreFiles = DISK_FILES) {
    this.#directory = directory;
    this.#root = root;
    this.#files = files;
  }

  /** Returns the state after all changes so far. It belongs to the log: callers must not modify it. */
  read(): Promise<StoreState> {
    return this.#queue.run(() => this.#read());
  }

  async #read(): Promise<StoreState> {
    try {
      await this.#catchUp();
      // The first change is logged long before the first file is stored: files without changes mean a lost log.
      const stored =
        this.#state.version === 0 && this.#root !== undefined ? await findStoredFile(this.#root, this.#files) : undefined;
      if (stored !== undefined) await this.#catchUp();
      if (stored !== undefined && this.#state.version === 0) throw this.#lost(stored);
      await this.#requireNewest();
    } catch (error) {
      throw storageFailure(error, 'read the state of the store in', this.#named());
    }
    return this.#state;
  }

  /**
   * Throws when the log is older than the number noted beside it. A log directory restored from an old backup reads
   * without an error and would silently forget its newest files. Checked once.
   */
  async #requireNewest(): Promise<void> {
    if (this.#isChecked || this.#root === undefined) return;
    const head = await readHead(this.#directory, this.#files);
    for (let attempt = 1; head > this.#state.version && attempt <= HEAD_ATTEMPTS; attempt++) {
      await this.#catchUp();
      // A network file system may show the noted number before the change itself.
      if (head > this.#state.version) await new Promise((resolve) => setTimeout(resolve, HEAD_PAUSE_MS));
    }
    if (head > this.#state.version)
      throw new FailureError(
        `${this.#named()} ends with change ${this.#state.version}, but change ${head} was made: the newest changes are lost; ${RESTORE}`,
      );
    this.#isChecked = true;
  }

  async #catchUp(): Promise<void> {
    while (await this.#applyNext());
    // Changes that are part of a checkpoint may have been deleted.
    while (await this.#isBehind()) {
      if (!(await this.#applyNext())) await this.#loadCheckpoint();
      while (await this.#applyNext());
    }
  }

  #lost(stored: string): FailureError {
    return new FailureError(
      `${this.#named()} is empty, but the store has files (${this.#named(stored)}): its log is lost; ${RESTORE}, or move ${this.#named(this.#root)} away; nothing was read or changed`,
    );
  }

  /** Returns whether no change was made after the last reading. */
  async isCurrent(): Promise<boolean> {
    return (await this.#readChange(this.#state.version + 1)) === undefined;
  }

  /**
   * Makes the change that `decide` returns for the current state. `decide` is called again when another process was
   * faster; it returns undefined to change nothing. Returns whether the store was changed.
   */
  commit(decide: (state: StoreState) => Change | undefined): Promise<boolean> {
    return this.#queue.run(() => this.#commit(decide));
  }

  async #commit(decide: (state: StoreState) => Change | undefined): Promise<boolean> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const change = decide(await this.#read());
      if (change === undefined) return false;
      if (await this.#append(change)) return true;
    }
    throw new FailureError(`${this.#named()}: too many other changes at the same time; try again`);
  }

  async #append(decided: Change): Promise<boolean> {
    // Who sweeps replaced files compares this time with the common clock: the clock of one machine may be hours off.
    const change = this.#files.isShared ? { ...decided, at: Math.round(this.#files.now() * 1000) } : decided;
    const number = this.#state.version + 1;
    const path = join(this.#directory, `${numbered(number)}.json`);
    const text = `${encodeChange(change)}\n`;
    // The log never names a file that other machines cannot read.
    for (const file of change.add ?? [])
      if (this.#root !== undefined && !this.#state.files.has(file.path)) await this.#files.publish(join(this.#root, file.path));
    try {
      if (!(await this.#files.create(path, text))) return false;
    } catch (error) {
      // The file may have been created before a later step failed, or its answer got lost: then the change is made.
      if ((await this.#files.read(path).catch(() => undefined)) !== text) throw storageFailure(error, 'write', this.#named(path));
    }
    this.#state.apply(change);
    if (this.#root !== undefined) await noteHead(this.#directory, number, this.#files);
    // The change is made even if the checkpoint cannot be written; the next checkpoint covers it.
    if (number % CHECKPOINT_EVERY === 0) await this.#writeCheckpoint().catch(() => {});
    return true;
  }

  async #applyNext(): Promise<boolean> {
    const change = await this.#readChange(this.#state.version + 1);
    if (change) this.#state.apply(change);
    return change !== undefined;
  }

  async #readChange(number: number): Promise<Change | undefined> {
    const path = join(this.#directory, `${numbered(number)}.json`);
    const text = await this.#files.read(path);
    return text === undefined ? undefined : parse(text, this.#named(path), decodeChange);
  }

  async #isBehind(): Promise<boolean> {
    const numbers = (await this.#list()).flatMap(({ number }) => number);
    return Math.max(0, ...numbers) > this.#state.version;
  }

  async #loadCheckpoint(): Promise<void> {
    const checkpoints = (await this.#list()).filter(({ checkpoint }) => checkpoint);
    const latest = checkpoints.sort((a, b) => b.number - a.number)[0];
    const path = join(this.#directory, latest?.name ?? '');
    const text = latest && latest.number > this.#state.version ? await this.#files.read(path) : undefined;
    if (text === undefined) {
      const missing = join(this.#directory, `${numbered(this.#state.version + 1)}.json`);
      throw new FailureError(`${this.#named(missing)} is missing, so the state of the store is unknown: ${RESTORE}`);
    }
    this.#state = parse(text, this.#named(path), StoreState.decode);
  }

  async #writeCheckpoint(): Promise<void> {
    const { version } = this.#state;
    await this.#files.replace(join(this.#directory, `${numbered(version)}.checkpoint.json`), this.#state.encode());
    // Slow readers may still be reading the changes since the previous checkpoint; older ones are no longer needed.
    const old = (await this.#list()).filter(({ number }) => number <= version - 2 * CHECKPOINT_EVERY);
    await Promise.all(old.map(({ name }) => this.#files.remove(join(this.#directory, name))));
  }

  #named(path = this.#directory): string {
    return this.#files.named(path);
  }

  #list(): Promise<LogEntry[]> {
    return logEntries(this.#directory, this.#files);
  }
}

type LogEntry = { readonly name: string; readonly number: number; readonly checkpoint: boolean };

/** Returns the changes and checkpoints in the directory of a log. */
export async function logEntries(directory: string, files: StoreFiles): Promise<LogEntry[]> {
  return (await files.names(directory)).flatMap((name) => {
    const match = COMMIT.exec(name) ?? CHECKPOINT.exec(name);
    return match ? [{ name, number: Number(match[1]), checkpoint: CHECKPOINT.test(name) }] : [];
  });
}

/** Starts a log from a rebuilt state; its version becomes the number of the first checkpoint. */
export async function beginLog(directory: string, state: StoreState, files: StoreFiles): Promise<void> {
  await files.replace(join(directory, `${numbered(state.version)}.checkpoint.json`), state.encode());
  await noteHead(directory, state.version, files);
}

function numbered(number: number): string {
  return String(number).padStart(DIGITS, '0');
}

function parse<T>(text: string, path: string, decode: (text: string) => T): T {
  try {
    return decode(text);
  } catch (error) {
    throw new FailureError(`${path} is damaged (not the JSON that mdtool wrote): ${RESTORE}`, { cause: error });
  }
}
