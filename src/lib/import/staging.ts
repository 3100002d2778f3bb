import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type AnyRecord, groupByType, type RecordType } from '../model/records.js';
import { Database, sqlName } from '../storage/database/duckdb.js';
import { TableAppender } from '../storage/database/table-appender.js';
import { createScratch } from '../storage/files/scratch.js';

/** A run of rows from consecutive lines of one file. */
type Run = { readonly row: number; readonly file: number; readonly line: number };

/** One file and the direction in which its times run. */
type StagedFile = {
  readonly path: string;
  readonly unit: 'line' | 'row';
  /** Rows of another tool: they get their order from the file. Records of mdtool have theirs. */
  readonly isForeign: boolean;
  forward: number;
  backward: number;
  last: number;
};

/** Of each database of an import; what needs more spills to disk. */
export const STAGING_MEMORY = '512MB';
/** Share of time changes that go back in a file that runs newest first. */
const BACKWARD = 0.9;

/**
 * The records of all files of one command, a table per type, in a database on disk: memory does not grow with the files.
 * The place of every row is known, so that a record which is refused later can still be named by file and line.
 */
export class Staging {
  #database: Database;
  readonly path: string;
  readonly #directory: string;
  readonly #appenders = new Map<RecordType, TableAppender>();
  readonly #runs = new Map<RecordType, Run[]>();
  readonly #rows = new Map<RecordType, number>();
  readonly #files: StagedFile[] = [];

  private constructor(database: Database, directory: string, path: string) {
    this.#database = database;
    this.#directory = directory;
    this.path = path;
  }

  static async open(): Promise<Staging> {
    const directory = await createScratch('import');
    const path = join(directory, 'staging.duckdb');
    return new Staging(await openStaged(path), directory, path);
  }

  get database(): Database {
    return this.#database;
  }

  /** The types of the records so far. */
  get types(): readonly RecordType[] {
    return [...this.#rows.keys()];
  }

  /**
   * Takes a table of a type that `create` puts into the database file, whose path it gets; it returns the number of rows.
   * One process opens a database file once, so it is closed meanwhile.
   */
  async takeTable(type: RecordType, create: (path: string) => Promise<number>): Promise<void> {
    await this.#database.close();
    const rows = await create(this.path);
    this.#database = await openStaged(this.path);
    if (rows === 0) return;
    this.#rows.set(type, rows);
    this.#files.push({ path: 'the other store', unit: 'row', isForeign: false, forward: 1, backward: 0, last: 0 });
    this.#note(type, 0, 1);
  }

  count(type: RecordType): number {
    return this.#rows.get(type) ?? 0;
  }

  /** Begins a file; its rows follow. */
  beginFile(path: string, unit: 'line' | 'row', isForeign: boolean): void {
    this.#files.push({ path, unit, isForeign, forward: 0, backward: 0, last: Number.NaN });
  }

  /** Adds records of the current file, each with its line. */
  async add(records: readonly AnyRecord[], lines: readonly number[]): Promise<void> {
    const file = this.#files.at(-1) as StagedFile;
    for (const [index, record] of records.entries()) {
      const { type } = record;
      const row = this.#rows.get(type) ?? 0;
      this.#rows.set(type, row + 1);
      this.#note(type, row, lines[index] as number);
      const time = record.timestamp ?? Number.NaN;
      if (time > file.last) file.forward += 1;
      if (time < file.last) file.backward += 1;
      file.last = time;
    }
    for (const [type, group] of groupByType(records)) await (await this.#appenderOf(type)).append(group);
  }

  /**
   * Adds the rows of a SELECT with the columns of a type to the current file, whose first row stands in `line`. Returns their
   * number. A SELECT that fails adds nothing.
   */
  async addRows(type: RecordType, select: string, line: number): Promise<number> {
    await (await this.#appenderOf(type)).flush();
    const first = this.#rows.get(type) ?? 0;
    const added = await this.#database.number(`INSERT INTO ${sqlName(type)} BY NAME ${select}`);
    if (added === 0) return 0;
    this.#rows.set(type, first + added);
    this.#note(type, first, line);
    const file = this.#files.at(-1) as StagedFile;
    if (!file.isForeign) return added;
    const times = `SELECT "timestamp" AS time, lag("timestamp") OVER () AS before FROM ${sqlName(type)} WHERE rowid >= ${first}`;
    const [row] = await this.#database.rows(
      `SELECT count(*) FILTER (time > before) AS forward, count(*) FILTER (time < before) AS backward FROM (${times})`,
    );
    file.forward += Number(row?.forward);
    file.backward += Number(row?.backward);
    return added;
  }

  /** Takes the last rows of a type back. */
  async removeRows(type: RecordType, rows: number): Promise<void> {
    const left = (this.#rows.get(type) ?? 0) - rows;
    await this.#database.run(`DELETE FROM ${sqlName(type)} WHERE rowid >= ${left}`);
    this.#rows.set(type, left);
    this.#runs.get(type)?.pop();
    const file = this.#files.at(-1) as StagedFile;
    [file.forward, file.backward] = [0, 0];
  }

  /** Resolves when all records are in their tables. */
  async flush(): Promise<void> {
    for (const appender of this.#appenders.values()) await appender.flush();
  }

  /** Returns the place of a row, `FILE:LINE`. */
  placeOf(type: RecordType, row: number): string {
    const runs = this.#runs.get(type) ?? [];
    let [low, high] = [0, runs.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((runs[middle] as Run).row <= row) low = middle;
      else high = middle - 1;
    }
    const run = runs[low] as Run;
    const { path, unit } = this.#files[run.file] as StagedFile;
    const line = run.line + row - run.row;
    return unit === 'line' ? `${path}:${line}` : `${path}: row ${line}`;
  }

  /** Returns whether rows of a type are from a file of another tool. */
  hasForeign(type: RecordType): boolean {
    return this.#runs.get(type)?.some(({ file }) => this.#files[file]?.isForeign) === true;
  }

  /** Returns whether all rows of a type are from one file of another tool whose times never go back. */
  isOneOrderedFile(type: RecordType): boolean {
    const files = new Set(this.#runs.get(type)?.map(({ file }) => file));
    const [only] = files;
    const file = files.size === 1 ? this.#files[only as number] : undefined;
    return file?.isForeign === true && file.backward === 0;
  }

  /** Returns the files of a type's rows as SQL rows `(first row, file, newest first, foreign)`. */
  partsOf(type: RecordType): string {
    const parts: string[] = [];
    let last = -1;
    for (const { row, file } of this.#runs.get(type) ?? []) {
      if (file === last) continue;
      last = file;
      const { forward, backward, isForeign } = this.#files[file] as StagedFile;
      parts.push(`(${row}, ${file}, ${backward >= BACKWARD * (forward + backward) && backward > 0}, ${isForeign})`);
    }
    return parts.join(', ');
  }

  /** Closes the database; its file stays until `dispose`. */
  close(): Promise<void> {
    return this.#database.close();
  }

  async dispose(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }

  /** Remembers where a row comes from. Lines that follow each other share one run. */
  #note(type: RecordType, row: number, line: number): void {
    const runs = this.#runs.get(type) ?? [];
    if (runs.length === 0) this.#runs.set(type, runs);
    const last = runs.at(-1);
    const file = this.#files.length - 1;
    if (!last || last.file !== file || last.line + row - last.row !== line) runs.push({ row, file, line });
  }

  async #appenderOf(type: RecordType): Promise<TableAppender> {
    const known = this.#appenders.get(type);
    if (known) return known;
    const appender = await TableAppender.create(this.#database, type);
    this.#appenders.set(type, appender);
    return appender;
  }
}

/** Rows are staged for minutes: to find the best compression of each column costs more than to write it. */
async function openStaged(path: string): Promise<Database> {
  const database = await Database.open({ path, memoryLimit: STAGING_MEMORY, spill: `${path}.spill` });
  await database.run("SET force_compression = 'uncompressed'");
  return database;
}
