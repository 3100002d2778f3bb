import type { DuckDBValue } from '@duckdb/node-api';
import { type AnyRecord, columnsOf, type RecordType } from '../../model/records.js';
import { type Column, camelCase } from '../../model/schema.js';
import { type Database, sqlName } from './duckdb.js';

/** Rows fetched at a time: whole books of that number fit into memory. */
const ROWS = 8192;

/**
 * Yields the records of a temporary table of one type in batches, in the order of insertion. Each batch is a separate
 * result: a streamed result that fails in the middle would look like its end.
 */
export async function* tableRecords(database: Database, type: RecordType, table: string): AsyncGenerator<AnyRecord[]> {
  const rows = await database.number(`SELECT count(*) FROM ${sqlName(table)}`);
  const select = columnsOf(type).map(([name, column]) => `${plainExpression(name, column)} AS ${sqlName(name)}`);
  for (let from = 0; from < rows; from += ROWS) {
    const result = await database.read(
      `SELECT ${select.join(', ')} FROM ${sqlName(table)} WHERE rowid >= ${from} AND rowid < ${from + ROWS} ORDER BY rowid`,
    );
    yield recordsOf(type, result.getColumns());
  }
}

/** Returns the SQL of a column as number, text or boolean, which are fastest to fetch; a double is exact for microseconds. */
function plainExpression(name: string, column: Column): string {
  switch (column.kind) {
    case 'time':
      return `epoch_us(${sqlName(name)})::DOUBLE`;
    case 'count':
      return `${sqlName(name)}::DOUBLE`;
    case 'long':
    case 'json':
      return `${sqlName(name)}::VARCHAR`;
    case 'levels':
      return `to_json(${sqlName(name)})::VARCHAR`;
    default:
      return sqlName(name);
  }
}

function recordsOf(type: RecordType, values: readonly DuckDBValue[][]): AnyRecord[] {
  const fields = columnsOf(type).map(([name, column], index) => ({
    property: camelCase(name),
    isText: column.kind === 'levels' || column.kind === 'json',
    values: values[index] ?? [],
  }));
  return (values[0] ?? []).map((_, row) => {
    const record: Record<string, unknown> = { type };
    for (const { property, isText, values } of fields) {
      const value = values[row];
      if (value !== null && value !== undefined) record[property] = isText ? JSON.parse(value as string) : value;
    }
    return record as AnyRecord;
  });
}
