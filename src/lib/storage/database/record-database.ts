import { rename, rm } from 'node:fs/promises';
import { leaveAtExit, removeAtExit } from '../../disk/exit-cleanup.js';
import { type AnyRecord, groupByType, type RecordType } from '../../model/records.js';
import { storageFailure } from '../files/durable-file.js';
import { Database, sqlName } from './duckdb.js';
import { writeParquet } from './parquet-file.js';
import { TableAppender } from './table-appender.js';

/**
 * A DuckDB file with one table per record type, written under a temporary name. It becomes a `.duckdb` file or the source
 * of Parquet files. Memory is bounded for any number of records.
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

  /** Opens a database that becomes, or is exported to, the file `path`. Throws a `FailureError` when it cannot be written. */
  static async open(path: string): Promise<RecordDatabase> {
    const temporary = `${path}.${process.pid}.partial`;
    try {
      await rm(temporary, { force: true });
      const database = await Database.open({ path: temporary, memoryLimit: '512MB' });
      // One transaction: rows are written to the file once, and no other process sees a part of them.
      await database.run('BEGIN');
      return new RecordDatabase(database, path, temporary);
    } catch (error) {
      throw storageFailure(error, 'write', path);
    }
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
    await writeParquet(this.#database, path, { type, relation: sqlName(type), sorted: false });
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
    for (const name of leftovers(this.#temporary)) await rm(name, { force: true }).catch(() => {});
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

/** The database file and its write-ahead log. */
function leftovers(temporary: string): string[] {
  return [temporary, `${temporary}.wal`];
}
