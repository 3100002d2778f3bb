import { contradictionText } from '../input/contradiction.js';
import { columnsOf, type RecordType, type Trade } from '../model/records.js';
import { type Database, sqlName } from '../storage/database/duckdb.js';
import { keyExpressions, precedence, tableColumns } from '../storage/database/record-table.js';
import { NO_ID } from './row-reader.js';
import type { Staging } from './staging.js';

/** Called with the reason why a record is refused. */
export type Refuse = (reason: string) => void;

/** Trades of other tools without an order of their own. */
const UNNUMBERED = '"sequence" IS NULL AND "foreign"';
const SERIES = '"exchange", "market", "symbol"';

/** Returns the name of the table with the prepared rows of a type. */
export function preparedTable(type: RecordType): string {
  return `prepared_${type}`;
}

/**
 * Orders and numbers the staged rows of a type, and keeps one row per key: of trades the first of an id, of others the
 * better or later one. Trades with a known id and other content are refused. The prepared table also has `place`, the row
 * in the staged table, and `file`.
 */
export async function prepareType(staging: Staging, type: RecordType, refuse: Refuse): Promise<{ readonly repeated: number }> {
  const { database } = staging;
  const table = sqlName(preparedTable(type));
  const columns = tableColumns(type).map(({ name }) => sqlName(name));
  const parts = `(SELECT * FROM (VALUES ${staging.partsOf(type)}) AS v(first, file, newest, "foreign"))`;
  // One file in order needs no copy of its rows.
  const view = staging.isOneOrderedFile(type) ? await orderedSource(database, type) : undefined;
  const select = (source: string) => `SELECT ${columns.join(', ')}, place0 AS place, file, numbered FROM ${source}`;
  if (view !== undefined) await database.run(`CREATE VIEW ${table} AS ${select(view)}`);
  else {
    await database.run(
      `CREATE TABLE placed AS SELECT t.*, t.place - 1 AS place0, p.file, p.newest, p."foreign"
       FROM (SELECT *, rowid + 1 AS place FROM ${sqlName(type)}) AS t ASOF JOIN ${parts} AS p ON t.place - 1 >= p.first`,
    );
    await database.run(`CREATE TABLE ${table} AS ${select(await numberedSource(database, type))}`);
    await database.run('DROP TABLE placed');
    await database.run(`DROP TABLE IF EXISTS ${sqlName(type)}`);
  }
  return { repeated: await keepOneOfEachKey(staging, type, refuse) };
}

/**
 * Returns the relation of the rows of one file that runs forward in time as they are stored, where that takes no copy of
 * them: undefined where it does.
 */
async function orderedSource(database: Database, type: RecordType): Promise<string | undefined> {
  const rows = `(SELECT *, rowid AS place0, 0 AS file FROM ${sqlName(type)})`;
  const asTheyAre = `(SELECT *, false AS numbered FROM ${rows})`;
  if (type !== 'trade') return type === 'candle' ? asTheyAre : undefined;
  const { unnumbered, isOneSeries } = await seriesOf(database, rows);
  if (unnumbered === 0) return asTheyAre;
  if (!isOneSeries) return undefined;
  await numberTies(database, rows);
  return `(SELECT * REPLACE (coalesce("sequence", 0) AS "sequence", CASE WHEN ${AS_STORED}), true AS numbered
    FROM (SELECT *, 0 AS number FROM ${rows}))`;
}

/** Rows whose numbers are set in one transaction, which holds them in memory. */
const NUMBERED_AT_ONCE = 2_000_000;

/** Sets the sequence of the trades that come after another one of their time; of all others it stays missing, which means 0. */
async function numberTies(database: Database, rows: string): Promise<void> {
  await database.run(`CREATE OR REPLACE TABLE ties AS SELECT * FROM (${orderedNumbers(rows)}) WHERE number > 0`);
  const end = await database.number('SELECT coalesce(max(place0) + 1, 0) FROM ties');
  for (let from = 0; from < end; from += NUMBERED_AT_ONCE)
    await database.run(
      `UPDATE trade SET "sequence" = number FROM ties
       WHERE trade.rowid = place0 AND place0 >= ${from} AND place0 < ${from + NUMBERED_AT_ONCE}`,
    );
  await database.run('DROP TABLE ties');
}

/** Turns a prepared view into a table, whose rows can be removed. */
export async function materialize(database: Database, type: RecordType): Promise<void> {
  const name = preparedTable(type);
  const isView = await database.number(`SELECT count(*) FROM duckdb_views() WHERE view_name = '${name}'`);
  if (isView === 0) return;
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

/**
 * Without arrival two equal liquidations would be one record, and their sum too small: copies in one file are numbered. Where
 * one file ends at the time at which another begins, the copies there are numbered on.
 */
async function numberedLiquidations(database: Database): Promise<string> {
  const content = LIQUIDATION_CONTENT.map(sqlName);
  await database.run(
    `CREATE OR REPLACE TEMP TABLE edges AS SELECT file, ${SERIES}, min("timestamp") AS low, max("timestamp") AS high FROM placed
     WHERE ${UNNUMBERED} GROUP BY ALL`,
  );
  await database.run(
    `CREATE OR REPLACE TEMP TABLE carried AS
     SELECT b.file, ${content.map((name) => `p.${name}`).join(', ')}, count(*) AS carry
     FROM edges AS b JOIN edges AS a ON a.file <> b.file AND a.high = b.low AND (a.low < a.high OR b.low < b.high) AND ${same('a', 'b')}
     JOIN placed AS p ON p.file = a.file AND p."timestamp" = a.high AND p.${UNNUMBERED} AND ${same('p', 'a')}
     GROUP BY ALL`,
  );
  return `(SELECT * REPLACE (CASE WHEN is_copied THEN nullif(copy, 0) ELSE "sequence" END AS "sequence", ${LATER_ARRIVAL}), is_copied AS numbered
    FROM (SELECT p.*, p.${UNNUMBERED} AND p."local_timestamp" IS NULL AS is_copied,
        row_number() OVER (PARTITION BY p.file, p."local_timestamp", ${content.map((name) => `p.${name}`).join(', ')} ORDER BY place) - 1 + coalesce(c.carry, 0) AS copy
      FROM placed AS p LEFT JOIN carried AS c ON c.file = p.file AND ${content.map((name) => `c.${name} = p.${name}`).join(' AND ')}))`;
}

function same(left: string, right: string): string {
  return ['exchange', 'market', 'symbol'].map((name) => `${left}."${name}" = ${right}."${name}"`).join(' AND ');
}

/** Returns how many trades have no sequence, and whether that are all of them and of one symbol. */
async function seriesOf(database: Database, rows: string) {
  const [row] = await database.rows(
    `SELECT count(*) - count("sequence") AS unnumbered, count("sequence") AS numbered, min("exchange") = max("exchange")
       AND min("market") = max("market") AND min("symbol") = max("symbol") AS "one" FROM ${rows}`,
  );
  return { unnumbered: Number(row?.unnumbered), isOneSeries: Number(row?.numbered) === 0 && row?.one === true };
}

/** A row of unnumbered trades as it is stored. */
const AS_STORED = `"id" = '${NO_ID}' THEN epoch_us("timestamp") || '-' || coalesce("sequence", number) ELSE "id" END AS "id"`;

/**
 * Numbers trades of one symbol that run forward in time, by their distance from the first row of their time. It reads the
 * times once in their order; a window per time, as below, sorts all rows.
 */
function orderedNumbers(rows: string): string {
  return `SELECT place0, place0 - max(CASE WHEN before IS DISTINCT FROM "timestamp" THEN place0 END)
      OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS number
    FROM (SELECT place0, "timestamp", lag("timestamp") OVER () AS before FROM ${rows})`;
}

/**
 * Numbers trades that share a time by their place in the file; a file that runs newest first is numbered backwards. Where
 * one file ends at the time at which another begins, a sweep was cut in two: the later part continues the numbers.
 */
async function numberedTrades(database: Database): Promise<string> {
  await database.run(
    `CREATE OR REPLACE TEMP TABLE edges AS SELECT file, ${SERIES}, min("timestamp") AS low, max("timestamp") AS high FROM placed
     WHERE ${UNNUMBERED} GROUP BY ALL`,
  );
  await database.run(
    `CREATE OR REPLACE TEMP TABLE carried AS
     SELECT b.file, b."exchange", b."market", b."symbol", b.low AS "timestamp", count(*) AS carry
     FROM edges AS b JOIN edges AS a ON a.file <> b.file AND a.high = b.low AND (a.low < a.high OR b.low < b.high)
       AND a."exchange" = b."exchange" AND a."market" = b."market" AND a."symbol" = b."symbol"
     JOIN placed AS p ON p.file = a.file AND p."timestamp" = a.high AND p.${UNNUMBERED}
       AND p."exchange" = a."exchange" AND p."market" = a."market" AND p."symbol" = a."symbol"
     GROUP BY ALL`,
  );
  return `(SELECT * EXCLUDE (number) REPLACE (
      coalesce("sequence", number) AS "sequence",
      CASE WHEN ${AS_STORED}),
      number IS NOT NULL AS numbered
    FROM (SELECT p.*, CASE WHEN p.${UNNUMBERED} THEN row_number() OVER (
        PARTITION BY p.file, p."exchange", p."market", p."symbol", p."timestamp", p.${UNNUMBERED}
        ORDER BY CASE WHEN newest THEN -place ELSE place END) - 1 + coalesce(c.carry, 0) END AS number
      FROM placed AS p LEFT JOIN carried AS c ON c.file = p.file AND c."exchange" = p."exchange" AND c."market" = p."market"
        AND c."symbol" = p."symbol" AND c."timestamp" = p."timestamp"))`;
}

async function keepOneOfEachKey(staging: Staging, type: RecordType, refuse: Refuse): Promise<number> {
  const { database } = staging;
  const table = sqlName(preparedTable(type));
  const keys = keyExpressions(type).join(', ');
  const [row] = await database.rows(`SELECT count(*) AS records, count(DISTINCT hash(${keys})) AS keys FROM ${table}`);
  if (row?.records === row?.keys) return 0;
  const before = await database.number(`SELECT count(*) FROM ${table}`);
  await materialize(database, type);
  if (type === 'trade') await refuseContradictions(staging, keys, refuse);
  const left = await database.number(`SELECT count(*) FROM ${table}`);
  const order = `${precedence(type)}, ${type === 'trade' ? 'place' : 'place DESC'}`;
  await database.run(
    `CREATE OR REPLACE TABLE chosen AS SELECT * FROM ${table} QUALIFY row_number() OVER (PARTITION BY ${keys} ORDER BY ${order}) = 1`,
  );
  await database.run(`DROP TABLE ${table}`);
  await database.run(`ALTER TABLE chosen RENAME TO ${table}`);
  return Math.min(before, left) - (await database.number(`SELECT count(*) FROM ${table}`));
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
