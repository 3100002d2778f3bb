import { UsageError } from '../../model/errors.js';
import { originOf, parseInterval } from '../../model/interval.js';
import type { RecordType } from '../../model/records.js';
import { type Database, sqlName, sqlText } from './duckdb.js';

/** A relation of foreign rows, and the condition that a row can be meant; `checkedCandle` and `plausible` say the same. */
type PlausibleRows = { readonly select: string; readonly condition: string };

/** Returns how foreign rows of a type are read: candles by the shortest name of their interval. */
export async function plausibleRows(database: Database, type: RecordType, select: string): Promise<PlausibleRows> {
  if (type !== 'candle') return plausibleRowsOf(type, select, []);
  const found = await database.rows(`SELECT DISTINCT "interval" FROM (${select}) WHERE "interval" IS NOT NULL`);
  const intervals = found.map(({ interval }) => String(interval));
  return plausibleRowsOf(type, select, intervals);
}

/** As `plausibleRows`; a candle of an interval that is not among `given` cannot be meant. */
export function plausibleRowsOf(type: RecordType, select: string, given: readonly string[]): PlausibleRows {
  if (type === 'trade')
    return {
      select,
      condition: `"price" > 0 AND "amount" > 0 AND ${isNotRounded('"id"', '[0-9]([.][0-9]+)?')}`,
    };
  if (type !== 'candle') return { select, condition: 'true' };
  const intervals = given.flatMap(intervalNamed);
  const named = intervals.map(({ given, name }) => `WHEN ${sqlText(given)} THEN ${sqlText(name)}`);
  const interval = named.length > 0 ? `CASE "interval" ${named.join(' ')} END` : 'NULL::VARCHAR';
  const time = 'epoch_us("timestamp")';
  const aligned = intervals.map(({ name, size, origin }) => `WHEN ${sqlText(name)} THEN (${time} - ${origin}) % ${size} = 0`);
  const condition = [
    aligned.length > 0 ? `CASE "interval" ${aligned.join(' ')} END` : 'false',
    `(${PRICED} OR ("open" IS NULL AND "high" IS NULL AND "low" IS NULL AND "close" IS NULL AND "volume" <= 0))`,
    plausibleAmounts(sqlName),
  ];
  return { select: `SELECT * REPLACE (${interval} AS "interval") FROM (${select})`, condition: condition.join(' AND ') };
}

/**
 * Returns the condition that a text is no number with an exponent, as a spreadsheet writes a long one; `digits` is the pattern
 * before the exponent. Few texts have no hyphen and an `e`: the pattern would cost seven times as much for all.
 */
export function isNotRounded(text: string, digits: string): string {
  const maybe = `contains(${text}, 'e') OR contains(${text}, 'E')`;
  return `CASE WHEN contains(${text}, '-') THEN true WHEN ${maybe} THEN NOT regexp_matches(${text}, '^${digits}[eE][+]?[0-9]+$') ELSE true END`;
}

/** Returns the condition that the amounts of a candle can be meant; `value` is the expression of a column. */
export function plausibleAmounts(value: (name: string) => string): string {
  return [
    ...['volume', 'turnover', 'buy_volume', 'trades'].map((name) => `coalesce(${value(name)}, 0) >= 0`),
    `coalesce(${value('buy_volume')} <= ${value('volume')} * (1 + 1e-9), true)`,
    `NOT coalesce(${value('trades')} = 0 AND ${value('volume')} > 0, false)`,
  ].join(' AND ');
}

const PRICED = `coalesce("open" > 0 AND "high" > 0 AND "low" > 0 AND "close" > 0
  AND "high" >= greatest("open", "close", "low") AND "low" <= least("open", "close"), false)`;

function intervalNamed(given: string): { given: string; name: string; size: number; origin: number }[] {
  try {
    const { name, size } = parseInterval(given);
    return [{ given, name, size, origin: originOf(size) }];
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return [];
  }
}
