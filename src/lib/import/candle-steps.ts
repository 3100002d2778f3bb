import { UsageError } from '../model/errors.js';
import { parseInterval } from '../model/interval.js';
import { formatDuration } from '../model/time.js';
import type { Staging } from './staging.js';

/** The number of equal steps that shows the interval of candles. */
const EQUAL = 3;
/** Where candles without trades are left out, steps differ: the number that shows it, if all are multiples of the least. */
const MULTIPLES = 10;

/**
 * Refuses candles whose starts lie further apart than the interval that is given for them: an hour would be stored as a
 * minute. Throws a `UsageError`.
 */
export async function requireStepsOfInterval(staging: Staging): Promise<void> {
  if (!staging.types.includes('candle') || !staging.hasForeign('candle')) return;
  const series = '"exchange", "market", "symbol", "interval", "source"';
  const steps = `(SELECT ${series}, epoch_us("timestamp") - lag(epoch_us("timestamp")) OVER (PARTITION BY ${series} ORDER BY "timestamp") AS step
    FROM ${staging.relation('candle')} WHERE "foreign")`;
  const least = `(SELECT *, min(step) OVER (PARTITION BY ${series}) AS least FROM ${steps} WHERE step > 0)`;
  const rows = await staging.database.rows(
    `SELECT "symbol", "interval", least, count(*) AS steps, count(*) FILTER (step <> least) AS longer FROM ${least}
     GROUP BY ${series}, least HAVING bool_and(step % least = 0) ORDER BY "symbol"`,
  );
  for (const { symbol, interval, least: apart, steps: count, longer } of rows) {
    const isShown = Number(count) >= MULTIPLES || (Number(count) >= EQUAL && Number(longer) === 0);
    if (!isShown || Number(apart) <= parseInterval(String(interval)).size) continue;
    const length = formatDuration(Number(apart));
    throw new UsageError(
      `candles of ${symbol} begin ${length} apart, and their interval is ${interval}; give --interval ${length}`,
    );
  }
}
