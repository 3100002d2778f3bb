import { isPlainParquet } from '../input/formats.js';
import { columnsOf, RECORD_TYPES, type RecordType } from '../model/records.js';
import { sqlName, sqlText, withDatabase } from '../storage/database/duckdb.js';
import { parquetFiles } from '../storage/database/record-load.js';
import type { Table } from './table.js';

/** Rows on which it is decided whether a text file holds records. */
const SAMPLE = 1_000;
const KNOWN: ReadonlySet<string> = new Set(['type', ...RECORD_TYPES.flatMap((type) => columnsOf(type).map(([name]) => name))]);

/**
 * Returns the type of records with a column `type` among columns of other types: `query` writes trades beside an empty
 * `repaired` when it selects gaps as well. They are records of mdtool where each row has a known type, all columns of the file
 * are columns of records, and a row has values in those of its type alone. Of Parquet every row must have one type; of text
 * the first rows decide, and the rest is read by its own types. Returns undefined for other files.
 */
export async function typedRecords(table: Table): Promise<RecordType | undefined> {
  const { header } = table;
  if (!header?.includes('type') || new Set(header).size < header.length || !header.every((name) => KNOWN.has(name)))
    return undefined;
  let first: RecordType | undefined;
  let rows = 0;
  for await (const batch of table.rows()) {
    for (const { cells } of batch.rows.slice(0, SAMPLE - rows)) {
      const type = typeOfCells(header, cells);
      if (type === undefined) return undefined;
      first ??= type;
    }
    rows += batch.rows.length;
    if (rows >= SAMPLE) break;
  }
  if (first === undefined || table.unit === 'line') return first;
  return isPlainParquet(table.path) && (await isOfOneType(table.path, first, header)) ? first : undefined;
}

function typeOfCells(header: readonly string[], cells: readonly string[]): RecordType | undefined {
  const name = cells[header.indexOf('type')];
  const type = RECORD_TYPES.find((one) => one === name);
  if (type === undefined) return undefined;
  const own = new Set(columnsOf(type).map(([column]) => column));
  if ([...own].some((column) => !header.includes(column))) return undefined;
  return header.every((column, at) => column === 'type' || own.has(column) || cells[at] === '') ? type : undefined;
}

/** Returns whether each row of a Parquet file has this type, and no value in the columns of others. */
export async function isOfOneType(path: string, type: RecordType, header?: readonly string[]): Promise<boolean> {
  return await withDatabase({}, async (database) => {
    const source = parquetFiles([path]);
    const names = header ?? (await database.rows(`DESCRIBE FROM ${source}`)).map(({ column_name }) => String(column_name));
    const own = new Set(columnsOf(type).map(([name]) => name));
    const others = names.filter((name) => name !== 'type' && !own.has(name)).map((name) => `${sqlName(name)} IS NOT NULL`);
    const wrong = [`"type" IS DISTINCT FROM ${sqlText(type)}`, ...others].join(' OR ');
    return (await database.rows(`SELECT 1 FROM ${source} WHERE ${wrong} LIMIT 1`)).length === 0;
  });
}
