import { FailureError } from '../model/errors.js';
import { RecordError, type RecordProperties, recordFrom } from '../model/ndjson.js';
import { finite, isRounded } from '../model/numbers.js';
import { type AnyRecord, columnsOf, RECORD_TYPES, type RecordType } from '../model/records.js';
import type { Column } from '../model/schema.js';
import { isEmptyRow, readCsvRows } from './csv-rows.js';
import type { InputListener } from './input-listener.js';
import { OVERLONG, OVERLONG_REASON } from './lines.js';
import { plausible } from './plausible.js';
import { typeOfColumns } from './record-shape.js';

/**
 * Returns the records of a CSV file with a header, gzipped or not. Columns are those of the schema, an empty cell is a missing
 * value, levels and other structures are JSON. The type is in a column `type` or follows from the header.
 */
export async function* readCsv(path: string, listener: InputListener): AsyncGenerator<AnyRecord[]> {
  let reader: RowReader | undefined;
  let number = 0;
  for await (const { rows, truncated } of readCsvRows(path)) {
    const records: AnyRecord[] = [];
    for (const cells of rows) {
      if (isEmptyRow(cells)) continue;
      number += 1;
      if (!reader) {
        reader = new RowReader(cells, path);
        continue;
      }
      const record = reader.read(cells, (reason) => listener.broken(`${path}: row ${number}: ${reason}`));
      if (!record) continue;
      records.push(record);
      listener.taken?.(record, `${path}: row ${number}`);
    }
    if (truncated !== undefined) listener.broken(truncated);
    if (records.length > 0) yield records;
  }
}

/** Reads rows under a header. Throws an `MdtoolError` for a header that has no type. */
export class RowReader {
  readonly #names: readonly string[];
  readonly #type: RecordType | undefined;

  constructor(header: readonly string[], path: string) {
    this.#names = header.map((name) => name.replace(/^\ufeff/, '').trim());
    const twice = this.#names.find((name, index) => this.#names.indexOf(name) !== index);
    if (twice !== undefined) throw new FailureError(`${path}: column ${twice} appears twice`);
    this.#type = this.#names.includes('type') ? undefined : typeOfColumns(this.#names, path);
  }

  read(cells: readonly string[], broken: (reason: string) => void): AnyRecord | undefined {
    try {
      return plausible(recordFrom(this.#fields(cells)));
    } catch (error) {
      if (!(error instanceof RecordError)) throw error;
      broken(error.message);
      return undefined;
    }
  }

  #fields(cells: readonly string[]): RecordProperties {
    if (cells.at(-1)?.endsWith(OVERLONG)) throw new RecordError(OVERLONG_REASON);
    if (cells.length !== this.#names.length) throw new RecordError(`expected ${this.#names.length} cells, found ${cells.length}`);
    const type = this.#type ?? (cells[this.#names.indexOf('type')] as RecordType);
    const columns = columnsByName(type);
    const fields: Record<string, unknown> = { type };
    for (const [index, name] of this.#names.entries()) {
      const cell = cells[index];
      const column = columns.get(name);
      if (!column || cell === undefined || cell === '') continue;
      // A time of 1.7172E+15 reads as a time, but rows of many hours share it.
      if ((column.kind === 'time' || column.kind === 'long') && isRounded(cell))
        throw new RecordError(`${type}.${name}: ${cell} was rounded by a spreadsheet; export the column as text or integer`);
      fields[name] = cellValue(cell, column);
    }
    return fields;
  }
}

/** An apostrophe that the writer of CSV puts before a text which a spreadsheet would run. */
const INERT = /^'('*[=+\-@\t\r])/;
const FLAGS = new Map([
  ['true', true],
  ['false', false],
]);
const COLUMNS = new Map<string, ReadonlyMap<string, Column>>();

function columnsByName(type: RecordType): ReadonlyMap<string, Column> {
  const known = COLUMNS.get(type);
  if (known) return known;
  // The schema refuses an unknown type, with the better message.
  const columns = new Map((RECORD_TYPES as readonly string[]).includes(type) ? columnsOf(type) : []);
  COLUMNS.set(type, columns);
  return columns;
}

/** Returns the value of a cell. A cell that does not fit its column stays text, and the schema refuses it. */
function cellValue(cell: string, { kind }: Column): unknown {
  if (kind === 'text') return cell.replace(INERT, '$1');
  if (kind === 'long') return cell;
  if (kind === 'flag') return FLAGS.get(cell) ?? cell;
  if (kind === 'levels' || kind === 'json') return parsed(cell);
  return finite(cell) ?? cell;
}

function parsed(cell: string): unknown {
  try {
    return JSON.parse(cell);
  } catch {
    return cell;
  }
}
