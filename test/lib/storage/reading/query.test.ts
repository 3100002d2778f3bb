import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Database } from '../../../../src/lib/storage/database/duckdb.js';
import { closeSandbox, isView, queryStore } from '../../../../src/lib/storage/reading/query.js';
import { planStatement } from '../../../../src/lib/storage/reading/query-guard.js';
import { openSnapshot, STORED_TYPES } from '../../../../src/lib/storage/reading/store-snapshot.js';
import { openStoreWriter } from '../../../../src/lib/storage/store-writer.js';
import { rowsOf, START, temporaryDirectory, trades, writeRun } from '../support.js';

const directory = mkdtempSync(join(tmpdir(), 'query-'));
const hostage = join(directory, '..', `hostage-${process.pid}`);

let planner: Database;

beforeAll(async () => {
  planner = await Database.open();
  await writeRun(directory, trades(0, 100));
  // Open records are there too.
  const writer = await openStoreWriter(directory, { step: 'test' });
  await writer.write(trades(100, 110));
});
afterAll(async () => {
  await planner.close();
  rmSync(directory, { recursive: true });
  rmSync(hostage, { recursive: true, force: true });
});

const HOSTILE = [
  `COPY trade TO '${hostage}'`,
  `COPY (SELECT 1) TO '${hostage}' (FORMAT csv)`,
  `COPY trade FROM '/etc/passwd'`,
  `WITH a AS (SELECT 1) COPY (SELECT * FROM trade) TO '${hostage}'`,
  `ATTACH '${hostage}' AS other`,
  `ATTACH ':memory:' AS other`,
  `DETACH memory`,
  `USE temp`,
  'INSTALL httpfs',
  'LOAD httpfs',
  'FORCE INSTALL spatial',
  'SET enable_external_access = true',
  'SET lock_configuration = false',
  "SET allowed_paths = ['/etc/passwd']",
  'RESET enable_external_access',
  'SET VARIABLE x = 1',
  'PRAGMA enable_profiling',
  'PRAGMA database_list',
  'CALL pragma_version()',
  'CALL enable_logging()',
  "SELECT * FROM read_csv('/etc/passwd')",
  "SELECT * FROM read_csv_auto('/etc/passwd')",
  "SELECT * FROM read_text('/etc/passwd')",
  "SELECT * FROM read_blob('/etc/*')",
  "SELECT * FROM read_json('/etc/passwd')",
  "SELECT * FROM read_ndjson_objects('/etc/passwd')",
  "SELECT * FROM read_parquet('/tmp/*.parquet')",
  "SELECT * FROM parquet_metadata('/tmp/x.parquet')",
  "SELECT * FROM sniff_csv('/etc/passwd')",
  "SELECT * FROM glob('/etc/*')",
  "SELECT * FROM '/etc/passwd'",
  "FROM '/tmp/x.csv'",
  "SELECT * FROM 'https://example.com/x.parquet'",
  "WITH a AS (SELECT * FROM read_text('/etc/passwd')) SELECT * FROM a",
  "WITH RECURSIVE a AS (SELECT 1 UNION ALL SELECT * FROM read_text('/etc/passwd')) SELECT * FROM a",
  "SELECT (SELECT content FROM read_text('/etc/passwd'))",
  "SELECT * FROM trade WHERE id IN (SELECT content FROM read_text('/etc/passwd'))",
  "SELECT * FROM trade JOIN LATERAL (SELECT * FROM read_text('/etc/passwd')) ON true",
  "SELECT 1 UNION ALL SELECT size FROM read_text('/etc/passwd')",
  "SELECT * FROM trade ORDER BY (SELECT max(content) FROM read_text('/etc/passwd'))",
  "SELECT * FROM (VALUES (1)) EXCEPT SELECT size FROM read_blob('/etc/passwd')",
  "DESCRIBE SELECT * FROM read_csv('/etc/passwd')",
  "SUMMARIZE SELECT * FROM read_csv('/etc/passwd')",
  "SELECT * FROM query('SELECT 1')",
  "SELECT * FROM query_table('trade')",
  'SELECT * FROM duckdb_settings()',
  'SELECT * FROM duckdb_secrets()',
  'SELECT * FROM pragma_database_list()',
  'SELECT * FROM enable_logging()',
  "SELECT getenv('HOME')",
  "SELECT current_setting('temp_directory')",
  "SELECT write_log('x')",
  "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
  'SELECT 1; SELECT 2',
  `SELECT 1; COPY trade TO '${hostage}'`,
  'CREATE TABLE x AS SELECT * FROM trade',
  'CREATE OR REPLACE VIEW trade AS SELECT 1',
  'CREATE MACRO f() AS 1',
  'DROP VIEW trade',
  'INSERT INTO trade SELECT * FROM trade',
  'UPDATE trade SET price = 0',
  'DELETE FROM trade',
  'TRUNCATE trade',
  'ALTER TABLE trade RENAME TO x',
  'MERGE INTO trade USING trade t ON true WHEN MATCHED THEN DELETE',
  `EXPORT DATABASE '${hostage}'`,
  'IMPORT DATABASE x',
  'CHECKPOINT',
  'VACUUM',
  'ANALYZE',
  'BEGIN',
  'PREPARE p AS SELECT 1',
  'EXECUTE p',
  'EXPLAIN ANALYZE SELECT 1',
  'PIVOT trade ON side USING count(*); SELECT 2',
  "PIVOT '/etc/passwd' ON side USING count(*)",
  "PIVOT (SELECT * FROM read_csv('/etc/passwd')) ON side USING count(*)",
  "PIVOT trade ON getenv('HOME') USING count(*)",
  "PIVOT trade ON (SELECT max(content) FROM read_text('/etc/passwd')) USING count(*)",
  "PIVOT trade ON ' IN (1)' || side || '/*' USING count(*) FROM read_csv('/etc/passwd')",
  "WITH p AS (PIVOT trade ON side USING count(*)) SELECT * FROM p, read_text('/etc/passwd')",
  "EXPLAIN SELECT * FROM read_csv('/etc/passwd')",
  'EXPLAIN COPY trade TO x',
  'EXPLAIN EXPLAIN SELECT 1',
  "SELECT * FROM (PIVOT (SELECT * FROM read_csv('/etc/passwd')) ON a IN (1) USING count(*))",
  'CREATE SECRET s (TYPE s3)',
  'SELECT * FROM system.main.duckdb_settings',
  'SELECT * FROM pg_catalog.pg_settings',
  'SELECT * FROM other.main.trade',
  '',
  'nonsense',
];

const ORDINARY: [sql: string, rows: number][] = [
  ['SELECT * FROM trade', 110],
  ['select symbol, count(*) as n, sum(price * amount) from Trade group by all order by all;', 2],
  ['-- a comment\nSELECT 1 -- and another', 1],
  ['FROM trade LIMIT 3', 3],
  ['VALUES (1), (2)', 2],
  ["WITH t AS (SELECT * FROM trade), u AS (SELECT * FROM t WHERE side = 'buy') SELECT count(*) FROM u", 1],
  ['WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT * FROM r', 5],
  ['SELECT id, avg(price) OVER (PARTITION BY symbol ORDER BY timestamp ROWS 5 PRECEDING) FROM trade', 110],
  ['SELECT t.id, m.mark FROM trade t ASOF LEFT JOIN mark_price m ON t.symbol = m.symbol AND t.timestamp >= m.timestamp', 110],
  ["SELECT time_bucket(INTERVAL '1s', timestamp) AS s, arg_max(price, (timestamp, id)) FROM trade GROUP BY s", 1],
  ['SELECT * FROM trade QUALIFY row_number() OVER (PARTITION BY symbol ORDER BY timestamp DESC) = 1', 2],
  ['SELECT * FROM trade WHERE price > (SELECT avg(price) FROM trade)', 55],
  ['DESCRIBE trade', 11],
  ['SUMMARIZE trade', 11],
  ['SUMMARIZE SELECT price FROM trade', 1],
  ['EXPLAIN SELECT * FROM trade', 1],
  ['PIVOT trade ON side USING sum(amount) GROUP BY symbol', 2],
  ['-- a comment\nPIVOT trade ON side, symbol USING count(*), sum(amount) GROUP BY exchange ORDER BY exchange LIMIT 5;', 1],
  ['FROM (PIVOT (SELECT side, symbol FROM trade) ON upper(side) USING count(*))', 2],
  ['WITH p AS (PIVOT trade ON side USING count(*) GROUP BY symbol) FROM p', 2],
  ['SHOW TABLES', 24],
  ['SELECT table_name FROM information_schema.tables', 24],
  ["PIVOT (SELECT symbol, side, amount FROM trade) ON side IN ('buy', 'sell') USING sum(amount)", 2],
  ['UNPIVOT (SELECT 1 AS a, 2 AS b) ON a, b', 2],
  ['SELECT unnest([1, 2, 3])', 3],
  ['SELECT * FROM range(4) t(i), unnest([i])', 4],
  ['SELECT bids[1][1] FROM book_snapshot', 0],
  ['SELECT * FROM candle_1m UNION ALL SELECT * FROM candle_exchange_15m', 0],
  ['SELECT * FROM trade EXCEPT SELECT * FROM trade', 0],
  ['SELECT quantile_cont(price, 0.5), regr_slope(price, epoch(timestamp)), list(id)[1:2] FROM trade', 1],
];

describe('queryStore', () => {
  it('has hostile cases enough', () => expect(HOSTILE.length).toBeGreaterThan(70));

  it.each(HOSTILE)('refuses %s', async (sql) => {
    // The first lock: most statements never come further, and this one holds without the second.
    await expect(planStatement(planner, sql, { isView, isFile: () => false })).rejects.toMatchObject({
      exitCode: 1,
      message: expect.not.stringContaining('\n'),
    });
  });

  it('refuses them from outside, and leaves nothing behind', async () => {
    const before = await readdir(directory, { recursive: true });
    for (const sql of HOSTILE.filter((_, index) => index % 6 === 0))
      await expect(queryStore(directory, sql), sql).rejects.toMatchObject({ exitCode: 1 });
    expect(existsSync(hostage)).toBe(false);
    expect(await readdir(directory, { recursive: true })).toEqual(before);
  });

  it.each([
    `COPY (SELECT 2) TO '${hostage}'`,
    `COPY (SELECT 1) TO '${join(directory, 'trade', 'x.csv')}'`,
    `ATTACH '${hostage}'`,
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM glob('/etc/*')",
    'SET enable_external_access = true',
    'INSTALL httpfs',
    'LOAD httpfs',
  ])('holds with the first lock open: %s', async (sql) => {
    const snapshot = await openSnapshot(directory);
    await closeSandbox(snapshot);
    await expect(snapshot.database.run(sql)).rejects.toThrow(/disabled|locked|cannot|permission|does not exist/i);
    await snapshot.close();
    expect(existsSync(hostage)).toBe(false);
  });

  it.each(ORDINARY)('answers %s', async (sql, rows) => {
    expect(await rowsOf(directory, sql)).toHaveLength(rows);
  });

  it('reads nothing but the files of the store even when the check of the statement has a hole', async () => {
    // What the guard lets through runs in a session that cannot open other files.
    const sql = "WITH passwd AS (SELECT 1) SELECT * FROM passwd, (SELECT '/etc/passwd' AS name)";
    expect(await rowsOf(directory, sql)).toEqual([[1, '/etc/passwd']]);
    const masked = `WITH "/etc/passwd" AS (SELECT 1 AS a) SELECT (SELECT count(*) FROM "/etc/passwd") FROM trade LIMIT 1`;
    expect(await rowsOf(directory, masked)).toEqual([[1]]);
    const scoped = `SELECT * FROM (WITH "/etc/passwd" AS (SELECT 1) SELECT 2) a, '/etc/passwd'`;
    await expect(rowsOf(directory, scoped)).rejects.toThrow(/\/etc\/passwd/);
  });

  it('gives exact values: times in microseconds, long integers and decimals as text, nothing for NULL and NaN', async () => {
    const sql = `SELECT timestamp, sequence, count(*) AS n, sum(1)::HUGEINT AS small, 12.50::DECIMAL(10, 2) AS decimal, NULL AS nothing,
      'nan'::DOUBLE AS nan, [1, NULL, 2] AS list, {'a': timestamp, 'b': 2} AS struct, DATE '2026-11-20' AS day, true AS flag
      FROM trade WHERE id = 't7' GROUP BY ALL`;
    const result = await queryStore(directory, sql);
    const rows = [];
    for await (const batch of result.rows()) rows.push(...batch);
    await result.close();
    const time = START + 7000;
    expect(rows).toEqual([
      [time, '9007199254741000', 1, 1, '12.50', undefined, undefined, [1, null, 2], { a: time, b: 2 }, '2026-11-20', true],
    ]);
    const kinds = result.columns.map(({ kind }) => kind);
    expect(kinds).toEqual(['time', 'number', 'number', 'number', 'number', 'number', 'number', 'json', 'json', 'text', 'flag']);
  });

  it('keeps the order of the statement over many rows', async () => {
    const rows = await rowsOf(directory, 'SELECT (i * 7919) % 100003 AS n FROM range(100003) t(i) ORDER BY n DESC');
    expect(rows.map(([n]) => n)).toEqual(Array.from({ length: 100_003 }, (_, index) => 100_002 - index));
  });

  it('binds parameters by name, numbers as numbers, and says that some are missing', async () => {
    const sql = 'SELECT count(*) FROM trade WHERE symbol = $symbol AND price >= $price AND timestamp < $until LIMIT $limit';
    const parameters = { symbol: 'BTCUSDT', price: '101.25', until: '2026-11-20T10:00:00.050Z', limit: '5' };
    const result = await queryStore(directory, sql, { parameters });
    for await (const rows of result.rows()) expect(rows).toEqual([[20]]);
    await result.close();
    await expect(queryStore(directory, sql)).rejects.toThrow(/4 parameters/);
  });

  it('shows the selected records only', async () => {
    const selection = { symbols: ['BTCUSDT'], since: START + 20_000 };
    const result = await queryStore(directory, 'SELECT count(*), min(timestamp) FROM trade', { selection });
    for await (const rows of result.rows()) expect(rows).toEqual([[45, START + 20_000]]);
    await result.close();
  });

  it('has every view with its columns and no rows over an empty store', async () => {
    const empty = await temporaryDirectory();
    for (const type of STORED_TYPES) expect(await rowsOf(empty, `SELECT * FROM "${type}"`)).toEqual([]);
    const columns = await rowsOf(empty, 'DESCRIBE candle_1m');
    expect(columns.slice(0, 6).map(([name, type]) => `${name} ${type}`)).toEqual([
      'type VARCHAR',
      'exchange VARCHAR',
      'market VARCHAR',
      'symbol VARCHAR',
      'timestamp TIMESTAMP WITH TIME ZONE',
      'local_timestamp TIMESTAMP WITH TIME ZONE',
    ]);
  });

  it('explains a mistake in one line', async () => {
    await expect(rowsOf(directory, 'SELECT pric FROM trade')).rejects.toThrow(/^SQL: .*pric/);
    await expect(rowsOf(directory, 'SELECT * FROM trades')).rejects.toThrow(/no view "trades"/);
    await expect(rowsOf(directory, 'SELEC 1')).rejects.toThrow(/^SQL: .*SELEC/);
  });
});
