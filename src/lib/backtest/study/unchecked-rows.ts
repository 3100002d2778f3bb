import { type CsvRows, openCsv } from '../../input/csv-table.js';
import { isPlainParquet } from '../../input/formats.js';
import { typeOfColumns } from '../../input/record-shape.js';
import { UsageError } from '../../model/errors.js';
import { parseInterval } from '../../model/interval.js';
import { CANDLE_SOURCES, MARKETS } from '../../model/market-records.js';
import type { RecordType } from '../../model/records.js';
import { type Database, sqlName, sqlText } from '../../storage/database/duckdb.js';
import { parquetRows } from '../../storage/database/parquet-records.js';
import { plausibleRowsOf } from '../../storage/database/plausible-rows.js';
import { validCondition } from '../../storage/database/record-table.js';
import { type RowGroups, rowGroups } from '../../storage/database/typed-chunks.js';

/**
 * The rows of a file where it lies. With `isChecked`, `relation` has fewer rows than `groups` unless all are records; without it,
 * only the names are known to be those of records.
 */
type UncheckedRows = {
  readonly isChecked: boolean;
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
  const { type, given, wide } = await parquetRows(database, path, (columns) => typeOfColumns(columns, path));
  const columns = groupColumns(type);
  if (columns.length === 0 || wide.length > 0) return undefined;
  const relation = `(${given})`;
  const groups = await rowGroups(database, relation, columns, name);
  const names = groups.names.map(seriesNames);
  if (!names.every((series) => series !== undefined)) return undefined;
  return { type, relation, isChecked: false, groups: { ...groups, names }, dispose: async () => {} };
}

/**
 * Returns the names of a series, a candle by the shortest name of its interval; undefined unless records may have them. A missing
 * name arrives as the text `null`, so a series that is really called `null` is left to the reader of rows.
 */
function seriesNames([exchange, market, symbol, ...candle]: readonly string[]): readonly string[] | undefined {
  const isKnown = exchange !== 'null' && symbol !== 'null' && MARKETS.some((name) => name === market);
  if (!isKnown || candle.length === 0) return isKnown ? ([exchange, market, symbol] as string[]) : undefined;
  const [interval, source] = candle as [string, string];
  if (!CANDLE_SOURCES.some((name) => name === source)) return undefined;
  try {
    return [exchange, market, symbol, parseInterval(interval).name, source] as string[];
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return undefined;
  }
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
  return groups.rows === rows ? { type, relation, isChecked: true, groups } : undefined;
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
    isChecked: true,
    groups: { names: [names as string[]], counts: [rows], rows, code: '0::INTEGER' },
  };
}

/** Returns the rows that are records, for use after FROM. */
function recordsIn(type: RecordType, select: string, condition: string): string {
  const safe = type === 'trade' ? ` AND ${SAFE_SEQUENCE}` : '';
  return `(SELECT * FROM (${select}) WHERE ${condition}${safe})`;
}
