import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FailureError } from '../../model/errors.js';
import { createFile, isMissing, replaceFile, storageFailure } from '../files/durable-file.js';
import { SerialQueue } from '../files/serial-queue.js';
import { findStoredFile } from '../files/stored-file.js';
import { noteHead, readHead } from './log-head.js';
import { type Change, decodeChange, encodeChange, StoreState } from './store-state.js';

const DIGITS = 20;
const COMMIT = /^(\d{20})\.json$/;
const CHECKPOINT = /^(\d{20})\.checkpoint\.json$/;
/** Every so many changes the whole state is written down, so that nobody has to read a long log. */
const CHECKPOINT_EVERY = 64;
/** So many attempts to become the next change: each failure means that somebody else succeeded. */
const ATTEMPTS = 1000;
/** So often, with such a pause, the log is read again before its end counts as lost. */
const HEAD_ATTEMPTS = 8;
const HEAD_PAUSE_MS = 400;

const RESTORE =
  'restore the directory of the log from a backup, or run mdtool compact --rebuild-log (the Parquet files stay readable by themselves)';

/**
 * The log of changes of a store: numbered files, each created by exactly one process (as in Delta Lake). Who wants to
 * change the store decides on the state after change n and creates number n + 1; when somebody was faster it reads that
 * change and decides again. So every change is decided on the state it is applied to, without a lock that a suspended
 * process could hold.
 */
export class CommitLog {
  readonly #directory: string;
  readonly #root: string | undefined;
  #state = new StoreState();
  #isChecked = false;
  /** One at a time: a change must not be applied twice. */
  readonly #queue = new SerialQueue();

  /** `root` is the directory of the store whose files the log tells of: with files there, an empty log is a lost one. */
  constructor(directory: string, root?: string) {
    this.#directory = directory;
    this.#root = root;
  }

  /** Returns the state after all changes so far; it is the log's own and only to be read. */
  read(): Promise<StoreState> {
    return this.#queue.run(() => this.#read());
  }

  async #read(): Promise<StoreState> {
    try {
      await this.#catchUp();
      // The first file is stored long after the first change is logged.
      const stored = this.#state.version === 0 && this.#root !== undefined ? await findStoredFile(this.#root) : undefined;
      if (stored !== undefined) await this.#catchUp();
      if (stored !== undefined && this.#state.version === 0) throw this.#lost(stored);
      await this.#requireNewest();
    } catch (error) {
      throw storageFailure(error, 'read the state of the store in', this.#directory);
    }
    return this.#state;
  }

  /** Once: what is noted beside the log has been in it. */
  async #requireNewest(): Promise<void> {
    if (this.#isChecked || this.#root === undefined) return;
    const head = await readHead(this.#directory);
    for (let attempt = 1; head > this.#state.version && attempt <= HEAD_ATTEMPTS; attempt++) {
      await this.#catchUp();
      // A network file system may show the note before it shows the change.
      if (head > this.#state.version) await new Promise((resolve) => setTimeout(resolve, HEAD_PAUSE_MS));
    }
    if (head > this.#state.version)
      throw new FailureError(
        `${this.#directory} ends with change ${this.#state.version} although change ${head} was made, its newest changes are lost: ${RESTORE}`,
      );
    this.#isChecked = true;
  }

  async #catchUp(): Promise<void> {
    while (await this.#applyNext());
    // A change may be missing because it is part of a checkpoint by now.
    while (await this.#isBehind()) {
      if (!(await this.#applyNext())) await this.#loadCheckpoint();
      while (await this.#applyNext());
    }
  }

  #lost(stored: string): FailureError {
    return new FailureError(
      `${this.#directory} is empty although the store has files (${stored}): ${RESTORE}, or move ${this.#root} away; nothing was read or changed`,
    );
  }

  /** Returns whether there is no change after the state that was read last. */
  async isCurrent(): Promise<boolean> {
    return (await this.#readChange(this.#state.version + 1)) === undefined;
  }

  /**
   * Makes the change that `decide` returns for the current state; called again when somebody else's change came
   * first. Nothing is changed when it returns undefined. Returns whether the store was changed.
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
    throw new FailureError(`the store in ${this.#directory} is being changed too often to keep up: try again`);
  }

  async #append(change: Change): Promise<boolean> {
    const number = this.#state.version + 1;
    const path = join(this.#directory, `${numbered(number)}.json`);
    const text = `${encodeChange(change)}\n`;
    try {
      if (!(await createFile(path, text))) return false;
    } catch (error) {
      // The name may be there although what came after failed; then the change has been made.
      if ((await readText(path).catch(() => undefined)) !== text) throw storageFailure(error, 'write', path);
    }
    this.#state.apply(change);
    if (this.#root !== undefined) await noteHead(this.#directory, number);
    // A checkpoint that cannot be written is no failure of the change; the next one makes up for it.
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
    const text = await readText(path);
    return text === undefined ? undefined : parse(text, path, decodeChange);
  }

  async #isBehind(): Promise<boolean> {
    const numbers = (await this.#list()).flatMap(({ number }) => number);
    return Math.max(0, ...numbers) > this.#state.version;
  }

  async #loadCheckpoint(): Promise<void> {
    const checkpoints = (await this.#list()).filter(({ checkpoint }) => checkpoint);
    const latest = checkpoints.sort((a, b) => b.number - a.number)[0];
    const path = join(this.#directory, latest?.name ?? '');
    const text = latest && latest.number > this.#state.version ? await readText(path) : undefined;
    if (text === undefined) {
      const missing = join(this.#directory, `${numbered(this.#state.version + 1)}.json`);
      throw new FailureError(`${missing}: a change of the store is missing, its state cannot be trusted: ${RESTORE}`);
    }
    this.#state = parse(text, path, StoreState.decode);
  }

  async #writeCheckpoint(): Promise<void> {
    const { version } = this.#state;
    await replaceFile(join(this.#directory, `${numbered(version)}.checkpoint.json`), this.#state.encode());
    // Readers may be half way through the stretch before this checkpoint; what lies before that is no longer needed.
    const old = (await this.#list()).filter(({ number }) => number <= version - 2 * CHECKPOINT_EVERY);
    for (const { name } of old) await rm(join(this.#directory, name), { force: true });
  }

  #list(): Promise<LogEntry[]> {
    return logEntries(this.#directory);
  }
}

type LogEntry = { readonly name: string; readonly number: number; readonly checkpoint: boolean };

/** Returns the changes and checkpoints in the directory of a log. */
export async function logEntries(directory: string): Promise<LogEntry[]> {
  const names = await readdir(directory).catch((error) => {
    if (isMissing(error)) return [];
    throw error;
  });
  return names.flatMap((name) => {
    const match = COMMIT.exec(name) ?? CHECKPOINT.exec(name);
    return match ? [{ name, number: Number(match[1]), checkpoint: CHECKPOINT.test(name) }] : [];
  });
}

/** Begins a log with a state that is known by other means; its version is the number of the checkpoint. */
export async function beginLog(directory: string, state: StoreState): Promise<void> {
  await replaceFile(join(directory, `${numbered(state.version)}.checkpoint.json`), state.encode());
  await noteHead(directory, state.version);
}

function numbered(number: number): string {
  return String(number).padStart(DIGITS, '0');
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function parse<T>(text: string, path: string, decode: (text: string) => T): T {
  try {
    return decode(text);
  } catch (error) {
    throw new FailureError(`${path} is damaged: expected JSON that mdtool wrote; ${RESTORE}`, { cause: error });
  }
}
