import { type CsvRows, openCsv } from '../../input/csv-table.js';
import { isPlainParquet } from '../../input/formats.js';
import { typeOfColumns } from '../../input/record-shape.js';
import { parseInterval } from '../../model/interval.js';
import type { RecordType } from '../../model/records.js';
import { type Database, sqlName, sqlText } from '../../storage/database/duckdb.js';
import { parquetRows } from '../../storage/database/parquet-records.js';
import { plausibleRowsOf } from '../../storage/database/plausible-rows.js';
import { validCondition } from '../../storage/database/record-table.js';
import { type RowGroups, rowGroups } from '../../storage/database/typed-chunks.js';

/** The rows of a file where it lies, none of which is known to be a record: `relation` has fewer rows than `groups` unless all are. */
type UncheckedRows = {
  readonly type: RecordType;
  readonly relation: string;
  readonly groups: RowGroups;
  readonly dispose: () => Promise<void>;
};

/** True for a sequence that is exact as a double. */
export const SAFE_SEQUENCE = `("sequence" IS NULL OR "sequence" BETWEEN 0 AND ${Number.MAX_SAFE_INTEGER})`;

/** How many rows of a text show whether it is of one series. */
const FIRST_ROWS = 1000;
const SERIES = ['exchange', 'market', 'symbol'];

/** Returns the columns by which the rows of a type are grouped. */
export function groupColumns(type: RecordType): readonly string[] {
  return type === 'trade' ? SERIES : type === 'candle' ? [...SERIES, 'interval', 'source'] : [];
}

/**
 * Returns the rows of a Parquet or CSV file of trades or candles, to be checked while they are read: a look at all of them before
 * takes as long as reading them. Returns undefined for any other file; `name` names its groups.
 */
export async function openUnchecked(database: Database, path: string, name: string): Promise<UncheckedRows | undefined> {
  if (isPlainParquet(path)) return await openParquet(database, path, name);
  const text = await openCsv(path);
  if (!text) return undefined;
  const rows = await uncheckedText(database, text, name);
  if (rows) return { ...rows, dispose: text.dispose };
  await text.dispose();
  return undefined;
}

async function openParquet(database: Database, path: string, name: string): Promise<UncheckedRows | undefined> {
  const { type, select, condition, wide } = await parquetRows(database, path, (columns) => typeOfColumns(columns, path));
  const columns = groupColumns(type);
  if (columns.length === 0 || wide.length > 0) return undefined;
  const groups = await rowGroups(database, `(${select})`, columns, name);
  return { type, relation: recordsIn(type, select, condition), groups, dispose: async () => {} };
}

type UncheckedText = Omit<UncheckedRows, 'dispose'>;

/** Most texts are of one series. Its names are compared in the pass that reads the rows; to know all series takes a pass of its own. */
async function uncheckedText(
  database: Database,
  { type, select, rows, last }: CsvRows,
  name: string,
): Promise<UncheckedText | undefined> {
  const columns = groupColumns(type);
  const list = columns.map(sqlName).join(', ');
  const found = await database.rows(`SELECT DISTINCT ${list} FROM (SELECT ${list} FROM (${select}) LIMIT ${FIRST_ROWS})`);
  const [first, other] = found as Record<string, unknown>[];
  // A text of several series may be sorted by them.
  if (first && !other && columns.every((column) => last?.get(column) === first[column]))
    return oneSeries(type, select, rows, first);
  if (type !== 'trade') return undefined;
  const groups = await rowGroups(database, `(${select})`, columns, name);
  const clean = plausibleRowsOf(type, `SELECT * FROM (${select}) WHERE is_clean`, []);
  const relation = recordsIn(type, clean.select, `${validCondition(type)} AND ${clean.condition}`);
  return groups.rows === rows ? { type, relation, groups } : undefined;
}

/** Returns the rows of a text whose names are those of one row; a row with another name ends the statement at once. */
function oneSeries(type: RecordType, text: string, rows: number, row: Readonly<Record<string, unknown>>): UncheckedText {
  const given = groupColumns(type).map((name) => ({ name: sqlName(name), value: String(row[name]) }));
  const isSame = given.map(({ name, value }) => `${name} = ${sqlText(value)}`).join(' AND ');
  // What is asked of a constant, DuckDB answers once.
  const constants = given.map(({ name, value }) => `${sqlText(value)} AS ${name}`).join(', ');
  const [exchange, market, symbol, interval, source] = given.map(({ value }) => value);
  const { select, condition } = plausibleRowsOf(
    type,
    `SELECT * REPLACE (${constants}) FROM (${text}) WHERE CASE WHEN is_clean AND ${isSame} THEN true ELSE error('in doubt') END`,
    interval === undefined ? [] : [interval],
  );
  const names = [exchange, market, symbol, ...(interval === undefined ? [] : [parseInterval(interval).name, source])];
  return {
    type,
    relation: recordsIn(type, select, `${validCondition(type)} AND ${condition}`),
    groups: { names: [names as string[]], counts: [rows], rows, code: '0::INTEGER' },
  };
}

/** Returns the rows that are records, for use after FROM. */
function recordsIn(type: RecordType, select: string, condition: string): string {
  const safe = type === 'trade' ? ` AND ${SAFE_SEQUENCE}` : '';
  return `(SELECT * FROM (${select}) WHERE ${condition}${safe})`;
}
