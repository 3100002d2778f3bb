import { type Database, sqlName, sqlText } from '../../storage/database/duckdb.js';
import { emptyRelation } from '../../storage/database/record-table.js';
import { type CandleOptions, isOfInput } from '../options.js';

/** Relations of the types that candles depend on, to be used after FROM. */
export type CandleRelations = Readonly<Record<'trade' | 'candle' | 'gap' | 'clock', string>> & {
  /** `(exchange, market, arrived)`: arrival times known from elsewhere, microseconds. */
  readonly arrivals?: string | undefined;
  /** What is known of the trades without reading them. */
  readonly known?: KnownTrades | undefined;
};

/** Trades that were read before: their number, and an expression that orders them where one does. `arrivals` has their clocks. */
type KnownTrades = { readonly count: number; readonly position?: string | undefined };

/** The names of the temporary tables that `candleSelect` takes. */
export const CLOCKS = sqlName('candle_clocks');
export const OPEN_GAPS = sqlName('candle_open_gaps');

/**
 * Creates the table of clocks, per exchange and market in microseconds: the latest `clock` record, else the latest
 * arrival. A closed candle proves that its end has passed.
 */
export async function createClocks(database: Database, relations: CandleRelations): Promise<void> {
  const { candle, clock, arrivals, known } = relations;
  const trade = known === undefined ? relations.trade : emptyRelation('trade');
  const arrival = 'epoch_us(max(coalesce("local_timestamp", "timestamp")))';
  const closed = `max(CASE WHEN "closed" THEN epoch_us("timestamp" + to_seconds(${intervalSeconds('"interval"')})) END)`;
  await database.run(
    `CREATE OR REPLACE TEMP TABLE ${CLOCKS} AS
     SELECT "exchange", "market", coalesce(max(ticked), max(arrived)) AS now FROM (
       SELECT "exchange", "market", NULL AS ticked, ${arrival} AS arrived FROM ${trade} GROUP BY ALL
       UNION ALL SELECT "exchange", "market", NULL, greatest(${arrival}, ${closed}) FROM ${candle} GROUP BY ALL
       UNION ALL SELECT "exchange", "market", epoch_us(max("timestamp")), NULL FROM ${clock} GROUP BY ALL
       ${arrivals === undefined ? '' : `UNION ALL SELECT "exchange", "market", NULL, arrived FROM ${arrivals}`})
     GROUP BY ALL`,
  );
}

/** Creates the table of unrepaired gaps. Returns whether there are any; if not, the query skips the step for gaps. */
export async function createOpenGaps(
  database: Database,
  gap: string,
  options: Pick<CandleOptions, 'source' | 'intervals'>,
): Promise<boolean> {
  const found = await database.rows(`SELECT DISTINCT "channel" FROM ${gap}`);
  const channels = found.map(({ channel }) => String(channel)).filter((channel) => isOfInput(channel, options));
  await database.run(
    `CREATE OR REPLACE TEMP TABLE ${OPEN_GAPS} AS
     WITH gaps AS (SELECT "exchange", "market", "symbol", "missing", epoch_us("from_timestamp") AS from_us,
       epoch_us("until_timestamp") AS until_us, epoch_us("local_timestamp") AS known FROM ${gap} WHERE "channel" IN (${channels.map(sqlText).join(', ') || 'NULL'}))
     SELECT * FROM gaps AS openGap WHERE "missing" AND NOT EXISTS (SELECT 1 FROM gaps AS repair
       WHERE NOT repair."missing" AND repair."exchange" = openGap."exchange" AND repair."market" = openGap."market"
       AND repair."symbol" = openGap."symbol" AND repair.from_us <= openGap.from_us AND repair.until_us >= openGap.until_us
       AND coalesce(repair.known, 0) >= coalesce(openGap.known, 0))`,
  );
  return (await database.number(`SELECT count(*) FROM ${OPEN_GAPS}`)) > 0;
}

/** Returns the length of an interval named `90s`, `1m`, `4h`, `1d`, `1w`, in seconds. */
export function intervalSeconds(name: string): string {
  const unit = `CASE right(${name}, 1) WHEN 's' THEN 1 WHEN 'm' THEN 60 WHEN 'h' THEN 3600 WHEN 'd' THEN 86400 WHEN 'w' THEN 604800 END`;
  return `(left(${name}, -1)::BIGINT * ${unit})`;
}
