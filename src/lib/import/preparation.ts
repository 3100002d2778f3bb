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
  const isOrdered = staging.isOneOrderedFile(type);
  // One file needs no copy: all of its rows are of one part.
  await database.run(
    isOrdered
      ? `CREATE VIEW placed AS SELECT t.*, p.file, p.newest, p."foreign" FROM (SELECT *, rowid + 1 AS place, rowid AS place0 FROM ${sqlName(type)}) AS t, ${parts} AS p`
      : `CREATE TABLE placed AS SELECT t.*, t.place - 1 AS place0, p.file, p.newest, p."foreign"
         FROM (SELECT *, rowid + 1 AS place FROM ${sqlName(type)}) AS t ASOF JOIN ${parts} AS p ON t.place - 1 >= p.first`,
  );
  const source = await numberedSource(database, type, isOrdered);
  await database.run(`CREATE TABLE ${table} AS SELECT ${columns.join(', ')}, place0 AS place, file, numbered FROM ${source}`);
  await database.run(`DROP ${isOrdered ? 'VIEW' : 'TABLE'} placed`);
  await database.run(`DROP TABLE IF EXISTS ${sqlName(type)}`);
  return { repeated: await keepOneOfEachKey(staging, type, refuse) };
}

/** Returns the relation of the rows with their sequence, id and arrival as they are stored; `numbered` says whether by place. */
async function numberedSource(database: Database, type: RecordType, isOrdered: boolean): Promise<string> {
  const names = new Set(columnsOf(type).map(([name]) => name));
  if (type === 'trade' && (await database.number(`SELECT count(*) FROM placed WHERE ${UNNUMBERED}`)) > 0)
    return isOrdered && (await isOneSeries(database)) ? ORDERED_TRADES : await numberedTrades(database);
  if (!names.has('local_timestamp') || names.has('interval') || type === 'trade')
    return '(SELECT *, false AS numbered FROM placed)';
  // Records of one message share their arrival, which is their key: each later one gets the next microsecond.
  return `(SELECT * REPLACE (CASE WHEN "foreign" THEN "local_timestamp" + to_microseconds(row_number() OVER (PARTITION BY ${SERIES}, "local_timestamp" ORDER BY place) - 1) ELSE "local_timestamp" END AS "local_timestamp"),
    false AS numbered FROM placed)`;
}

/** Returns whether all rows are unnumbered trades of one symbol. */
async function isOneSeries(database: Database): Promise<boolean> {
  const [row] = await database.rows(
    `SELECT count(*) FILTER (NOT (${UNNUMBERED})) AS numbered, min("exchange") = max("exchange") AND min("market") = max("market")
       AND min("symbol") = max("symbol") AS "one" FROM placed`,
  );
  return Number(row?.numbered) === 0 && row?.one === true;
}

/** A row of unnumbered trades as it is stored. */
const AS_STORED = `"id" = '${NO_ID}' THEN epoch_us("timestamp") || '-' || coalesce("sequence", number) ELSE "id" END AS "id"`;

/**
 * Numbers trades of one symbol that run forward in time, by their distance from the first row of their time. It reads the
 * rows once in their order; a window per time, as below, sorts them all.
 */
const ORDERED_TRADES = `(SELECT * EXCLUDE (number, before) REPLACE (number AS "sequence", CASE WHEN ${AS_STORED}), true AS numbered
    FROM (SELECT *, place0 - max(CASE WHEN before IS DISTINCT FROM "timestamp" THEN place0 END)
        OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS number
      FROM (SELECT *, lag("timestamp") OVER () AS before FROM placed)))`;

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
