import { NdjsonLines } from './ndjson-lines.js';
import { long } from './numbers.js';
import { type AnyRecord, columnsOf, RECORD_TYPES, type RecordType } from './records.js';
import { type Column, camelCase, type Level } from './schema.js';

type Field = { readonly name: string; readonly property: string; readonly column: Column };

/** A record as plain properties, for code that follows the schema. */
export type RecordProperties = Readonly<Record<string, unknown>>;

const FIELDS = new Map<RecordType, readonly Field[]>(
  RECORD_TYPES.map((type) => [type, columnsOf(type).map(([name, column]) => ({ name, property: camelCase(name), column }))]),
);

/** Returns the fields of a type in output order: column name, property name and column. */
export function fieldsOf(type: RecordType): readonly Field[] {
  return FIELDS.get(type) as readonly Field[];
}

const single = new NdjsonLines();
const utf8 = new TextDecoder();

/** Returns the NDJSON line of a record, without the line end. Throws on a number that is not finite, as `NdjsonLines` does. */
export function encodeRecord(record: AnyRecord): string {
  single.add(record);
  return utf8.decode(single.take().subarray(0, -1));
}

/** Returns what the line of a record reads back as, without writing it. Throws as `encodeRecord`. */
export function lineObjectOf(record: AnyRecord): Readonly<Record<string, unknown>> {
  const object: Record<string, unknown> = { type: record.type };
  for (const { name, property, column } of fieldsOf(record.type)) {
    const value = (record as unknown as RecordProperties)[property];
    if (value === undefined || value === null) continue;
    if (column.kind === 'levels' || (typeof value === 'number' && !Number.isFinite(value)))
      return JSON.parse(encodeRecord(record));
    object[name] = column.kind === 'json' ? JSON.parse(JSON.stringify(value)) : value;
  }
  return object;
}

/** Returns `[[price,amount],…]`, the form of levels in NDJSON and CSV. */
export function encodeLevels(levels: readonly Level[]): string {
  return JSON.stringify(levels);
}

/** A line that is not a record; `message` names the field and what was expected of it. */
export class RecordError extends Error {}

const TYPES: ReadonlySet<string> = new Set(RECORD_TYPES);

/** Returns the record of an NDJSON line. Unknown fields are dropped, `null` is missing. Throws a `RecordError`. */
export function decodeRecord(line: string): AnyRecord {
  let fields: unknown;
  try {
    fields = JSON.parse(line);
  } catch {
    throw new RecordError(`expected a JSON object, was ${excerpt(line)}`);
  }
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields))
    throw new RecordError(`expected a JSON object, was ${excerpt(line)}`);
  return recordFrom(fields as RecordProperties);
}

/** Returns the record with these snake_case fields, checked against the schema. Throws a `RecordError`. */
export function recordFrom(fields: RecordProperties): AnyRecord {
  const type = fields.type;
  if (typeof type !== 'string' || !TYPES.has(type)) throw new RecordError(`expected a record type, was ${excerpt(type)}`);
  const record: Record<string, unknown> = { type };
  for (const { name, property, column } of fieldsOf(type as RecordType)) {
    const value = fields[name];
    if (value === undefined || value === null) {
      if (column.required) throw new RecordError(`${type}.${name} is missing`);
      continue;
    }
    record[property] = checked(value, column, `${type}.${name}`);
  }
  return record as AnyRecord;
}

function checked(value: unknown, column: Column, what: string): unknown {
  const accepted = accept(value, column);
  if (accepted === undefined) throw new RecordError(`${what}: expected ${expectation(column)}, was ${excerpt(value)}`);
  return accepted;
}

function accept(value: unknown, column: Column): unknown {
  switch (column.kind) {
    case 'time':
    case 'count':
      return Number.isSafeInteger(value) ? value : undefined;
    case 'number':
      return Number.isFinite(value) ? value : undefined;
    case 'flag':
      return typeof value === 'boolean' ? value : undefined;
    case 'long':
      return long(value);
    case 'levels':
      return Array.isArray(value) && value.every(isLevel) ? value : undefined;
    case 'json':
      return value;
    case 'text':
      return typeof value === 'string' && (column.values?.includes(value) ?? value !== '') ? value : undefined;
  }
}

function isLevel(level: unknown): level is Level {
  return Array.isArray(level) && level.length === 2 && Number.isFinite(level[0]) && Number.isFinite(level[1]);
}

function expectation(column: Column): string {
  if (column.values) return `one of ${column.values.join(', ')}`;
  const expected = {
    time: 'integer microseconds',
    count: 'an integer',
    number: 'a finite number',
    flag: 'true or false',
    long: 'a 64-bit integer as text',
    levels: 'a list of [price, amount]',
    json: 'JSON',
    text: 'text',
  };
  return expected[column.kind];
}

/** Control characters and separators: they break a line, steer a terminal or reverse the direction of text. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Returns the text as one line that cannot steer a terminal: unprintable characters become `\u001b` and alike. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => `\\u${(character.codePointAt(0) as number).toString(16).padStart(4, '0')}`);
}

/** Returns at most 80 characters of a value, as JSON, for a message. */
export function excerpt(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  return printable(text.length > 80 ? `${text.slice(0, 77)}…` : text);
}
