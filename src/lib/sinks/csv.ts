import { UsageError } from '../model/errors.js';
import { encodeLevels, fieldsOf, type RecordProperties } from '../model/ndjson.js';
import { type AnyRecord, IN_BAND_TYPES, type RecordType } from '../model/records.js';
import type { Column, Level } from '../model/schema.js';
import { addTo, type Encoder, type Tally } from './sink.js';

type CsvOptions = {
  /** Names the output in the message about a second type. */
  readonly output: string;
  /** The record type, if known before the first record. Without it an empty output has no header. */
  readonly type?: RecordType | undefined;
  readonly delimiter?: ',' | '\t' | undefined;
};

type Unparse = typeof import('papaparse').unparse;

/**
 * Returns an encoder of RFC 4180 CSV with a header and the columns of the schema. It holds one type: `gap` and `clock`
 * records are skipped and counted, a second type is a `UsageError`. Lists are JSON text, missing values are empty.
 */
export async function createCsvEncoder(options: CsvOptions): Promise<Encoder> {
  const { default: papaparse } = await import('papaparse');
  return new CsvEncoder(papaparse.unparse, options);
}

class CsvEncoder implements Encoder {
  records = 0;
  readonly skipped: Tally = {};
  readonly #unparse: Unparse;
  readonly #output: string;
  readonly #form: { readonly newline: string; readonly delimiter: string };
  #type: RecordType | undefined;
  #headerWritten = false;

  constructor(unparse: Unparse, { output, type, delimiter = ',' }: CsvOptions) {
    this.#form = { newline: '\n', delimiter };
    this.#unparse = unparse;
    this.#output = output;
    this.#type = type;
  }

  encode(records: readonly AnyRecord[]): string {
    const rows: string[][] = [];
    for (const record of records) if (this.#takes(record.type)) rows.push(rowOf(record));
    this.records += rows.length;
    return this.#header() + (rows.length > 0 ? `${this.#unparse(rows, this.#form)}\n` : '');
  }

  #takes(type: RecordType): boolean {
    if (type === this.#type) return true;
    if (IN_BAND_TYPES.has(type)) {
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
    const names = fieldsOf(this.#type).map(({ name }) => name);
    return `${this.#unparse([names], this.#form)}\n`;
  }
}

/** Returns the error for several types in one CSV or Parquet output, with a remedy. */
export function secondType(output: string, first: RecordType, second: RecordType): UsageError {
  const remedy =
    output === '-' ? 'use --format ndjson, or -o with {type} in the file name' : `put {type} in the name: ${withType(output)}`;
  const format = output.endsWith('.parquet') ? 'Parquet' : 'CSV';
  return new UsageError(`-o ${output}: ${format} holds one record type, found ${first} and ${second}; ${remedy}`);
}

function withType(path: string): string {
  return path.replace(/(\.[^./]+(?:\.gz)?)$/, '-{type}$1');
}

function rowOf(record: AnyRecord): string[] {
  const properties = record as unknown as RecordProperties;
  return fieldsOf(record.type).map(({ name, property, column }) => cellOf(properties[property], column, name));
}

function cellOf(value: unknown, column: Column, name: string): string {
  if (value === undefined || value === null) return '';
  if (column.kind === 'levels') return encodeLevels(value as readonly Level[]);
  if (column.kind === 'json') return JSON.stringify(value);
  if (typeof value === 'number' && !Number.isFinite(value)) throw new Error(`${name} must be a finite number, was ${value}`);
  return String(value);
}

/**
 * Returns the only type among `types`, undefined when it is not known yet. Throws a `UsageError` when there are several.
 */
export function onlyType(output: string, types: readonly RecordType[] | undefined): RecordType | undefined {
  const [first, second] = types?.filter((type) => !IN_BAND_TYPES.has(type)) ?? [];
  if (first !== undefined && second !== undefined) throw secondType(output, first, second);
  return first;
}
