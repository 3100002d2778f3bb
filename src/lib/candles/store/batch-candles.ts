import { type CandleInterval, isMadeOf, parseInterval } from '../../model/interval.js';
import type { Market } from '../../model/records.js';
import { type Database, sqlName, sqlText } from '../../storage/database/duckdb.js';
import { recordOrder, tableDefinition } from '../../storage/database/record-table.js';
import type { CandleOptions } from '../options.js';
import { type CandleRelations, CLOCKS, createClocks, createOpenGaps, OPEN_GAPS } from './batch-tables.js';
import { type CandleQuery, candleSelect } from './candle-sql.js';
import { partRelation } from './part-relation.js';

const SERIES = '"exchange", "market", "symbol"';

/**
 * Creates a table with the candles of all trades (or smaller candles) in the relations at once, late ones included. A
 * symbol that has trades is built from them. Returns the number of smaller candles that were not used.
 */
export async function createBatchCandles(
  database: Database,
  table: string,
  relations: CandleRelations,
  options: CandleOptions,
): Promise<{ unused: number }> {
  const { source } = options;
  const trade = source === 'trades' ? relations.trade : `(SELECT * FROM ${relations.trade} WHERE false)`;
  const position = relations.known?.position;
  const candle = `(SELECT * FROM ${relations.candle} ANTI JOIN (SELECT DISTINCT ${SERIES} FROM ${trade}) USING (${SERIES})
    WHERE "source" = '${source}')`;
  await createClocks(database, { ...relations, trade, candle });
  const settings = {
    ...options,
    clocks: CLOCKS,
    openGaps: (await createOpenGaps(database, relations.gap, options)) ? OPEN_GAPS : undefined,
    countsQuote: await quoteCondition(database, options),
  };
  await database.run(`CREATE OR REPLACE TEMP TABLE ${sqlName(table)} (${tableDefinition('candle')})`);
  const insert = (query: CandleQuery) => database.run(`INSERT INTO ${sqlName(table)} ${candleSelect(query)}`);
  const parts = await intervalsIn(database, candle);
  for (const interval of options.intervals) {
    await insert({ ...settings, interval, input: 'trade', relation: trade, position });
    const fitting = parts.filter((part) => isMadeOf(interval, part));
    if (fitting.length > 0)
      await insert({ ...settings, interval, input: 'candle', relation: await partRelation(database, candle, fitting) });
  }
  const unfit = parts.filter((part) => !options.intervals.some((interval) => isMadeOf(interval, part)));
  const unused = await database.number(`SELECT count(*) FROM ${candle} WHERE "interval" IN (${namesOf(unfit)})`);
  return {
    unused:
      unused +
      (await database.number(`SELECT count(*) FROM ${relations.candle}`)) -
      (await database.number(`SELECT count(*) FROM ${candle}`)),
  };
}

/**
 * Returns the SELECT whose rows are the candles of one interval from trades alone, in the order of `inTime`; `shown` is the
 * condition of the wanted ones. Of one market only the narrowest rows are sorted, which takes most of the time beside
 * writing.
 */
export async function batchCandleSelect(
  database: Database,
  relations: CandleRelations,
  options: CandleOptions,
  shown: string | undefined,
): Promise<string> {
  await createClocks(database, relations);
  const [interval] = options.intervals as [CandleInterval];
  const clocks = await database.rows(`SELECT "exchange", "market", now FROM ${CLOCKS}`);
  const [clock, second] = clocks;
  const { known, trade: relation } = relations;
  const countsQuote = await quoteCondition(database, options);
  const query = {
    ...options,
    interval,
    input: 'trade',
    relation,
    position: known?.position,
    clocks: CLOCKS,
    countsQuote,
  } as const;
  if (!clock || second || shown !== undefined)
    return `SELECT * FROM (${candleSelect(query)}) WHERE ${shown ?? 'true'} ORDER BY ${recordOrder('candle')}`;
  const only = { exchange: String(clock.exchange), market: String(clock.market), now: Number(clock.now) };
  return candleSelect({ ...query, only }, '(SELECT * FROM opened ORDER BY bucket, arrival NULLS FIRST, "symbol" NULLS FIRST)');
}

/** Returns the condition that amounts count the quote asset, undefined where none of the markets in the clocks does so. */
export async function quoteCondition(database: Database, { amountUnit }: CandleOptions): Promise<string | undefined> {
  const markets = await database.rows(`SELECT "exchange", "market" FROM ${CLOCKS}`);
  const counting = markets.filter(({ exchange, market }) => amountUnit(String(exchange), market as Market) === 'quote');
  const rows = counting.map(({ exchange, market }) => `(${sqlText(String(exchange))}, ${sqlText(String(market))})`);
  return rows.length > 0 ? `("exchange", "market") IN (${rows.join(', ')})` : undefined;
}

async function intervalsIn(database: Database, candle: string): Promise<CandleInterval[]> {
  const rows = await database.rows(`SELECT DISTINCT "interval" FROM ${candle}`);
  return rows.map(({ interval }) => parseInterval(String(interval)));
}

function namesOf(intervals: readonly CandleInterval[]): string {
  return intervals.map(({ name }) => sqlText(name)).join(', ') || 'NULL';
}
