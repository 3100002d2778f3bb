import { contradictionText } from '../input/contradiction.js';
import { columnsOf, type RecordType, type Trade } from '../model/records.js';
import { areHashesDistinct } from '../storage/database/distinct-hashes.js';
import { type Database, sqlName } from '../storage/database/duckdb.js';
import { type PartitionRows, partitionRows } from '../storage/database/partition-rows.js';
import { keyExpressions, precedence, tableColumns } from '../storage/database/record-table.js';
import type { SegmentCopy } from '../storage/table-import.js';
import { NO_ID } from './row-reader.js';
import type { Staging } from './staging.js';

/** Called with the reason why a record is refused. */
export type Refuse = (reason: string) => void;

/** Trades of other tools without an order of their own. */
const UNNUMBERED = '"sequence" IS NULL AND "foreign"';
const SERIES_NAMES = ['exchange', 'market', 'symbol'] as const;
const SERIES = SERIES_NAMES.map(sqlName).join(', ');

/** Returns the name of the table with the prepared rows of a type. */
export function preparedTable(type: RecordType): string {
  return `prepared_${type}`;
}

/** What is known of the rows of a prepared table. */
export type PreparedRows = {
  /** Rows with the key of another one, which are gone. */
  readonly repeated: number;
  /** Trades without side. */
  readonly sideless: number;
  readonly partitions: readonly PartitionRows[];
  /** Whether the rows of each partition stand in the order of a stored file. */
  readonly isOrdered: boolean;
  /** All rows of the table in the form of a stored file, where they were staged so. */
  readonly copy?: SegmentCopy | undefined;
};

/**
 * Orders and numbers the staged rows of a type, and keeps one row per key: of trades the first of an id, of others the
 * better or later one. Trades with a known id and other content are refused. The prepared table also has `place`, the place
 * among the staged rows, and `file`.
 */
export async function prepareType(staging: Staging, type: RecordType, refuse: Refuse): Promise<PreparedRows> {
  const { database } = staging;
  const table = sqlName(preparedTable(type));
  const columns = tableColumns(type).map(({ name }) => sqlName(name));
  const rows = staging.relation(type);
  const select = (source: string) => `SELECT ${columns.join(', ')}, place0 AS place, file, numbered FROM ${source}`;
  const isForeign = staging.hasForeign(type);
  const given: GivenRows = {
    rows,
    partitions: await partitionRows(database, type, rows),
    ...(await factsOf(database, type, rows, isForeign)),
  };
  // Records of mdtool, and one file in order, need no copy of their rows.
  const ordered = orderedSource(staging, type, given);
  if (ordered) {
    const statement = `CREATE ${ordered.isView ? 'VIEW' : 'TABLE'} ${table} AS ${select(ordered.source)}`;
    await database.inOneThread(() => database.run(statement));
    return await keepOneOfEachKey(staging, type, { ...given, ...ordered }, refuse);
  }
  await database.run(`CREATE TABLE placed AS SELECT *, place0 + 1 AS place FROM ${rows}`);
  await database.run(`CREATE TABLE ${table} AS ${select(await numberedSource(database, type))}`);
  await database.run('DROP TABLE placed');
  const facts = await factsOf(database, type, table, isForeign);
  return await keepOneOfEachKey(staging, type, { ...given, ...facts, isOrdered: false }, refuse);
}

/** The staged rows of a type. */
type GivenRows = RowFacts & { readonly rows: string; readonly partitions: readonly PartitionRows[] };
type OrderedSource = Pick<PreparedRows, 'isOrdered' | 'copy'> & { readonly source: string; readonly isView: boolean };

/**
 * Returns the relation of the rows as they are stored, where that needs no order by window: of records of mdtool, and of one
 * file that runs forward in time. Undefined where it does.
 */
function orderedSource(staging: Staging, type: RecordType, given: GivenRows): OrderedSource | undefined {
  const { rows, partitions, unnumbered, records, lacking } = given;
  const copy = staging.storedCopy(type);
  const asTheyAre = {
    source: `(SELECT *, false AS numbered FROM ${rows})`,
    isView: true,
    isOrdered: false,
    copy: copy?.isNumbered ? undefined : copy,
  };
  if (!staging.hasForeign(type)) return asTheyAre;
  if (!staging.isOneOrderedFile(type)) return undefined;
  if (type !== 'trade') return type === 'candle' ? asTheyAre : undefined;
  if (unnumbered === 0) return asTheyAre;
  const series = new Set(
    partitions.map(({ partition, symbols = [] }) => [partition.exchange, partition.market, ...symbols].join(' ')),
  );
  if (unnumbered < records || series.size > 1 || partitions[0]?.symbols?.length !== 1) return undefined;
  if (copy?.isNumbered && (copy.hasIds || lacking === 0))
    return { source: `(SELECT *, true AS numbered FROM (${copy.select}))`, isView: true, isOrdered: true, copy };
  // An id that named the number would have it computed by statements that only read ids.
  const stored = `coalesce("sequence", number) AS "sequence"${lacking > 0 ? `, CASE WHEN ${AS_STORED}` : ''}`;
  const source = `(SELECT * REPLACE (${stored}), true AS numbered FROM ${orderedNumbers(rows)})`;
  // A condition on the day does not pass the window of the numbers: each day would number the rows of all days.
  return { source, isView: partitions.length === 1, isOrdered: true };
}

/** Returns whether the prepared rows are those that were staged: none was removed. */
export async function isUnchanged(database: Database, type: RecordType): Promise<boolean> {
  return (await database.number(`SELECT count(*) FROM duckdb_views() WHERE view_name = '${preparedTable(type)}'`)) > 0;
}

/** Turns a prepared view into a table, whose rows can be removed. */
export async function materialize(database: Database, type: RecordType): Promise<void> {
  const name = preparedTable(type);
  if (!(await isUnchanged(database, type))) return;
  await database.run(`CREATE TABLE materialized AS SELECT * FROM ${sqlName(name)}`);
  await database.run(`DROP VIEW ${sqlName(name)}`);
  await database.run(`ALTER TABLE materialized RENAME TO ${sqlName(name)}`);
}

/** Returns the relation of the rows with their sequence, id and arrival as they are stored; `numbered` says whether by place. */
async function numberedSource(database: Database, type: RecordType): Promise<string> {
  const names = new Set(columnsOf(type).map(([name]) => name));
  if (type === 'trade' && (await database.number(`SELECT count(*) FROM placed WHERE ${UNNUMBERED}`)) > 0)
    return await numberedTrades(database);
  if (type === 'liquidation') return await numberedLiquidations(database);
  if (!names.has('local_timestamp') || names.has('interval') || type === 'trade')
    return '(SELECT *, false AS numbered FROM placed)';
  return `(SELECT * REPLACE (${LATER_ARRIVAL}), false AS numbered FROM placed)`;
}

/** Records of one message share their arrival, which is their key: each later one gets the next microsecond. */
const LATER_ARRIVAL = `CASE WHEN "foreign" THEN "local_timestamp" + to_microseconds(row_number() OVER (PARTITION BY ${SERIES}, "local_timestamp" ORDER BY place) - 1)
  ELSE "local_timestamp" END AS "local_timestamp"`;

/** What liquidations without arrival share when one repeats another. */
export const LIQUIDATION_CONTENT = ['exchange', 'market', 'symbol', 'timestamp', 'side', 'price', 'amount'] as const;

/** Without arrival two equal liquidations would be one record, and their sum too small: copies are numbered, the first is not. */
async function numberedLiquidations(database: Database): Promise<string> {
  const rows = await numberedRows(database, `${UNNUMBERED} AND "local_timestamp" IS NULL`, LIQUIDATION_CONTENT);
  return `(SELECT * EXCLUDE (number) REPLACE (CASE WHEN number > 0 THEN number ELSE "sequence" END AS "sequence", ${LATER_ARRIVAL}),
    number IS NOT NULL AS numbered FROM ${rows})`;
}

/** A row of unnumbered trades as it is stored. */
const AS_STORED = `"id" = '${NO_ID}' THEN epoch_us("timestamp") || '-' || coalesce("sequence", number) ELSE "id" END AS "id"`;

/**
 * Numbers trades of one symbol that run forward in time, by their distance from the first row of their time. It reads the
 * times once in their order; a window per time, as below, sorts all rows.
 */
function orderedNumbers(rows: string): string {
  return `(SELECT * EXCLUDE (before), place0 - max(CASE WHEN before IS DISTINCT FROM "timestamp" THEN place0 END)
      OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS number
    FROM (SELECT *, lag("timestamp") OVER () AS before FROM ${rows}))`;
}

/** Trades that share a time are numbered. */
async function numberedTrades(database: Database): Promise<string> {
  const rows = await numberedRows(database, UNNUMBERED, [...SERIES_NAMES, 'timestamp']);
  return `(SELECT * EXCLUDE (number) REPLACE (coalesce("sequence", number) AS "sequence", CASE WHEN ${AS_STORED}),
    number IS NOT NULL AS numbered FROM ${rows})`;
}

/**
 * Returns the placed rows with `number`: 0, 1, … among the rows of their file that share some columns, by their place; a file
 * that runs newest first is numbered backwards. Rows that do not meet the condition have none.
 *
 * Each file is numbered for itself, so that a row in two files gets the same number in both. But where one file ends at the
 * time at which another begins, they were cut in two there: the later one continues the numbers.
 *
 *     A  10:00 10:01 10:02          numbers at 10:02: 0
 *     B              10:02          a file of this time alone: 1
 *     C              10:02 10:03    2
 *
 * Of two files that end there, one is the other again: the longer counts.
 */
async function numberedRows(database: Database, condition: string, shared: readonly string[]): Promise<string> {
  const columns = shared.map(sqlName).join(', ');
  const counted = `(SELECT * FROM placed WHERE ${condition})`;
  await database.run(
    `CREATE OR REPLACE TEMP TABLE carried AS
     WITH edges AS (SELECT file, ${SERIES}, min("timestamp") AS low, max("timestamp") AS high FROM ${counted} GROUP BY ALL),
       ends AS (SELECT file, low < high AS is_longer, ${columns}, count(*) AS rows FROM ${counted} JOIN edges USING (file, ${SERIES})
         WHERE "timestamp" = high GROUP BY ALL)
     SELECT b.file, ${shared.map((name) => `a.${sqlName(name)}`).join(', ')},
       coalesce(max(rows) FILTER (is_longer), 0) + coalesce(max(rows) FILTER (NOT is_longer AND b.low < b.high), 0) AS carry
     FROM ends AS a JOIN edges AS b ON a.file <> b.file AND a."timestamp" = b.low AND ${same('a', 'b')} GROUP BY ALL`,
  );
  return `(SELECT p.*, CASE WHEN ${condition} THEN row_number() OVER (PARTITION BY file, ${condition}, ${columns}
      ORDER BY CASE WHEN newest THEN -place ELSE place END) - 1 + coalesce(carry, 0) END AS number
    FROM placed AS p LEFT JOIN carried USING (file, ${columns}))`;
}

function same(left: string, right: string): string {
  return SERIES_NAMES.map((name) => `${left}.${sqlName(name)} = ${right}.${sqlName(name)}`).join(' AND ');
}

async function keepOneOfEachKey(
  staging: Staging,
  type: RecordType,
  { records, sideless, partitions, isOrdered, copy, lacking }: GivenRows & Pick<PreparedRows, 'isOrdered' | 'copy'>,
  refuse: Refuse,
): Promise<PreparedRows> {
  const { database } = staging;
  const table = sqlName(preparedTable(type));
  const keys = keyExpressions(type).join(', ');
  // Ids that are there once in all symbols are there once in each: most often that answers it, with one column to read. Ids by
  // place are unique where the place is.
  const isByPlace = isOrdered && lacking === records;
  const isDistinct = (key: string) => areHashesDistinct(database, `hash(${key})`, table, records);
  if (
    isByPlace ||
    (type === 'trade' && (await isDistinct('"id"'))) ||
    (await isDistinct(keys)) ||
    (await database.number(`SELECT count(DISTINCT hash(${keys})) FROM ${table}`)) === records
  )
    return { repeated: 0, sideless, partitions, isOrdered, copy };
  await materialize(database, type);
  if (type === 'trade') await refuseContradictions(staging, keys, refuse);
  const left = await database.number(`SELECT count(*) FROM ${table}`);
  const order = `${precedence(type)}, ${type === 'trade' ? 'place' : 'place DESC'}`;
  await database.run(
    `CREATE OR REPLACE TABLE chosen AS SELECT * FROM ${table} QUALIFY row_number() OVER (PARTITION BY ${keys} ORDER BY ${order}) = 1`,
  );
  await database.run(`DROP TABLE ${table}`);
  await database.run(`ALTER TABLE chosen RENAME TO ${table}`);
  const kept = await factsOf(database, type, table, false);
  return {
    repeated: left - kept.records,
    sideless: kept.sideless,
    partitions: await partitionRows(database, type, table),
    isOrdered: false,
  };
}

type RowFacts = {
  readonly records: number;
  /** Trades without side, without sequence, and without id. */
  readonly sideless: number;
  readonly unnumbered: number;
  readonly lacking: number;
};

/** Returns what one pass over rows of a type finds; ids, the longest column, are read of rows of another tool only. */
async function factsOf(database: Database, type: RecordType, rows: string, isForeign: boolean): Promise<RowFacts> {
  const lacking = isForeign ? `, count_if("id" = '${NO_ID}') AS lacking` : '';
  const trade = `, count(*) - count("side") AS sideless, count(*) - count("sequence") AS unnumbered ${lacking}`;
  const [row = {}] = await database.rows(`SELECT count(*) AS records ${type === 'trade' ? trade : ''} FROM ${rows}`);
  const count = (name: string) => Number(row[name] ?? 0);
  return {
    records: count('records'),
    sideless: count('sideless'),
    unnumbered: count('unnumbered'),
    lacking: count('lacking'),
  };
}

const CONTENT = 'ROW("price", "amount", "side")';

/** Refuses trades whose id belongs to another trade, earlier in the input. */
async function refuseContradictions(staging: Staging, keys: string, refuse: Refuse): Promise<void> {
  const { database } = staging;
  const table = sqlName(preparedTable('trade'));
  const rows = await database.rows(
    `SELECT place, first, "symbol", "id", "price", "amount", "side" FROM (
       SELECT *, first_value(place) OVER w AS first, first_value(${CONTENT}) OVER w AS content FROM ${table}
       WINDOW w AS (PARTITION BY ${keys} ORDER BY place))
     WHERE ${CONTENT} IS DISTINCT FROM content ORDER BY place`,
  );
  for (const row of rows) {
    const trade = { ...row, price: Number(row.price), amount: Number(row.amount) } as unknown as Trade;
    refuse(contradictionText(trade, staging.placeOf('trade', Number(row.place)), staging.placeOf('trade', Number(row.first))));
  }
  for (let from = 0; from < rows.length; from += 10_000)
    await database.run(
      `DELETE FROM ${table} WHERE place IN (${rows
        .slice(from, from + 10_000)
        .map(({ place }) => place)
        .join(', ')})`,
    );
}
