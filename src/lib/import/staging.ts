import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { TextTarget } from '../input/text-target.js';
import { FailureError } from '../model/errors.js';
import { type AnyRecord, groupByType, type RecordType } from '../model/records.js';
import { Database, sqlName, sqlText } from '../storage/database/duckdb.js';
import { numberedParquetFile } from '../storage/database/record-load.js';
import { emptyRelation, tableColumns } from '../storage/database/record-table.js';
import { TableAppender } from '../storage/database/table-appender.js';
import { createScratch, removeScratch } from '../storage/files/scratch.js';
import { type SegmentCopy, segmentName, segmentStatement } from '../storage/table-import.js';
import { NO_ID } from './row-reader.js';

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

/** Rows of one type from one file; `select` has the columns of the type and `place0`, their place among all rows. */
type Part = { readonly file: number; readonly select: string; readonly numbered?: NumberedCopy | undefined };

/**
 * Rows of one file in the form of a stored one: what stays as it is, is written once. Trades without an order of their own have
 * their numbers in it; `select` is as that of a part, with these.
 */
type NumberedCopy = SegmentCopy & { readonly select: string; readonly isNumbered: boolean; readonly hasIds: boolean };

/** How trades get their order in a `NumberedCopy`: by their place, and with it perhaps an id. */
export type Numbering = { readonly sequence: boolean; readonly id: boolean };

/** An input that is read where it lies, as it was when it was checked. */
type Source = { readonly path: string; readonly state: string };

/** Rows of one type that are read where they lie; `rows` are records, `places` counts what else stands between them. */
type PlacedRows = Omit<Part, 'file'> & { readonly type: RecordType; readonly rows: number; readonly places: number };

/** What needs more spills to disk. */
const STAGING_MEMORY = '512MB';
/** Share of time changes that go back in a file that runs newest first. */
const BACKWARD = 0.9;

/** Written and read once or twice, each value by itself: a dictionary of ids and prices would cost more than it saves. */
const COPY = 'FORMAT parquet, COMPRESSION lz4, DICTIONARY_SIZE_LIMIT 20';
/** Every statement opens the file of each part: more parts become one table. */
const MOST_PARTS = 16;
const UNITED = ' UNION ALL BY NAME ';

/**
 * The records of all files of one command: those that SQL reads in Parquet files, others in tables of a database on disk, so
 * that memory does not grow with the files. The place of every row is known, so that a record which is refused later can
 * still be named by file and line.
 */
export class Staging {
  readonly #database: Database;
  readonly path: string;
  readonly #directory: string;
  readonly #appenders = new Map<RecordType, { readonly file: number; readonly appender: TableAppender }>();
  readonly #parts = new Map<RecordType, Part[]>();
  readonly #runs = new Map<RecordType, Run[]>();
  readonly #rows = new Map<RecordType, number>();
  readonly #places = new Map<RecordType, number>();
  readonly #files: StagedFile[] = [];
  readonly #sources: Source[] = [];
  /** Types of which a table has the rows of earlier files. */
  readonly #folded = new Set<RecordType>();
  /** Whether the rows are of one file and go to a store: then their copy may be the stored file. */
  readonly isForStore: boolean;
  #copies = 0;

  private constructor(database: Database, directory: string, path: string, isForStore: boolean) {
    this.#database = database;
    this.#directory = directory;
    this.path = path;
    this.isForStore = isForStore;
  }

  static async open({ isForStore = false } = {}): Promise<Staging> {
    const directory = await createScratch('import');
    const path = join(directory, 'staging.duckdb');
    const database = await Database.open({ path, memoryLimit: STAGING_MEMORY, spill: `${path}.spill` });
    // Rows are staged for minutes: to find the best compression of each column costs more than to write it.
    await database.run("SET force_compression = 'uncompressed'");
    return new Staging(database, directory, path, isForStore);
  }

  get database(): Database {
    return this.#database;
  }

  /** The types of the records so far. */
  get types(): readonly RecordType[] {
    return [...this.#rows.keys()];
  }

  count(type: RecordType): number {
    return this.#rows.get(type) ?? 0;
  }

  /** The number of places of a type; they are counted from 0 over all files. */
  places(type: RecordType): number {
    return this.#places.get(type) ?? 0;
  }

  /** Begins a file; its rows follow. */
  beginFile(path: string, unit: 'line' | 'row', isForeign: boolean): void {
    this.#files.push({ path, unit, isForeign, forward: 0, backward: 0, last: Number.NaN });
  }

  /** Adds records of the current file, each with its line. */
  async add(records: readonly AnyRecord[], lines: readonly number[]): Promise<void> {
    for (const [type, group] of groupByType(records)) await (await this.#appenderOf(type)).append(group);
    const file = this.#files.at(-1) as StagedFile;
    for (const [index, record] of records.entries()) {
      this.#count(record.type, 1, 1, lines[index] as number);
      const time = record.timestamp ?? Number.NaN;
      if (time > file.last) file.forward += 1;
      if (time < file.last) file.backward += 1;
      file.last = time;
    }
  }

  /** Returns the target for a text file of mdtool's records: a copy of its rows, with their places. */
  textTarget(): TextTarget {
    const path = this.copyPath();
    return {
      relation: numberedParquetFile(path),
      create: (select) => copyStatement(select, path),
      placeOf: (type) => [`file_row_number + ${this.places(type)} AS place0`],
      drop: () => rm(path, { force: true }),
    };
  }

  /** Returns an unused path for a copy of rows. */
  copyPath(): string {
    this.#copies += 1;
    return join(this.#directory, `${this.#copies}.parquet`);
  }

  /**
   * Copies the rows of a SELECT with the columns of a type, the first of which stands in `line` of the current file. Returns
   * whether there are `expected` ones; else, and where it fails, nothing is added. With `numbering` the copy may be stored as it
   * is: the SELECT then has all columns in their order.
   */
  async addRows(type: RecordType, select: string, line: number, expected?: number, numbering?: Numbering): Promise<boolean> {
    const copy = { path: this.copyPath(), segment: `${segmentName()}-0` };
    const statement = numbering ? segmentStatement(type, select, copy) : copyStatement(select, copy.path);
    const run = () => this.#database.number(statement);
    const rows = numbering ? await this.#database.inOneThread(run) : await run();
    if (expected !== undefined && rows !== expected) {
      await rm(copy.path);
      return false;
    }
    await this.addCopy(type, copy.path, rows, line, numbering && { ...copy, numbering });
    return true;
  }

  /** Adds the rows of a Parquet file with the columns of a type at `copyPath`. */
  async addCopy(
    type: RecordType,
    path: string,
    rows: number,
    line: number,
    copy?: SegmentCopy & { readonly numbering: Numbering },
  ): Promise<void> {
    const given = await this.#database.rows(`DESCRIBE FROM ${numberedParquetFile(path)}`);
    const names = new Set(given.map(({ column_name }) => String(column_name)));
    const columns = tableColumns(type).map(({ name, sqlType }) =>
      names.has(name) ? `${sqlName(name)}::${sqlType} AS ${sqlName(name)}` : `NULL::${sqlType} AS ${sqlName(name)}`,
    );
    const stored = `SELECT ${columns.join(', ')}, file_row_number + ${this.places(type)} AS place0 FROM ${numberedParquetFile(path)}`;
    const select = copy ? withoutNumbers(stored, copy.numbering) : stored;
    const file = this.#files.at(-1) as StagedFile;
    if (file.isForeign) await this.#countTurns(file, numberedParquetFile(path));
    const numbered = copy && { ...copy, select: stored, isNumbered: copy.numbering.sequence, hasIds: copy.numbering.id };
    this.addPlaced({ type, rows, places: rows, select, numbered }, line);
  }

  /** Adds rows where they lie; the places of `select` follow those so far. */
  addPlaced({ type, rows, places, ...part }: PlacedRows, line: number): void {
    if (places === 0) return;
    this.#count(type, rows, places, line);
    this.#partsOf(type).push({ file: this.#files.length - 1, ...part });
  }

  /** Returns the copy of all rows of a type, with the columns of `relation`, where there is one that may be stored. */
  storedCopy(type: RecordType): NumberedCopy | undefined {
    const [part, second] = this.#partsOf(type);
    if (!part?.numbered || second !== undefined || this.#folded.has(type)) return undefined;
    return { ...part.numbered, select: this.#selectOf({ ...part, select: part.numbered.select }) };
  }

  /** Remembers the state of an input whose rows are read where they lie. */
  async watch(path: string): Promise<void> {
    this.#sources.push({ path, state: await stateOf(path) });
  }

  /**
   * An input that is read where it lies was checked in another pass: a program that writes to it meanwhile could bring in rows
   * that no check has seen. Throws a `FailureError` when one has changed.
   */
  async requireUnchanged(): Promise<void> {
    for (const { path, state } of this.#sources)
      if ((await stateOf(path)) !== state) throw new FailureError(`${path}: changed while it was read; import it again`);
  }

  /** Returns the rows of a type with `place0`, `file`, `newest` (the file runs newest first) and `foreign`, to be used after FROM. */
  relation(type: RecordType): string {
    const selects = this.#partsOf(type).map((part) => this.#selectOf(part));
    if (this.#folded.has(type)) selects.unshift(`SELECT * FROM ${sqlName(`all_${type}`)}`);
    const none = `SELECT *, 0 AS place0, 0 AS file, false AS newest, false AS "foreign" FROM ${emptyRelation(type)}`;
    return `(${selects.length === 0 ? none : selects.join(UNITED)})`;
  }

  /** Ends the current file. A statement over the parts of thousands of files would nest as deep: many become one table. */
  async endFile(): Promise<void> {
    for (const [type, parts] of this.#parts) {
      if (parts.length <= MOST_PARTS) continue;
      await this.flush();
      const table = sqlName(`all_${type}`);
      const rows = parts.map((part) => this.#selectOf(part)).join(UNITED);
      await this.#database.run(
        this.#folded.has(type) ? `INSERT INTO ${table} BY NAME ${rows}` : `CREATE TABLE ${table} AS ${rows}`,
      );
      this.#folded.add(type);
      this.#parts.set(type, []);
    }
  }

  #selectOf({ file, select }: Part): string {
    const { forward, backward, isForeign } = this.#files[file] as StagedFile;
    const isNewestFirst = backward >= BACKWARD * (forward + backward) && backward > 0;
    return `SELECT *, ${file} AS file, ${isNewestFirst} AS newest, ${isForeign} AS "foreign" FROM (${select})`;
  }

  /** Resolves when all records are in their tables. */
  async flush(): Promise<void> {
    for (const { appender } of this.#appenders.values()) await appender.flush();
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

  /** Closes the database; its file stays until `dispose`. */
  close(): Promise<void> {
    return this.#database.close();
  }

  async dispose(): Promise<void> {
    await removeScratch(this.#directory);
  }

  #partsOf(type: RecordType): Part[] {
    const parts = this.#parts.get(type) ?? [];
    if (parts.length === 0) this.#parts.set(type, parts);
    return parts;
  }

  /** Counts rows of a type in the current file. Rows in lines that follow each other share one run. */
  #count(type: RecordType, rows: number, places: number, line: number): void {
    const row = this.places(type);
    this.#rows.set(type, this.count(type) + rows);
    this.#places.set(type, row + places);
    const runs = this.#runs.get(type) ?? [];
    if (runs.length === 0) this.#runs.set(type, runs);
    const last = runs.at(-1);
    const file = this.#files.length - 1;
    if (!last || last.file !== file || last.line + row - last.row !== line) runs.push({ row, file, line });
  }

  /** Counts how often the times of a file go on, and how often back. */
  async #countTurns(file: StagedFile, relation: string): Promise<void> {
    const times = `SELECT "timestamp" AS time, lag("timestamp") OVER () AS before FROM ${relation}`;
    const turns = `SELECT count(*) FILTER (time > before) AS forward, count(*) FILTER (time < before) AS backward FROM (${times})`;
    const [row] = await this.#database.inOneThread(() => this.#database.rows(turns));
    file.forward += Number(row?.forward);
    file.backward += Number(row?.backward);
  }

  /** Each file has a table of its own, so that the place of a row follows from its row number there. */
  async #appenderOf(type: RecordType): Promise<TableAppender> {
    const file = this.#files.length - 1;
    const known = this.#appenders.get(type);
    if (known?.file === file) return known.appender;
    await known?.appender.flush();
    const table = `${type}_${file}`;
    const appender = await TableAppender.create(this.#database, type, table);
    this.#appenders.set(type, { file, appender });
    this.#partsOf(type).push({ file, select: `SELECT *, rowid + ${this.places(type)} AS place0 FROM ${sqlName(table)}` });
    return appender;
  }
}

/** Returns rows as their file has them. */
function withoutNumbers(select: string, { sequence, id }: Numbering): string {
  const given = [...(sequence ? ['NULL::BIGINT AS "sequence"'] : []), ...(id ? [`'${NO_ID}' AS "id"`] : [])];
  return given.length === 0 ? select : `SELECT * REPLACE (${given.join(', ')}) FROM (${select})`;
}

/** Returns the statement that writes the rows of a SELECT to `Staging.copyPath`. */
export function copyStatement(select: string, path: string): string {
  return `COPY (${select}) TO ${sqlText(path)} (${COPY})`;
}

/** Returns what changes when a file is written to or replaced. */
async function stateOf(path: string): Promise<string> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
}
