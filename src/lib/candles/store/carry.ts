import { type Database, sqlName, sqlText } from '../../storage/database/duckdb.js';
import type { StoreSnapshot } from '../../storage/reading/store-snapshot.js';

/** A temporary table `(exchange, market, symbol, close)`: the last close of each symbol before the next candles. */
export const CARRY = sqlName('candle_carry');

const SERIES = '"exchange", "market", "symbol"';

type CarrySource = {
  readonly exchange: string;
  readonly market: string;
  readonly interval: string;
  /** Microseconds; only candles that open before this time count. */
  readonly before: number;
};

/**
 * Fills the table from the stored candles before a time. Reads backwards day by day until every symbol with a candle on
 * the latest of these days has its close.
 */
export async function loadCarry(snapshot: StoreSnapshot, source: CarrySource): Promise<void> {
  const { database } = snapshot;
  await database.run(
    `CREATE OR REPLACE TEMP TABLE ${CARRY} ("exchange" VARCHAR, "market" VARCHAR, "symbol" VARCHAR, "close" DOUBLE)`,
  );
  for (const date of [...snapshot.dates('candle')].reverse()) {
    if (Date.parse(`${date}T00:00:00Z`) * 1000 >= source.before) continue;
    const candles = `SELECT ${SERIES}, arg_max("close", "timestamp") AS "close" FROM ${snapshot.relation('candle', date)}
      WHERE "source" = 'trades' AND "exchange" = ${sqlText(source.exchange)} AND "market" = ${sqlText(source.market)}
      AND "interval" = ${sqlText(source.interval)} AND "timestamp" < make_timestamptz(${source.before}) AND "close" IS NOT NULL GROUP BY ALL`;
    await database.run(`INSERT INTO ${CARRY} SELECT * FROM (${candles}) ANTI JOIN ${CARRY} USING (${SERIES})`);
  }
}

/** Updates the table with the last closes of candles that were just built. */
export async function noteCarry(database: Database, rows: string): Promise<void> {
  await database.run(
    `CREATE OR REPLACE TEMP TABLE ${CARRY} AS
     WITH fresh AS (SELECT ${SERIES}, arg_max("close", "timestamp") AS "close" FROM ${rows} WHERE "close" IS NOT NULL GROUP BY ALL)
     SELECT * FROM fresh UNION ALL SELECT * FROM ${CARRY} ANTI JOIN fresh USING (${SERIES})`,
  );
}
