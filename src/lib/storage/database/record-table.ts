import { columnsOf, keyOf, type RecordType } from '../../model/records.js';
import type { Column, ColumnKind } from '../../model/schema.js';
import { sqlName, sqlText } from './duckdb.js';

const COLUMN_TYPES: Readonly<Record<ColumnKind, string>> = {
  time: 'TIMESTAMPTZ',
  number: 'DOUBLE',
  count: 'BIGINT',
  long: 'BIGINT',
  text: 'VARCHAR',
  flag: 'BOOLEAN',
  levels: 'DOUBLE[][]',
  json: 'JSON',
};

/** Returns the DuckDB type of a column; Parquet's follows from it. */
export function columnType(column: Column): string {
  return COLUMN_TYPES[column.kind];
}

type TableColumn = { readonly name: string; readonly sqlType: string; readonly column?: Column };

/** Returns the columns of a type's table, `type` first. */
export function tableColumns(type: RecordType): TableColumn[] {
  const columns = columnsOf(type).map(([name, column]) => ({ name, sqlType: columnType(column), column }));
  return [{ name: 'type', sqlType: 'VARCHAR' }, ...columns];
}

/** Returns `"type" VARCHAR, "exchange" VARCHAR, …`. */
export function tableDefinition(type: RecordType): string {
  return tableColumns(type)
    .map(({ name, sqlType }) => `${sqlName(name)} ${sqlType}`)
    .join(', ');
}

/** Returns a relation of the type's columns without rows. */
export function emptyRelation(type: RecordType): string {
  const columns = tableColumns(type).map(({ name, sqlType }) => `NULL::${sqlType} AS ${sqlName(name)}`);
  return `(SELECT ${columns.join(', ')} WHERE false)`;
}

/** Returns the columns as NDJSON holds them, as a struct literal for `read_ndjson`: times are integers there. */
export function lineColumns(type: RecordType): string {
  const columns = tableColumns(type).map(({ name, sqlType, column }) => {
    return `${sqlText(name)}: ${sqlText(column?.kind === 'time' ? 'BIGINT' : sqlType)}`;
  });
  return `{${columns.join(', ')}}`;
}

/** Returns the select list that turns `lineColumns` into the table's columns. */
export function lineProjection(type: RecordType): string {
  return tableColumns(type)
    .map(({ name, column }) => {
      return column?.kind === 'time' ? `make_timestamptz(${sqlName(name)}) AS ${sqlName(name)}` : sqlName(name);
    })
    .join(', ');
}

/**
 * Returns the condition that a row is a record of its type: it has what is required, and of enumerations a value that
 * exists. A broken line is read as a row of NULLs.
 */
export function validCondition(type: RecordType): string {
  const conditions = columnsOf(type).flatMap(([name, { required, values }]) => {
    const present = required ? [`${sqlName(name)} IS NOT NULL`] : [];
    if (!values) return present;
    return [...present, `coalesce(${sqlName(name)} IN (${values.map(sqlText).join(', ')}), true)`];
  });
  return conditions.join(' AND ');
}

/**
 * Returns the expressions that identify a record of a type, in SQL. Captured types are identified by their arrival;
 * fetched rows of these have none and are identified by their time, or, where nothing better is known, by the whole row.
 */
export function keyExpressions(type: RecordType): string[] {
  const captured = keyOf(type, true);
  const fetched = keyOf(type, false);
  if (!captured.includes('local_timestamp')) return captured.map(sqlName);
  const names = new Set(columnsOf(type).map(([name]) => name));
  const otherwise = fetched.includes('local_timestamp') ? wholeRow(type) : sqlName('timestamp');
  return [
    ...captured.filter((name) => names.has(name)).map(sqlName),
    `CASE WHEN "local_timestamp" IS NULL THEN ${otherwise} END`,
  ].filter((expression) => names.has('local_timestamp') || !expression.startsWith('CASE'));
}

function wholeRow(type: RecordType): string {
  const names = columnsOf(type).map(([name]) => sqlName(name));
  return `CAST(ROW(${names.join(', ')}) AS VARCHAR)`;
}

/** Returns the order of records with one key: the first one is kept. */
export function precedence(type: RecordType): string {
  const names = columnsOf(type).map(([name]) => name);
  const order = names.includes('closed') ? ['"closed" DESC'] : [];
  if (names.includes('local_timestamp')) order.push('"local_timestamp" DESC NULLS LAST');
  return [...order, '"timestamp"'].join(', ');
}

/** How far a fetched trade is into its sweep, as in `compareTrades`. */
export const SWEEP_STEP = `CASE WHEN "local_timestamp" IS NULL AND "sequence" IS NOT NULL
  THEN CASE WHEN "side" = 'sell' THEN -"price" ELSE "price" END ELSE 0 END`;

/** Returns the order of records of one type: time, sequence, arrival, of trades the step in their sweep, id. */
export function recordOrder(type: RecordType): string {
  return orderBy(type, ['id', 'exchange', 'market', 'symbol', 'level']);
}

/**
 * Returns the order of rows in a stored file, by symbol first: a query of one symbol reads only a few row groups. All rows of
 * a file are of one exchange and market; to sort by their names as well costs a sixth of the sort.
 */
export function fileOrder(type: RecordType): string {
  return type === 'clock' ? recordOrder(type) : `"symbol" NULLS FIRST, ${orderBy(type, ['id', 'level'])}`;
}

function orderBy(type: RecordType, last: readonly string[]): string {
  const names = new Set(columnsOf(type).map(([name]) => name));
  const columns = (...order: readonly string[]) =>
    order.filter((name) => names.has(name)).map((name) => `${sqlName(name)} NULLS FIRST`);
  const sweep = type === 'trade' ? [SWEEP_STEP] : [];
  return [...columns('timestamp', 'sequence', 'local_timestamp'), ...sweep, ...columns(...last)].join(', ');
}
