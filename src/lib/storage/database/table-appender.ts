import type { DuckDBAppender } from '@duckdb/node-api';
import { FailureError, MdtoolError } from '../../model/errors.js';
import { encodeLevels, fieldsOf, type RecordProperties } from '../../model/ndjson.js';
import type { AnyRecord, RecordType } from '../../model/records.js';
import type { Column, Level } from '../../model/schema.js';
import { type Database, loadDuckDB, sqlName } from './duckdb.js';
import { columnType, tableDefinition } from './record-table.js';

/** The rows of a DuckDB vector. */
const BATCH = 2048;
/** Rows staged before they are inserted into the table: a row group of DuckDB. */
const STAGED = 60 * BATCH;
/** Texts of a batch are joined by a separator; exchanges send neither of these two characters. */
const SEPARATOR = '\u001e';
const MISSING = '\u0001';

type Plain = { readonly name: string; readonly property: string; readonly column: Column; values: Float64Array };
type Textual = { readonly name: string; readonly property: string; readonly column: Column; values: string[] };

/**
 * Appends records of one type to a table, ten times faster than row by row: one call per value is the cost. Numbers go to
 * DuckDB in whole vectors, texts as one long text per column and batch, which DuckDB splits.
 */
export class TableAppender {
  readonly #database: Database;
  readonly #type: RecordType;
  readonly #table: string;
  readonly #plain: readonly Plain[];
  readonly #textual: readonly Textual[];
  #rows = 0;
  #staged = 0;
  #numbers: DuckDBAppender | undefined;
  #texts: DuckDBAppender | undefined;

  private constructor(database: Database, type: RecordType, table: string) {
    this.#database = database;
    this.#type = type;
    this.#table = table;
    const fields = fieldsOf(type);
    this.#plain = fields.filter(isPlain).map((field) => ({ ...field, values: new Float64Array(BATCH) }));
    this.#textual = fields.filter((field) => !isPlain(field)).map((field) => ({ ...field, values: [] }));
  }

  /** Creates the table with the type's columns and returns its appender. */
  static async create(database: Database, type: RecordType, table: string = type): Promise<TableAppender> {
    const appender = new TableAppender(database, type, table);
    await database.run(`CREATE TABLE ${sqlName(table)} (${tableDefinition(type)})`);
    const numbers = ['"no" DOUBLE', ...appender.#plain.map(({ name }) => `${sqlName(name)} DOUBLE`)];
    const texts = ['"no" VARCHAR', ...appender.#textual.map(({ name }) => `${sqlName(name)} VARCHAR`)];
    await database.run(`CREATE TEMP TABLE ${appender.#stage('numbers')} (${numbers.join(', ')})`);
    await database.run(`CREATE TEMP TABLE ${appender.#stage('texts')} (${texts.join(', ')})`);
    return appender;
  }

  /** Appends records of the type. Resolves when there is room for more. */
  async append(records: readonly AnyRecord[]): Promise<void> {
    for (let from = 0; from < records.length; ) {
      const batch = records.slice(from, from + BATCH - this.#rows) as unknown as readonly RecordProperties[];
      for (const column of this.#plain) fillPlain(column, batch, this.#rows);
      for (const column of this.#textual) fillTextual(column, batch);
      this.#rows += batch.length;
      from += batch.length;
      if (this.#rows === BATCH) await this.#stageBatch();
    }
  }

  /** Inserts all appended records into the table. Throws a `FailureError` when the number of rows differs. */
  async flush(): Promise<void> {
    await this.#stageBatch();
    if (this.#staged === 0) return;
    for (const appender of [this.#numbers, this.#texts]) appender?.closeSync();
    this.#numbers = undefined;
    this.#texts = undefined;
    const [numbers, texts] = [this.#stage('numbers'), this.#stage('texts')];
    const split = ['no', ...this.#textual.map(({ name }) => name)].map((name) => {
      return `unnest(string_split(${sqlName(name)}, '${SEPARATOR}')) AS ${sqlName(name)}`;
    });
    const inserted = await this.#database.number(
      `INSERT INTO ${sqlName(this.#table)} BY NAME SELECT '${this.#type}' AS "type", ${this.#columns().join(', ')}
       FROM ${numbers} AS n POSITIONAL JOIN (SELECT ${split.join(', ')} FROM ${texts}) AS t WHERE n."no" = t."no"::DOUBLE`,
    );
    if (inserted !== this.#staged)
      throw new FailureError(`expected to write ${this.#staged} ${this.#type} records, wrote ${inserted}`);
    this.#staged = 0;
    for (const stage of [numbers, texts]) await this.#database.run(`TRUNCATE ${stage}`);
  }

  #columns(): string[] {
    const plain = this.#plain.map(({ name, column }) => `${fromDouble(name, column)} AS ${sqlName(name)}`);
    const textual = this.#textual.map(({ name, column }) => {
      const text = `nullif(t.${sqlName(name)}, chr(1))`;
      return `${column.kind === 'text' ? text : `${text}::${columnType(column)}`} AS ${sqlName(name)}`;
    });
    return [...plain, ...textual];
  }

  /** Moves the current batch into the staging tables. */
  async #stageBatch(): Promise<void> {
    const rows = this.#rows;
    if (rows === 0) return;
    const { DuckDBDataChunk, DOUBLE, VARCHAR } = await loadDuckDB();
    this.#numbers ??= await this.#database.connection.createAppender(this.#stageName('numbers'), null, 'temp');
    this.#texts ??= await this.#database.connection.createAppender(this.#stageName('texts'), null, 'temp');
    const numbers = DuckDBDataChunk.create([DOUBLE, ...this.#plain.map(() => DOUBLE)], rows);
    for (const [index, values] of [ROW_NUMBERS, ...this.#plain.map(({ values }) => values)].entries()) {
      // `items` is private in the types of the package; setting values one by one is five times slower.
      const vector = numbers.getColumnVector(index) as unknown as { readonly items: Float64Array; flush(): void };
      vector.items.set(values.subarray(0, rows));
      vector.flush();
    }
    this.#numbers.appendDataChunk(numbers);
    const texts = DuckDBDataChunk.create([VARCHAR, ...this.#textual.map(() => VARCHAR)], 1);
    const rowNumbers = rows === BATCH ? ALL_ROW_NUMBERS : joined(Array.from(ROW_NUMBERS.subarray(0, rows), String));
    const columns = this.#textual.map(({ name, values }) => requireSeparable(joined(values), rows, `${this.#type}.${name}`));
    texts.setColumns([rowNumbers, ...columns].map((text) => [text]));
    this.#texts.appendDataChunk(texts);
    for (const column of this.#textual) column.values = [];
    this.#rows = 0;
    this.#staged += rows;
    if (this.#staged >= STAGED) await this.flush();
  }

  #stage(part: string): string {
    return sqlName(this.#stageName(part));
  }

  #stageName(part: string): string {
    return `${this.#table}_${part}`;
  }
}

/** Row numbers within a batch: joining on them reveals numbers and texts that do not belong together. */
const ROW_NUMBERS = Float64Array.from({ length: BATCH }, (_, row) => row);
const ALL_ROW_NUMBERS = joined(Array.from(ROW_NUMBERS, String));

function joined(values: readonly string[]): string {
  return values.join(SEPARATOR);
}

/** Throws when a text contains the separator: all later texts of the batch would shift by a row. */
function requireSeparable(text: string, rows: number, what: string): string {
  let found = 1;
  for (let at = text.indexOf(SEPARATOR); at >= 0; at = text.indexOf(SEPARATOR, at + 1)) found += 1;
  if (found !== rows) throw new FailureError(`${what}: expected text without control characters, found some`);
  return text;
}

function isPlain({ column }: { readonly column: Column }): boolean {
  return column.kind === 'time' || column.kind === 'number' || column.kind === 'count' || column.kind === 'flag';
}

/** Microseconds and counts are integers below 2^53, exact in a double; NaN stands for a missing value. */
function fillPlain({ property, column, values }: Plain, records: readonly RecordProperties[], from: number): void {
  let row = from;
  for (const record of records) {
    const value = record[property];
    if (value === undefined || value === null) values[row++] = Number.NaN;
    else if (column.kind === 'flag') values[row++] = value === true ? 1 : 0;
    else if (Number.isFinite(value)) values[row++] = value as number;
    else throw new MdtoolError(`${property} must be a finite number, was ${value}`, 1);
  }
}

function fillTextual({ property, column, values }: Textual, records: readonly RecordProperties[]): void {
  for (const record of records) {
    const value = record[property];
    if (value === undefined || value === null) values.push(MISSING);
    else if (value === MISSING) throw new FailureError(`${property}: expected text without control characters, found some`);
    else if (column.kind === 'levels') values.push(encodeLevels(value as readonly Level[]));
    else values.push(column.kind === 'json' ? JSON.stringify(value) : (value as string));
  }
}

function fromDouble(name: string, { kind }: Column): string {
  const value = `nullif(n.${sqlName(name)}, 'nan'::DOUBLE)`;
  if (kind === 'time') return `make_timestamptz(${value}::BIGINT)`;
  if (kind === 'count') return `${value}::BIGINT`;
  return kind === 'flag' ? `${value}::BOOLEAN` : value;
}
