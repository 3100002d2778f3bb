import { mkdir, rename, rm } from 'node:fs/promises';
import { leaveAtExit, removeAtExit } from '../../disk/exit-cleanup.js';
import { type AnyRecord, groupByType, type RecordType } from '../../model/records.js';
import { storageFailure } from '../files/durable-file.js';
import { Database, sqlName } from './duckdb.js';
import { writeParquet } from './parquet-file.js';
import { TableAppender } from './table-appender.js';

/** Rows beyond this are spilled. */
const STAGING_MEMORY = '256MB';

/** Rows of seconds: of few symbols, many each, most of their numbers distinct. */
const SECONDS: ReadonlySet<RecordType> = new Set(['micro', 'features']);

/**
 * A database with one table per record type: a DuckDB file under a temporary name, or one in memory that becomes Parquet
 * files and spills beside them. Memory is bounded for any number of records.
 */
export class RecordDatabase {
  readonly #database: Database;
  readonly #temporary: string;
  readonly #path: string;
  readonly #tables = new Map<RecordType, TableAppender>();
  #isOpen = true;

  private constructor(database: Database, path: string, temporary: string) {
    this.#database = database;
    this.#path = path;
    this.#temporary = temporary;
    removeAtExit(...leftovers(temporary));
  }

  /** Opens a database that becomes the file `path`. Throws a `FailureError` when it cannot be written. */
  static async open(path: string): Promise<RecordDatabase> {
    return await opened(path, async (temporary) => {
      const database = await Database.open({ path: temporary, memoryLimit: '512MB' });
      // One transaction: rows are written to the file once, and no other process sees a part of them.
      await database.run('BEGIN');
      return new RecordDatabase(database, path, temporary);
    });
  }

  /**
   * Opens a database for files beside `path`. Throws a `FailureError` when none can be written there. It is in memory: a
   * database file compresses its rows for the first time, and Parquet then compresses them for the second.
   */
  static async openStaging(path: string): Promise<RecordDatabase> {
    return await opened(path, async (spill) => {
      await mkdir(spill);
      return new RecordDatabase(await Database.open({ memoryLimit: STAGING_MEMORY, spill }), path, spill);
    });
  }

  /** The types that have a table. */
  get types(): RecordType[] {
    return [...this.#tables.keys()];
  }

  /** Creates the table of a type, so that it exists even without records. */
  async addType(type: RecordType): Promise<void> {
    await this.#guard(async () => void (await this.#table(type)));
  }

  /** Appends records, each to the table of its type, in their order. */
  async append(records: readonly AnyRecord[]): Promise<void> {
    await this.#guard(async () => {
      for (const [type, ofType] of groupByType(records)) await (await this.#table(type)).append(ofType);
    });
  }

  /** Writes the records of one type to a Parquet file, in their order; it appears whole. */
  async exportParquet(type: RecordType, path: string): Promise<void> {
    await this.#tables.get(type)?.flush();
    const dense = SECONDS.has(type);
    await writeParquet(this.#database, path, { type, relation: sqlName(type), sorted: false, dense });
  }

  /** Publishes the database as the file it was opened for. */
  async publish(): Promise<void> {
    await this.#guard(async () => {
      for (const table of this.#tables.values()) await table.flush();
      await this.#database.run('COMMIT');
      await this.#database.run('CHECKPOINT');
      await this.#close();
      await rename(this.#temporary, this.#path);
      leaveAtExit(...leftovers(this.#temporary));
    });
  }

  /** Removes an unpublished database; never throws. */
  async discard(): Promise<void> {
    await this.#close().catch(() => {});
    for (const name of leftovers(this.#temporary)) await rm(name, { force: true, recursive: true }).catch(() => {});
    leaveAtExit(...leftovers(this.#temporary));
  }

  async #table(type: RecordType): Promise<TableAppender> {
    const known = this.#tables.get(type);
    if (known) return known;
    const table = await TableAppender.create(this.#database, type);
    this.#tables.set(type, table);
    return table;
  }

  async #close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#database.close();
  }

  async #guard(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      throw storageFailure(error, 'write', this.#path);
    }
  }
}

async function opened(path: string, open: (temporary: string) => Promise<RecordDatabase>): Promise<RecordDatabase> {
  const temporary = `${path}.${process.pid}.partial`;
  try {
    await rm(temporary, { force: true, recursive: true });
    return await open(temporary);
  } catch (error) {
    throw storageFailure(error, 'write', path);
  }
}

/** The database file and its write-ahead log. */
function leftovers(temporary: string): string[] {
  return [temporary, `${temporary}.wal`];
}
