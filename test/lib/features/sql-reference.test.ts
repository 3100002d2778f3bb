import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AnyRecord } from '../../../src/lib/model/records.js';
import { Database } from '../../../src/lib/storage/database/duckdb.js';
import { TableAppender } from '../../../src/lib/storage/database/table-appender.js';
import { featureRun } from '../../support/feature-runs.js';
import { replayed } from '../../support/replayed.js';
import { syntheticMarket } from '../../support/synthetic-market.js';

/** Every feature of seconds as one plain SQL expression over the seconds of a symbol; `w` is the window, ending now. */
const W = (seconds: number) => `(PARTITION BY exchange, market, symbol ORDER BY "timestamp" ROWS ${seconds - 1} PRECEDING)`;
const BEFORE = (column: string, seconds: number) =>
  `lag(${column}, ${seconds}) OVER (PARTITION BY exchange, market, symbol ORDER BY "timestamp")`;
const Z = (column: string, seconds: number) =>
  `CASE WHEN count(${column}) OVER ${W(seconds)} = ${seconds} THEN (${column} - avg(${column}) OVER ${W(seconds)}) / nullif(stddev_samp(${column}) OVER ${W(seconds)}, 0) END`;
const SQL: Readonly<Record<string, string>> = {
  delta_z: `CASE WHEN sum((trades > 0)::INT) OVER ${W(30)} >= 6 THEN ${Z('delta', 30)} END`,
  imb_shift: `imbalance - ${BEFORE('imbalance', 10)}`,
  ofi: `CASE WHEN count(ofi) OVER ${W(10)} = 10 THEN sum(ofi) OVER ${W(10)} END`,
  microprice_dev_bps: '((ask * bid_amount + bid * ask_amount) / (bid_amount + ask_amount) / ((bid + ask) / 2) - 1) * 10000',
  mark_dev_z: Z('deviation', 25),
  oi_z: Z('change', 20),
  realized_vol: `CASE WHEN count(square) OVER ${W(15)} = 15 THEN sqrt(sum(square) OVER ${W(15)} * 31536000 / 15) END`,
  basis_bps: '(mark / "index" - 1) * 10000',
  funding_rate: 'funding_rate',
  spread_bps: '(ask - bid) / ((bid + ask) / 2) * 10000',
};
const WINDOWS = new Map([
  ['delta_z', 30],
  ['imb_shift', 10],
  ['ofi', 10],
  ['mark_dev_z', 25],
  ['oi_z', 20],
  ['realized_vol', 15],
]);
const START = 1_795_168_800_000_000;

let database: Database;
let tables = 0;
beforeAll(async () => {
  database = await Database.open();
});
afterAll(() => database.close());

/** Returns, by feature, how many values were compared and the first that differ. */
async function compared(records: readonly AnyRecord[]): Promise<Record<string, { values: number; wrong: unknown[] }>> {
  const { micro, features } = featureRun(records, { windows: WINDOWS });
  const names = { micro: `micro_${tables}`, features: `features_${tables++}` };
  for (const [type, rows] of [['micro', micro] as const, ['features', features] as const]) {
    const appender = await TableAppender.create(database, type, names[type]);
    await appender.append(rows);
    await appender.flush();
  }
  const seconds = `SELECT *, (mark - close) / close AS deviation, open_interest - ${BEFORE('open_interest', 60)} AS change,
    ln(close / ${BEFORE('close', 1)}) ** 2 AS square FROM ${names.micro}`;
  const columns = Object.entries(SQL).map(([name, expression]) => `${expression} AS sql_${name}`);
  await database.run(
    `CREATE OR REPLACE TEMP TABLE both_ways AS SELECT f.*, s.* EXCLUDE (exchange, market, symbol, "timestamp") FROM ${names.features} f
     JOIN (SELECT exchange, market, symbol, "timestamp", ${columns.join(', ')} FROM (${seconds})) s USING (exchange, market, symbol, "timestamp")`,
  );
  const found: Record<string, { values: number; wrong: unknown[] }> = {};
  for (const name of Object.keys(SQL)) {
    const wrong = await database.rows(
      `SELECT "timestamp"::VARCHAR AS at, symbol, ${name} AS given, sql_${name} AS expected FROM both_ways
       WHERE NOT coalesce(abs(${name} - sql_${name}) <= 1e-7 * greatest(1, abs(sql_${name})), ${name} IS NULL AND sql_${name} IS NULL) LIMIT 3`,
    );
    found[name] = { values: await database.number(`SELECT count(${name}) FROM both_ways`), wrong };
  }
  return found;
}

describe('features are what plain SQL over the seconds gives', () => {
  it.each([1, 2, 3])('on a synthetic market (seed %i)', async (seed) => {
    const found = await compared([...syntheticMarket({ seed, start: START, hours: 0.3, denseHours: 0.3, events: [] })]);
    for (const [name, { values, wrong }] of Object.entries(found)) {
      expect([name, wrong]).toEqual([name, []]);
      expect(values, name).toBeGreaterThan(900);
    }
  });

  it.each([
    ['fixtures/bybit-v5.tape.ndjson.gz', 'bybit'],
    ['fixtures/bitget-v2.tape.ndjson.gz', 'bitget'],
  ])('on the tape %s', async (tape, exchange) => {
    const { records } = await replayed([tape], exchange, ['trade', 'ticker', 'book']);
    const found = await compared(records);
    for (const [name, { wrong }] of Object.entries(found)) expect([name, wrong]).toEqual([name, []]);
    expect(found.spread_bps?.values).toBeGreaterThan(20);
  });
});
