import { UsageError } from '../model/errors.js';
import { encodeLevels, fieldsOf, printable, type RecordProperties } from '../model/ndjson.js';
import { type AnyRecord, IN_BAND_TYPES, type RecordType } from '../model/records.js';
import { type Column, type Level, text } from '../model/schema.js';
import { addTo, type Encoder, type Tally } from './sink.js';

type CsvOptions = {
  /** Names the output in the message about a second type. */
  readonly output: string;
  /** The record type, if known before the first record. Without it an empty output has no header. */
  readonly type?: RecordType | undefined;
  /** The names of the columns to write, in their order; all by default. */
  readonly columns?: readonly string[] | undefined;
  /** Between the cells; or the rows of a Markdown table. */
  readonly form?: ',' | '\t' | 'markdown' | undefined;
};

type Unparse = typeof import('papaparse').unparse;

/**
 * Returns an encoder of RFC 4180 CSV, or of a Markdown table, with a header and the columns of the schema. It holds one type:
 * `gap`, `clock` and records without any of the columns are skipped and counted, a second type is a `UsageError`. Lists are JSON text, missing values are empty.
 */
export async function createCsvEncoder(options: CsvOptions): Promise<Encoder<string>> {
  const { default: papaparse } = await import('papaparse');
  return new CsvEncoder(papaparse.unparse, options);
}

class CsvEncoder implements Encoder<string> {
  records = 0;
  readonly skipped: Tally = {};
  readonly #unparse: Unparse;
  readonly #output: string;
  readonly #form: ',' | '\t' | 'markdown';
  readonly #columns: readonly string[] | undefined;
  #type: RecordType | undefined;
  #headerWritten = false;

  constructor(unparse: Unparse, { output, type, form = ',', columns }: CsvOptions) {
    this.#form = form;
    this.#columns = columns;
    this.#unparse = unparse;
    this.#output = output;
    this.#type = type;
  }

  encode(records: readonly AnyRecord[]): string {
    const rows: string[][] = [];
    for (const record of records) if (this.#takes(record.type)) rows.push(rowOf(record, this.#columns));
    this.records += rows.length;
    return this.#header() + this.#text(rows);
  }

  #takes(type: RecordType): boolean {
    if (type === this.#type) return true;
    if (IN_BAND_TYPES.has(type) || !hasColumns(type, this.#columns)) {
      addTo(this.skipped, type);
      return false;
    }
    if (this.#type !== undefined) throw secondType(this.#output, this.#type, type);
    this.#type = type;
    return true;
  }

  #header(): string {
    if (this.#headerWritten || this.#type === undefined) return '';
    this.#headerWritten = true;
    const fields = selectedFields(this.#type, this.#columns);
    const names = fields.map(({ name }) => name);
    if (this.#form !== 'markdown') return this.#text([names]);
    return markdownHeader(fields.map(({ name, column }) => ({ name, isNumber: NUMERIC.has(column.kind) })));
  }

  #text(rows: readonly (readonly string[])[]): string {
    if (rows.length === 0) return '';
    if (this.#form === 'markdown') return markdownRows(rows);
    return `${this.#unparse(rows as string[][], { newline: '\n', delimiter: this.#form })}\n`;
  }
}

/** Returns the error for several types in one CSV or Parquet output, with a remedy. */
export function secondType(output: string, first: RecordType, second: RecordType): UsageError {
  const found = `one record type, found ${first} and ${second}`;
  if (output === '-')
    return new UsageError(
      `-o -: CSV, TSV and Markdown hold ${found}; use --format ndjson, --columns that only one has, or -o with {type} in the file name`,
    );
  const format = output.endsWith('.parquet') ? 'Parquet' : 'CSV';
  return new UsageError(`-o ${output}: ${format} holds ${found}; put {type} in the name: ${withType(output)}`);
}

function withType(path: string): string {
  return path.replace(/(\.[^./]+(?:\.gz)?)$/, '-{type}$1');
}

const NUMERIC: ReadonlySet<string> = new Set(['number', 'count', 'long']);

/** The type is no column of its own table; it is printed where it is asked for. */
const TYPE_FIELD = { name: 'type', property: 'type', column: text('record type') };

/** Returns the fields of a type by the names of its columns; all of them without names. */
export function selectedFields(type: RecordType, columns: readonly string[] | undefined): ReturnType<typeof fieldsOf> {
  const fields = fieldsOf(type);
  if (!columns) return fields;
  return columns.flatMap((name) => (name === 'type' ? [TYPE_FIELD] : fields.filter((field) => field.name === name)));
}

/** Returns whether a type has any of the columns. */
export function hasColumns(type: RecordType, columns: readonly string[] | undefined): boolean {
  return selectedFields(type, columns).length > 0;
}

/** Returns the two lines above the rows of a Markdown table. */
export function markdownHeader(columns: readonly { readonly name: string; readonly isNumber: boolean }[]): string {
  const names = markdownRows([columns.map(({ name }) => name)]);
  return `${names}|${columns.map(({ isNumber }) => (isNumber ? ' ---: |' : ' --- |')).join('')}\n`;
}

/** Returns rows as lines of a Markdown table; a cell cannot break out of its row. */
export function markdownRows(rows: readonly (readonly string[])[]): string {
  const cell = (text: string) => printable(text).replaceAll('\\', '\\\\').replaceAll('|', '\\|');
  return rows.map((cells) => `| ${cells.map(cell).join(' | ')} |\n`).join('');
}

function rowOf(record: AnyRecord, columns: readonly string[] | undefined): string[] {
  const properties = record as unknown as RecordProperties;
  return selectedFields(record.type, columns).map(({ name, property, column }) => cellOf(properties[property], column, name));
}

function cellOf(value: unknown, column: Column, name: string): string {
  if (value === undefined || value === null) return '';
  if (column.kind === 'levels') return encodeLevels(value as readonly Level[]);
  if (column.kind === 'json') return JSON.stringify(value);
  if (typeof value === 'number' && !Number.isFinite(value)) throw new Error(`${name} must be a finite number, was ${value}`);
  return column.kind === 'text' ? inertText(String(value)) : String(value);
}

/** A text that a spreadsheet would run as a formula; a number is none. */
const FORMULA = /^[=+\-@\t\r](?![\d.]*$)/;

/** Returns a text as a cell that no spreadsheet runs as a formula: it gets an apostrophe, which the reader of CSV takes off. */
export function inertText(text: string): string {
  return FORMULA.test(text) || /^'+[=+\-@\t\r]/.test(text) ? `'${text}` : text;
}

/**
 * Returns the only type among `types` that has any of the columns, undefined when it is not known yet. Throws a `UsageError`
 * when there are several.
 */
export function onlyType(
  output: string,
  types: readonly RecordType[] | undefined,
  columns?: readonly string[],
): RecordType | undefined {
  const [first, second] = types?.filter((type) => !IN_BAND_TYPES.has(type) && hasColumns(type, columns)) ?? [];
  if (first !== undefined && second !== undefined) throw secondType(output, first, second);
  return first;
}
