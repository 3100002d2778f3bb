import type { DuckDBAppender } from '@duckdb/node-api';
import { fieldsOf, type RecordProperties } from '../../model/ndjson.js';
import type { AnyRecord, RecordType } from '../../model/records.js';
import { BATCH, type ColumnBuffer, createColumnBuffer } from './column-buffers.js';
import { type Database, loadDuckDB, sqlName } from './duckdb.js';
import { tableDefinition } from './record-table.js';
import { VectorTarget } from './vector-target.js';

/** Rows after which the chunks of an appender go into the table: a row group of DuckDB. */
const STAGED = 60 * BATCH;
/** Levels that count as a row: whole books of `STAGED` rows would take gigabytes. */
const LEVELS_PER_ROW = 8;

/**
 * Appends records of one type to a table, several times faster than row by row: one call per value is the cost. Numbers,
 * times, flags, levels and ASCII texts go to DuckDB in whole vectors, and texts that repeat as places in a list. Other texts take
 * a call each.
 */
export class TableAppender {
  readonly #database: Database;
  readonly #table: string;
  readonly #columns: readonly ColumnBuffer[];
  #rows = 0;
  #staged = 0;
  #appender: DuckDBAppender | undefined;

  private constructor(database: Database, type: RecordType, table: string) {
    this.#database = database;
    this.#table = table;
    const fields = fieldsOf(type).map(({ property, column }) => createColumnBuffer(property, column.kind));
    this.#columns = [createColumnBuffer('type', 'text'), ...fields];
  }

  /** Creates the table with the type's columns and returns its appender. */
  static async create(database: Database, type: RecordType, table: string = type): Promise<TableAppender> {
    await database.run(`CREATE TABLE ${sqlName(table)} (${tableDefinition(type)})`);
    return TableAppender.to(database, type, table);
  }

  /** Returns the appender of a table that has the type's columns. */
  static to(database: Database, type: RecordType, table: string): TableAppender {
    return new TableAppender(database, type, table);
  }

  /** Appends records of the type. Resolves when there is room for more. */
  async append(records: readonly AnyRecord[]): Promise<void> {
    for (let from = 0; from < records.length; ) {
      const batch = records.slice(from, from + BATCH - this.#rows) as unknown as readonly RecordProperties[];
      for (const column of this.#columns) column.add(batch, this.#rows);
      this.#rows += batch.length;
      from += batch.length;
      if (this.#rows === BATCH) await this.#stage();
    }
  }

  /** Writes all appended records into the table. */
  async flush(): Promise<void> {
    await this.#stage();
    this.#appender?.closeSync();
    this.#appender = undefined;
    this.#staged = 0;
  }

  /** Passes the current batch on as one chunk. */
  async #stage(): Promise<void> {
    const rows = this.#rows;
    if (rows === 0) return;
    const duckdb = await loadDuckDB();
    this.#appender ??= await this.#database.connection.createAppender(this.#table);
    const types = this.#columns.map((column) => column.vectorType(duckdb));
    const chunk = duckdb.DuckDBDataChunk.create(types, rows);
    const more = this.#columns.reduce((sum, column) => sum + (column.more ?? 0), 0);
    for (const [index, column] of this.#columns.entries()) column.writeTo(new VectorTarget(chunk, index), rows);
    this.#appender.appendDataChunk(chunk);
    this.#rows = 0;
    this.#staged += rows + more / LEVELS_PER_ROW;
    if (this.#staged >= STAGED) await this.flush();
  }
}
