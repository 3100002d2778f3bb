import type { CandleInterval } from '../../model/interval.js';
import { type Database, sqlName, sqlText } from '../../storage/database/duckdb.js';
import { bucketExpression } from './candle-sql.js';

const KEY = '"exchange", "market", "symbol"';
const TIME = 'epoch_us("timestamp")';
const GOOD = '("closed" AND coalesce("complete", true))';

/**
 * Returns the candles of which a longer one is made, with their length as `size_us`: the rule of `chosenParts`, in SQL.
 * `parts` are the intervals that the longer one is made of. Each step is a table: nested, the text of the query would
 * grow by a factor with every interval.
 */
export async function partRelation(database: Database, candle: string, parts: readonly CandleInterval[]): Promise<string> {
  const [shortest, ...longer] = [...parts].sort((a, b) => a.size - b.size);
  const ofInterval = ({ name, size }: CandleInterval) =>
    `(SELECT *, ${size}::BIGINT AS size_us FROM ${candle} WHERE "interval" = ${sqlText(name)})`;
  let chosen = ofInterval(shortest as CandleInterval);
  for (const interval of longer) {
    const [shorter, table] = [`shorter_than_${interval.name}`, `parts_up_to_${interval.name}`].map(sqlName) as [string, string];
    await database.run(`CREATE OR REPLACE TEMP TABLE ${shorter} AS SELECT * FROM ${chosen}`);
    await database.run(
      `CREATE OR REPLACE TEMP TABLE ${table} AS SELECT * FROM ${withLonger(shorter, ofInterval(interval), interval.size)}`,
    );
    chosen = table;
  }
  return chosen;
}

function withLonger(shorter: string, longer: string, size: number): string {
  const first = bucketExpression(size, TIME);
  const last = bucketExpression(size, `(${TIME} + size_us - 1)`);
  // A shorter part lies in one longer part, or in two when the intervals do not nest.
  const within = `SELECT ${KEY}, ${first} AS bucket, ${first} <> ${last} AS reaches_out, size_us, ${GOOD} AS good FROM ${shorter}
    UNION ALL SELECT ${KEY}, ${last}, true, size_us, ${GOOD} FROM ${shorter} WHERE ${first} <> ${last}`;
  const inside = `SELECT ${KEY}, bucket, bool_or(reaches_out) AS reaches_out, coalesce(sum(size_us) FILTER (good), 0) AS covered
    FROM (${within}) GROUP BY ALL`;
  const taken = `SELECT longer.* FROM ${longer} AS longer LEFT JOIN (${inside}) AS inside
    ON longer."exchange" = inside."exchange" AND longer."market" = inside."market" AND longer."symbol" = inside."symbol"
      AND epoch_us(longer."timestamp") = inside.bucket
    WHERE inside.bucket IS NULL OR (NOT inside.reaches_out AND inside.covered < ${size} AND ${GOOD})`;
  const replaced = `SELECT ${KEY}, ${TIME} AS bucket FROM (${taken})`;
  return `(WITH replaced AS (${replaced})
    SELECT shorter.* EXCLUDE (bucket) FROM (SELECT *, ${first} AS bucket FROM ${shorter}) AS shorter ANTI JOIN replaced USING (${KEY}, bucket)
    UNION ALL BY NAME ${taken})`;
}
