import { type AnyRecord, IN_BAND_TYPES, type RecordType } from '../../model/records.js';
import { secondType } from '../../sinks/csv.js';
import { addTo, type Sink, type SinkReport, type Tally } from '../../sinks/sink.js';
import { refuseExisting } from '../../sinks/whole-file.js';
import { type PendingParquet, stageParquet } from '../../storage/database/parquet-file.js';
import { RecordDatabase } from '../../storage/database/record-database.js';
import type { RowTable } from '../../storage/database/row-table.js';

type DatabaseSinkOptions = {
  readonly path: string;
  /** Overwrite existing files. */
  readonly force: boolean;
  /** The possible types, if known: they get a table or a file even without records. */
  readonly types?: readonly RecordType[] | undefined;
};

const PLACEHOLDER = '{type}';

/** Returns a sink for a `.duckdb` file with one table per type. It appears whole when the sink is closed. */
export async function createDuckDBSink({ path, force, types = [] }: DatabaseSinkOptions): Promise<Sink> {
  refuseExisting(path, force);
  const database = await RecordDatabase.open(path);
  for (const type of types) await database.addType(type);
  let records = 0;
  return {
    output: path,
    async write(batch) {
      await database.append(batch);
      records += batch.length;
    },
    async close() {
      refuseExisting(path, force);
      await database.publish();
      return { output: path, records, skipped: {} };
    },
    abort: () => database.discard(),
  };
}

/** A sink that may take all records as one table, instead of `write`. Returns how many of them it has written. */
export type TableTaker = Sink & { takeTable?(table: RowTable): Promise<number> };

/**
 * Returns a sink for a Parquet file, or, with `{type}` in the path, for one file per type that occurs. One file holds one
 * type: `gap` and `clock` are skipped and counted, a second type is a `UsageError`.
 */
export async function createParquetSink(options: DatabaseSinkOptions): Promise<TableTaker> {
  const { path, force, types = [] } = options;
  const isSplit = path.includes(PLACEHOLDER);
  if (!isSplit) refuseExisting(path, force);
  const sink = new ParquetSink(options, await RecordDatabase.openStaging(path.replaceAll(PLACEHOLDER, 'records')));
  for (const type of isSplit ? [] : types) if (!IN_BAND_TYPES.has(type)) sink.take(type);
  return sink;
}

class ParquetSink implements Sink {
  readonly output: string;
  readonly #force: boolean;
  readonly #database: RecordDatabase;
  #file: PendingParquet | undefined;
  readonly #skipped: Tally = {};
  readonly #types = new Set<RecordType>();
  #records = 0;

  constructor({ path, force }: DatabaseSinkOptions, database: RecordDatabase) {
    this.output = path;
    this.#force = force;
    this.#database = database;
  }

  /** Writes the file at once, without a copy of the rows; it gets its name when the sink is closed. */
  async takeTable({ database, type, select }: RowTable): Promise<number> {
    this.take(type);
    this.#file = await stageParquet(database, this.#pathOf(type), { type, relation: `(${select})`, sorted: false });
    this.#records = this.#file.rows;
    return this.#file.rows;
  }

  async write(records: readonly AnyRecord[]): Promise<void> {
    const taken = records.filter(({ type }) => this.take(type));
    this.#records += taken.length;
    await this.#database.append(taken);
  }

  /** Returns whether this output takes records of a type, and counts the others. */
  take(type: RecordType): boolean {
    if (this.#types.has(type)) return true;
    if (!this.#isSplit) {
      const [first] = this.#types;
      if (IN_BAND_TYPES.has(type)) {
        addTo(this.#skipped, type);
        return false;
      }
      if (first !== undefined) throw secondType(this.output, first, type);
    } else refuseExisting(this.#pathOf(type), this.#force);
    this.#types.add(type);
    return true;
  }

  async close(): Promise<SinkReport> {
    for (const type of this.#types) {
      refuseExisting(this.#pathOf(type), this.#force);
      if (this.#file) await this.#file.publish();
      else await this.#export(type);
    }
    await this.#database.discard();
    return { output: this.output, records: this.#records, skipped: this.#skipped };
  }

  async abort(): Promise<void> {
    await this.#file?.discard();
    await this.#database.discard();
  }

  async #export(type: RecordType): Promise<void> {
    await this.#database.addType(type);
    await this.#database.exportParquet(type, this.#pathOf(type));
  }

  get #isSplit(): boolean {
    return this.output.includes(PLACEHOLDER);
  }

  #pathOf(type: RecordType): string {
    return this.output.replaceAll(PLACEHOLDER, type);
  }
}
