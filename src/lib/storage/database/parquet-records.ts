import { FailureError, MdtoolError } from '../../model/errors.js';
import { checkedCandle } from '../../model/plausible-candle.js';
import { type AnyRecord, type Candle, RECORD_TYPES, type RecordType } from '../../model/records.js';
import { EARLIEST, LATEST } from '../../model/time.js';
import { databaseReason } from '../files/database-reason.js';
import { Database, sqlName, sqlText } from './duckdb.js';
import { requireParquetSize } from './parquet-size.js';
import { plausibleRows } from './plausible-rows.js';
import { numberedParquetFile, parquetFiles, pathList } from './record-load.js';
import { tableRecords } from './record-rows.js';
import { tableColumns, tableDefinition, validCondition } from './record-table.js';

/** Types whose values all fit into BIGINT. */
const SAFE_INTEGERS = new Set(['BIGINT', 'INTEGER', 'SMALLINT', 'TINYINT', 'UINTEGER', 'USMALLINT', 'UTINYINT']);

/** Row numbers that pandas stores beside the columns. */
const PANDAS_INDEX = /^__index_level_\d+__$/;

export type ParquetListener = {
  /** Returns the type for these columns, for files without the type in their metadata. Throws when none fits. */
  typeOf(columns: readonly string[]): RecordType;
  /** Called with the number of skipped rows that are not complete records of their type, and what the first one lacks if known. */
  onIncomplete(rows: number, first: string): void;
};

/**
 * Yields the records of one type in a Parquet file of any origin, in file order: columns are found by name, times may be
 * timestamps or integer microseconds. Throws a `FailureError` that names the path when the file cannot be read.
 */
export async function* parquetRecords(path: string, listener: ParquetListener): AsyncGenerator<AnyRecord[]> {
  const database = await Database.open();
  try {
    const { type, table } = await load(database, path, listener);
    yield* tableRecords(database, type, table);
  } catch (error) {
    if (error instanceof MdtoolError) throw error;
    throw new FailureError(`${path}: cannot be read (${databaseReason(error)})`, { cause: error });
  } finally {
    await database.close();
  }
}

async function load(database: Database, path: string, listener: ParquetListener): Promise<{ type: RecordType; table: string }> {
  const { type, select } = await parquetSelect(database, path, listener);
  await database.run(`CREATE TEMP TABLE given (${tableDefinition(type)})`);
  await database.run(`INSERT INTO given BY NAME ${select}`);
  return { type, table: 'given' };
}

/** How a Parquet file of any origin is read: its type, its rows in the columns of the type, and which of them are records. */
type ParquetRows = {
  readonly type: RecordType;
  readonly select: string;
  /** The same rows; only times and numbers that are none, such as NaN, are not turned into NULL. It is faster. */
  readonly given: string;
  /** True for a row of `select` that is a record. */
  readonly condition: string;
  /** Columns of which a value may be too large. */
  readonly wide: readonly string[];
};

/**
 * Returns how a Parquet file is read; nothing is read yet but its schema. With `position`, an expression of
 * `file_row_number`, the rows have that column too. Throws as `parquetRecords`, or DuckDB's error.
 */
export async function parquetRows(
  database: Database,
  path: string,
  typeOf: ParquetListener['typeOf'],
  position?: string,
): Promise<ParquetRows> {
  await requireParquetSize(database, path);
  const source = parquetFiles([path]);
  const described = await database.rows(`DESCRIBE FROM ${source}`);
  const columns = described.map((row) => [String(row.column_name), String(row.column_type)] as const);
  const given = new Map(columns.filter(([name]) => !PANDAS_INDEX.test(name)));
  const type = (await writtenType(database, path)) ?? typeOf([...given.keys()]);
  const units = await timeUnits(database, source, type, given);
  const rows = position === undefined ? source : numberedParquetFile(path);
  const selectOf = (read: typeof readAs) => {
    const values = tableColumns(type).map(({ name, sqlType }) => {
      const givenType = given.get(name);
      const value = givenType === undefined ? `NULL::${sqlType}` : read(name, sqlType, givenType, units.get(name));
      return `${name === 'type' ? sqlText(type) : value} AS ${sqlName(name)}`;
    });
    if (position !== undefined) values.push(`${position} AS position`);
    return `SELECT ${values.join(', ')} FROM ${rows}`;
  };
  const { select, condition: plausible } = await plausibleRows(database, type, selectOf(readAs));
  const wide = tableColumns(type).filter(
    ({ name, sqlType }) => sqlType === 'BIGINT' && !SAFE_INTEGERS.has(given.get(name) ?? 'BIGINT'),
  );
  const condition = `${validCondition(type)} AND ${plausible}`;
  return { type, select, given: selectOf(asGiven), condition, wide: wide.map(({ name }) => name) };
}

/** The complete records of a Parquet file in the columns of their type; `rows` are records, `places` all rows of the file. */
type ParquetSelect = { readonly type: RecordType; readonly select: string; readonly rows: number; readonly places: number };

/**
 * Returns the type of a Parquet file of any origin, and the SELECT that reads its complete records in the type's columns, with
 * `position` as in `parquetRows`. Throws as `parquetRecords`, or DuckDB's error.
 */
export async function parquetSelect(
  database: Database,
  path: string,
  listener: ParquetListener,
  position?: string,
): Promise<ParquetSelect> {
  const typeOf = (columns: readonly string[]) => listener.typeOf(columns);
  const { type, select, condition, wide } = await parquetRows(database, path, typeOf, position);
  // A value that is too large for its column would fail later, where no message can name the file.
  for (const name of wide) await database.number(`SELECT count(${sqlName(name)} + 0) FROM (${select})`);
  const [counts] = await database.rows(
    `SELECT count(*) AS places, count(*) FILTER ((${condition}) IS NOT TRUE) AS incomplete FROM (${select})`,
  );
  const [places, incomplete] = [Number(counts?.places), Number(counts?.incomplete)];
  if (incomplete === 0) return { type, select, rows: places, places };
  listener.onIncomplete(incomplete, await firstFault(database, type, select, condition));
  return { type, select: `SELECT * FROM (${select}) WHERE ${condition}`, rows: places - incomplete, places };
}

/** Returns the place and the fault of the first candle that contradicts itself, '' when it is something else. */
async function firstFault(database: Database, type: RecordType, select: string, condition: string): Promise<string> {
  if (type !== 'candle') return '';
  const [row] = await database.rows(
    `SELECT *, epoch_us("timestamp") AS time FROM (SELECT row_number() OVER () AS place, * FROM (${select}))
     WHERE (${condition}) IS NOT TRUE ORDER BY place LIMIT 1`,
  );
  if (!row || row.time === null || row.interval === null || row.volume === null) return '';
  const numbers = ['open', 'high', 'low', 'close', 'volume', 'turnover', 'trades'] as const;
  const values = Object.fromEntries(numbers.map((name) => [name, row[name] === null ? undefined : Number(row[name])]));
  const buyVolume = row.buy_volume === null ? undefined : Number(row.buy_volume);
  const given = { ...values, buyVolume, timestamp: Number(row.time), interval: String(row.interval) };
  const checked = checkedCandle(given as unknown as Candle);
  return 'fault' in checked ? `row ${row.place}: ${checked.fault}` : '';
}

/** Units of integer times by the factor to microseconds; within this century their values do not overlap. */
const FACTORS = [1_000_000, 1_000, 1, 0.001];

/**
 * Returns the factors to microseconds of the columns that hold times as numbers. All values of a column must be times of
 * one unit; other columns have no factor, and their values are refused.
 */
async function timeUnits(
  database: Database,
  source: string,
  type: RecordType,
  given: ReadonlyMap<string, string>,
): Promise<ReadonlyMap<string, number>> {
  const units = new Map<string, number>();
  const times = tableColumns(type).filter(({ name, sqlType }) => sqlType === 'TIMESTAMPTZ' && isNumeric(given.get(name)));
  for (const { name } of times) {
    const column = sqlName(name);
    const [row] = await database.rows(`SELECT min(${column})::DOUBLE AS least, max(${column})::DOUBLE AS most FROM ${source}`);
    const [least, most] = [Number(row?.least), Number(row?.most)];
    const factor = FACTORS.find((one) => least * one >= EARLIEST && most * one < LATEST);
    if (factor !== undefined && row?.least !== null) units.set(name, factor);
  }
  return units;
}

function isNumeric(givenType: string | undefined): boolean {
  return /INT(EGER)?$|^DOUBLE$|^FLOAT$|^DECIMAL/.test(givenType ?? '');
}

/** Returns the value of a column, NULL for what is no time or number. */
function readAs(name: string, sqlType: string, givenType: string, factor: number | undefined): string {
  const column = sqlName(name);
  const value = asGiven(name, sqlType, givenType, factor);
  if (sqlType === 'DOUBLE') return `CASE WHEN isfinite(${value}) THEN ${value} END`;
  if (name !== 'timestamp' || sqlType !== 'TIMESTAMPTZ' || factor !== undefined) return value;
  // Values of several units in one column: only microseconds are times.
  if (isNumeric(givenType)) return `CASE WHEN ${column} >= ${EARLIEST} AND ${column} < ${LATEST} THEN ${value} END`;
  // An infinite time, or one in nanoseconds, has a candle of its own.
  return `CASE WHEN ${value} >= make_timestamptz(${EARLIEST}) AND ${value} < make_timestamptz(${LATEST}) THEN ${value} END`;
}

function asGiven(name: string, sqlType: string, givenType: string, factor: number | undefined): string {
  const column = sqlName(name);
  // Four bytes hold 7 digits of a time: trades of minutes would share one.
  if (sqlType === 'TIMESTAMPTZ' && givenType === 'FLOAT')
    throw new FailureError(`column ${name}: single precision rounds times; write it as BIGINT or TIMESTAMP`);
  if (sqlType === 'TIMESTAMPTZ' && isNumeric(givenType)) {
    if (factor === undefined) return `make_timestamptz(${column}::BIGINT)`;
    return factor < 1
      ? `make_timestamptz((${column}::BIGINT // ${Math.round(1 / factor)})::BIGINT)`
      : `make_timestamptz(round(${column} * ${factor})::BIGINT)`;
  }
  // Single precision is read by its shortest decimals: 67545.1 as a double would be 67545.1015625. Pandas writes a missing number as NaN.
  if (sqlType === 'DOUBLE') return givenType === 'FLOAT' ? `${column}::VARCHAR::DOUBLE` : `${column}::DOUBLE`;
  return `${column}::${sqlType}`;
}

/** Returns the type that mdtool wrote into the metadata of the file. */
async function writtenType(database: Database, path: string): Promise<RecordType | undefined> {
  const [row] = await database.rows(
    `SELECT decode(value) AS type FROM parquet_kv_metadata(${pathList([path])}) WHERE decode(key) = 'mdtool_type'`,
  );
  return RECORD_TYPES.find((type) => type === row?.type);
}
