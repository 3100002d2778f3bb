import { contradictionText } from '../input/contradiction.js';
import type { RecordType, Trade } from '../model/records.js';
import { formatTime } from '../model/time.js';
import { type Database, sqlName } from '../storage/database/duckdb.js';
import { LIQUIDATION_CONTENT, materialize, preparedTable, type Refuse } from './preparation.js';
import type { Staging } from './staging.js';

/** Maximum number of refusals that are named one by one. */
const NAMED = 1_000;
const SERIES = ['exchange', 'market', 'symbol'] as const;

/**
 * Refuses prepared rows that contradict the store: a known id with other content, another candle of a known time, trades of
 * a time that the store knows under other ids, and the part of a sweep whose other part is stored. `stored` is a relation.
 * Returns how many rows it drops because the store has them in another form.
 */
export async function refuseAgainstStore(
  database: Database,
  staging: Staging,
  type: RecordType,
  stored: string,
  refuse: Refuse,
): Promise<number> {
  if (type === 'trade') {
    await database.run(`CREATE OR REPLACE TEMP TABLE stored_trades AS SELECT s.* FROM ${stored} AS s SEMI JOIN (
      SELECT DISTINCT "exchange", "market", "symbol" FROM ${sqlName(preparedTable('trade'))}) USING ("exchange", "market", "symbol")`);
    if ((await database.number('SELECT count(*) FROM stored_trades')) === 0) return 0;
    await refuseForeignIds(database, staging, refuse);
    await refuseOtherTrades(database, staging, refuse);
    await refuseCutSweeps(database, staging, refuse);
  }
  if (type === 'candle') await refuseOtherCandles(database, staging, stored, refuse);
  if (type !== 'liquidation') return 0;
  const known = await removeOtherForms(database, stored);
  await refuseCutCopies(database, staging, stored, refuse);
  return known;
}

function on(left: string, right: string, names: readonly string[]): string {
  return names.map((name) => `${left}.${sqlName(name)} = ${right}.${sqlName(name)}`).join(' AND ');
}

/**
 * One market of one day under two kinds of ids (once with ids and once without; aggregate trades and trades) would count
 * every trade twice. It shows by this: both cover the same time, and no id is in both.
 */
async function refuseForeignIds(database: Database, staging: Staging, refuse: Refuse): Promise<void> {
  const table = sqlName(preparedTable('trade'));
  const day = (of: string) => `${of}"timestamp"::DATE AS day`;
  const spans = (from: string) =>
    `SELECT "exchange", "market", "symbol", ${day('')}, min("timestamp") AS low, max("timestamp") AS high, count(*) AS trades FROM ${from} GROUP BY ALL`;
  const rows = await database.rows(
    `WITH fresh AS (${spans(table)}), known AS (${spans('stored_trades')}),
       shared AS (SELECT DISTINCT f."exchange", f."market", f."symbol", ${day('f.')} FROM ${table} AS f JOIN stored_trades AS s
         ON ${on('f', 's', [...SERIES, 'id'])})
     SELECT f."exchange", f."market", f."symbol", f.day::VARCHAR AS day,
       (SELECT min(place) FROM ${table} AS t WHERE ${on('t', 'f', SERIES)} AND t."timestamp"::DATE = f.day) AS place, f.trades,
       (SELECT count(*) FROM ${table} AS t WHERE ${on('t', 'f', SERIES)} AND t."timestamp"::DATE = f.day AND t."timestamp" BETWEEN k.low AND k.high) AS inner_fresh,
       (SELECT count(*) FROM stored_trades AS t WHERE ${on('t', 'f', SERIES)} AND t."timestamp"::DATE = f.day AND t."timestamp" BETWEEN f.low AND f.high) AS inner_known,
       k.trades AS known
     FROM fresh AS f JOIN known AS k ON ${on('f', 'k', SERIES)} AND f.day = k.day
     ANTI JOIN shared AS s ON ${on('f', 's', SERIES)} AND f.day = s.day
     ORDER BY place`,
  );
  for (const row of rows) {
    if (Number(row.inner_fresh) * 2 < Number(row.trades) || Number(row.inner_known) * 2 < Number(row.known)) continue;
    if (Number(row.inner_fresh) + Number(row.inner_known) < 3) continue;
    const { exchange, market, symbol, day: date } = row;
    refuse(
      `${staging.placeOf('trade', Number(row.place))}: the store has trades of ${exchange} ${market} ${symbol} on ${date} under other ids; ${row.trades} trades of this day are refused, or each would count twice`,
    );
    await materialize(database, 'trade');
    await database.run(
      `DELETE FROM ${table} WHERE "exchange" = '${exchange}' AND "market" = '${market}' AND "symbol" = $1 AND "timestamp"::DATE = DATE '${date}'`,
      [String(symbol)],
    );
  }
}

async function refuseOtherTrades(database: Database, staging: Staging, refuse: Refuse): Promise<void> {
  const table = sqlName(preparedTable('trade'));
  const rows = await database.rows(
    `SELECT f.place, f."symbol", f."id", f."price", f."amount", f."side" FROM ${table} AS f JOIN stored_trades AS s ON ${on('f', 's', [...SERIES, 'id'])}
     WHERE ROW(f."price", f."amount", f."side") IS DISTINCT FROM ROW(s."price", s."amount", s."side") ORDER BY f.place`,
  );
  for (const row of rows.slice(0, NAMED)) {
    const trade = { ...row, price: Number(row.price), amount: Number(row.amount) } as unknown as Trade;
    refuse(contradictionText(trade, staging.placeOf('trade', Number(row.place)), 'the store'));
  }
  await removePlaces(database, 'trade', rows);
}

/**
 * A file that begins or ends within a sweep whose rest is stored: the order of the two parts is known only when both come in
 * one command. A file of which the store has more than that time is the same file again, and continues.
 */
async function refuseCutSweeps(database: Database, staging: Staging, refuse: Refuse): Promise<void> {
  const table = sqlName(preparedTable('trade'));
  const rows = await database.rows(
    `WITH edges AS (SELECT file, "exchange", "market", "symbol", min("timestamp") AS low, max("timestamp") AS high FROM ${table} WHERE numbered GROUP BY ALL),
       again AS (SELECT DISTINCT f.file AS file FROM ${table} AS f JOIN edges AS e ON f.file = e.file AND ${on('f', 'e', SERIES)}
         JOIN stored_trades AS s ON ${on('f', 's', [...SERIES, 'id'])} WHERE f."timestamp" > e.low AND f."timestamp" < e.high)
     SELECT f.place, f."symbol", epoch_us(f."timestamp")::DOUBLE AS time FROM ${table} AS f
     JOIN edges AS e ON f.file = e.file AND ${on('f', 'e', SERIES)} AND f."timestamp" IN (e.low, e.high)
     WHERE f.numbered AND f.file NOT IN (SELECT file FROM again) AND EXISTS (SELECT 1 FROM stored_trades AS s WHERE ${on('s', 'f', SERIES)} AND s."timestamp" = f."timestamp")
       AND (NOT EXISTS (SELECT 1 FROM stored_trades AS s WHERE ${on('s', 'f', [...SERIES, 'id'])})
         OR EXISTS (SELECT 1 FROM stored_trades AS s WHERE ${on('s', 'f', SERIES)} AND s."timestamp" = f."timestamp" AND
           NOT EXISTS (SELECT 1 FROM ${table} AS o WHERE o.file = f.file AND ${on('o', 's', [...SERIES, 'id'])}))
         OR (f."timestamp" = e.low AND e.low < e.high AND EXISTS (SELECT 1 FROM stored_trades AS s WHERE ${on('s', 'f', SERIES)} AND s."timestamp" < e.low)
           AND NOT EXISTS (SELECT 1 FROM stored_trades AS s WHERE ${on('s', 'f', SERIES)} AND s."timestamp" > e.low AND s."timestamp" <= e.high)))
     ORDER BY f.place`,
  );
  for (const row of rows.slice(0, NAMED))
    refuse(
      `${staging.placeOf('trade', Number(row.place))}: the store has trades of ${row.symbol} at the same time (${formatTime(Number(row.time))}): the file is cut within it; import both parts in one command`,
    );
  await removePlaces(database, 'trade', rows);
}

/**
 * A file that begins or ends with a liquidation which the store has at the end of another part: both may be one, or two equal
 * ones between which a file was cut. They are one where the store has more of the file: rows between its first and last time,
 * or of both where it has none between. A file of one time alone never is a part: days of a quiet symbol have one row.
 */
async function refuseCutCopies(database: Database, staging: Staging, stored: string, refuse: Refuse): Promise<void> {
  const table = sqlName(preparedTable('liquidation'));
  const series = SERIES.map(sqlName).join(', ');
  const isNew = (otherEnd: string) => `CASE WHEN rows_between > 0 THEN stored_between = 0 ELSE ${otherEnd} = 0 END`;
  const rows = await database.rows(
    `WITH edges AS (SELECT file, ${series}, min("timestamp") AS low, max("timestamp") AS high FROM ${table} WHERE numbered GROUP BY ALL),
       files AS (SELECT file, ${series}, low, high, count_if("timestamp" > low AND "timestamp" < high) AS rows_between
         FROM ${table} JOIN edges USING (file, ${series}) WHERE numbered AND low < high GROUP BY ALL),
       compared AS (SELECT f.*, count_if(s."timestamp" < low) AS before, count_if(s."timestamp" > high) AS after, count_if(s."timestamp" = low) AS at_low,
           count_if(s."timestamp" = high) AS at_high, count_if(s."timestamp" > low AND s."timestamp" < high) AS stored_between
         FROM files AS f JOIN ${stored} AS s ON ${on('s', 'f', SERIES)} GROUP BY ALL)
     SELECT f.place, f."symbol", epoch_us(f."timestamp")::DOUBLE AS time FROM ${table} AS f JOIN compared USING (file, ${series})
       SEMI JOIN ${stored} AS s ON ${on('s', 'f', LIQUIDATION_CONTENT)}
     WHERE f.numbered AND ((f."timestamp" = low AND before > 0 AND ${isNew('at_high')}) OR (f."timestamp" = high AND after > 0 AND ${isNew('at_low')}))
     ORDER BY f.place`,
  );
  for (const row of rows.slice(0, NAMED))
    refuse(
      `${staging.placeOf('liquidation', Number(row.place))}: the store has an equal liquidation of ${row.symbol} at ${formatTime(Number(row.time))}: the file may be cut between two of them; import both parts in one command`,
    );
  await removePlaces(database, 'liquidation', rows);
}

/**
 * A liquidation that was captured has another key than the same one from a file, which has no arrival time: both would count,
 * and the sum be twice as large. Removes those of which the store, or this import, has the other form, each for one of equal
 * content, and returns how many.
 */
async function removeOtherForms(database: Database, stored: string): Promise<number> {
  const key = [...LIQUIDATION_CONTENT, 'local_timestamp', 'sequence'].map(sqlName).join(', ');
  const [captured, imported] = ['"local_timestamp" IS NOT NULL', '"local_timestamp" IS NULL'];
  const fresh = sqlName(preparedTable('liquidation'));
  const allCaptured = [stored, fresh].map((relation) => `SELECT ${key} FROM ${relation} WHERE ${captured}`).join(' UNION ');
  return (
    (await removeCopies(database, stored, captured, `SELECT ${key} FROM ${stored} WHERE ${imported}`)) +
    (await removeCopies(database, stored, imported, allCaptured))
  );
}

/** Removes of the rows of one form, and not in the store, as many as there are equal ones of the other form. */
async function removeCopies(database: Database, stored: string, isForm: string, others: string): Promise<number> {
  const content = LIQUIDATION_CONTENT.map(sqlName).join(', ');
  const same = (name: string) => `f.${sqlName(name)} IS NOT DISTINCT FROM s.${sqlName(name)}`;
  const places = await database.rows(
    `WITH fresh AS (SELECT f.* FROM (SELECT * FROM ${sqlName(preparedTable('liquidation'))} WHERE ${isForm}) AS f ANTI JOIN ${stored} AS s
       ON ${on('f', 's', LIQUIDATION_CONTENT)} AND ${same('local_timestamp')} AND ${same('sequence')}),
       ranked AS (SELECT *, dense_rank() OVER (PARTITION BY ${content} ORDER BY "local_timestamp", "sequence" NULLS FIRST) AS copy FROM fresh),
       known AS (SELECT ${content}, count(*) AS copies FROM (${others}) GROUP BY ALL)
     SELECT f.place FROM ranked AS f JOIN known AS s ON ${on('f', 's', LIQUIDATION_CONTENT)} WHERE f.copy <= s.copies`,
  );
  await removePlaces(database, 'liquidation', places);
  return places.length;
}

async function refuseOtherCandles(database: Database, staging: Staging, stored: string, refuse: Refuse): Promise<void> {
  const table = sqlName(preparedTable('candle'));
  const content = (of: string) =>
    `ROW(${['open', 'high', 'low', 'close', 'volume'].map((name) => `${of}.${sqlName(name)}`).join(', ')})`;
  const rows = await database.rows(
    `SELECT f.place, f."symbol", f."interval", epoch_us(f."timestamp")::DOUBLE AS time FROM ${table} AS f
     JOIN ${stored} AS s ON ${on('f', 's', [...SERIES, 'source', 'interval', 'timestamp'])}
     WHERE f."closed" AND s."closed" AND ${content('f')} IS DISTINCT FROM ${content('s')} ORDER BY f.place`,
  );
  for (const row of rows.slice(0, NAMED))
    refuse(
      `${staging.placeOf('candle', Number(row.place))}: the store has another ${row.interval} candle of ${row.symbol} at ${formatTime(Number(row.time))}; the stored one stays`,
    );
  await removePlaces(database, 'candle', rows);
}

async function removePlaces(
  database: Database,
  type: RecordType,
  rows: readonly { readonly [name: string]: unknown }[],
): Promise<void> {
  const places = rows.map(({ place }) => String(place));
  if (places.length > 0) await materialize(database, type);
  const table = sqlName(preparedTable(type));
  for (let from = 0; from < places.length; from += 10_000)
    await database.run(`DELETE FROM ${table} WHERE place IN (${places.slice(from, from + 10_000).join(', ')})`);
}
