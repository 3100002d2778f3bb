import { stat } from 'node:fs/promises';
import { formatOf } from '../input/formats.js';
import { isExactly, typeOfColumns } from '../input/record-shape.js';
import { memberOf } from '../input/zip-archive.js';
import { FailureError, MdtoolError } from '../model/errors.js';
import type { RecordType } from '../model/records.js';
import { openCsv } from './csv-table.js';
import { IMPORTED_TYPES } from './generic-layout.js';
import { openJson } from './json-table.js';
import { buildMapping, type Mapping } from './mapping.js';
import type { ImportOptions } from './options.js';
import { openParquet } from './parquet-table.js';
import { placeOf, type Row, type Table } from './table.js';
import { typedRecords } from './typed-records.js';

/** Options that describe nothing. */
const PLAIN: Readonly<Record<string, unknown>> = { noHeader: false, decimal: '.' };
/** Rows on which the mapping of a file is decided. */
const SAMPLE = 1_000;

/** A file as it will be read: foreign rows with their mapping, or records that mdtool wrote. */
export type SourceFile =
  | {
      readonly path: string;
      readonly table: Table;
      readonly mapping: Mapping;
      /** The first rows. */
      readonly sample: readonly Row[];
      /** Microseconds: the last change of the file. */
      readonly writtenAt: number;
    }
  /** With `isEmpty`: a header without rows. `type` is that of all rows, where the columns do not say it. */
  | { readonly path: string; readonly table?: undefined; readonly isEmpty?: true; readonly type?: RecordType };

/** Opens a file and decides how it is read. Throws a `UsageError` that names the flag where that is not clear. */
export async function openSource(path: string, options: ImportOptions): Promise<SourceFile> {
  const table = await openTable(path, options);
  if (table === undefined) return { path };
  const typed = isDescribed(options) ? undefined : await typedRecords(table);
  if (typed) return { path, ...(table.unit === 'row' && { type: typed }) };
  const sample = await sampleOf(table);
  if (table.header === undefined && sample.length === 0) throw new FailureError(`${path}: is empty; expected rows`);
  if (sample.length === 0) return { path, isEmpty: true };
  const mapping = buildMapping(table, sample, options);
  const { mtimeMs } = await stat(memberOf(path)?.archive ?? path);
  return { path, table, mapping, sample, writtenAt: mtimeMs * 1_000 };
}

async function openTable(path: string, options: ImportOptions): Promise<Table | undefined> {
  const format = formatOf(path);
  if (path === '-') return undefined;
  if (format === 'ndjson' || format === 'json') return await openJson(path, format === 'ndjson');
  const table = format === 'csv' ? await openCsv(path, options) : await openParquet(path);
  return isOwnRecord(table, options) ? undefined : table;
}

/** Flags that describe a file describe a foreign one. */
function isDescribed(options: ImportOptions): boolean {
  return Object.entries(options).some(([name, value]) => value !== undefined && value !== PLAIN[name]);
}

/**
 * A file with all columns of a type was written by mdtool, and so were types that no other tool writes (features, signals,
 * fills): they are read as every step reads them.
 */
function isOwnRecord({ header, path }: Table, options: ImportOptions): boolean {
  if (!header || isDescribed(options)) return false;
  try {
    const type = typeOfColumns(header, path);
    return (
      isExactly(type, new Set(header.filter((name) => name !== 'type'))) || !(IMPORTED_TYPES as readonly string[]).includes(type)
    );
  } catch (error) {
    if (error instanceof MdtoolError) return false;
    throw error;
  }
}

async function sampleOf(table: Table): Promise<Row[]> {
  const sample: Row[] = [];
  let reason: string | undefined;
  for await (const { rows, rejected, truncated } of table.rows()) {
    const first = rejected[0];
    if (first) reason ??= `${placeOf(table, first.line)}: ${first.reason}`;
    reason ??= truncated;
    sample.push(...rows.slice(0, SAMPLE - sample.length));
    if (sample.length >= SAMPLE) break;
  }
  if (sample.length === 0 && reason !== undefined) throw new FailureError(reason);
  return sample;
}
