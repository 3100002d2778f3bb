import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mdtoolHere } from '../support/mdtool-here.js';

const TIME = 1_786_310_820_000_000;
const folder = mkdtempSync(join(tmpdir(), 'mdtool-hostile-'));
afterAll(() => rmSync(folder, { recursive: true }));

const HEADER = 'exchange,market,symbol,timestamp,id,price,amount,side';
const trade = (more: Readonly<Record<string, unknown>> = {}) =>
  JSON.stringify({
    ...{ type: 'trade', exchange: 'bybit', market: 'linear', symbol: 'BTCUSDT', timestamp: TIME, id: 'a' },
    ...{ price: 100, amount: 1, side: 'buy', ...more },
  });
/** Bytes that no format begins with, the same in every run. */
const noise = Buffer.from(Array.from({ length: 3_000 }, (_, index) => (index * 73 + 41) % 251));

const FILES: Readonly<Record<string, string | Buffer>> = {
  'noheader.csv': `bybit,linear,BTCUSDT,${TIME},a,100,1,buy\n`,
  'foreign.csv': 'time,open,high,low,close,volume\n2021-01-01,1,2,0.5,1.5,10\n',
  'binary.csv': noise,
  'swapped.csv': `${HEADER}\nbybit,linear,BTCUSDT,${TIME},a,buy,1,100\n`,
  'ragged.csv': `${HEADER}\nbybit,linear\n`,
  'binary.parquet': noise,
  'empty.parquet': '',
  'cut.ndjson.gz': gzipSync(Array.from({ length: 500 }, (_, id) => trade({ id: `${id}` })).join('\n')).subarray(0, 400),
  'bom.ndjson': `\ufeff${trade()}\n`,
  'untyped.ndjson': '{"exchange":"bybit","market":"linear","timestamp":1}\n',
  'unknown.ndjson': '{"type":"clok","timestamp":1}\n',
  'array.ndjson': '[1,2]\n',
  'latin.ndjson': Buffer.from(`${trade({ id: 'a\u00fc' })}\n${trade({ id: 'a\u00fd' })}\n`, 'latin1'),
  'nul.csv': `${HEADER}\nbybit,linear,BTC\u0000USDT,${TIME},a,100,1,buy\n`,
  'nan.ndjson': trade().replace('100', 'NaN'),
  'huge.ndjson': trade({ price: '1e999' }),
  'milliseconds.ndjson': trade({ timestamp: TIME / 1_000 }),
  'sequence.ndjson': trade({ sequence: '99999999999999999999999999' }),
  'interval.ndjson': `{"type":"candle","exchange":"bybit","market":"linear","symbol":"BTCUSDT","timestamp":${TIME},"interval":"potato","open":1,"high":1,"low":1,"close":1,"volume":1,"source":"exchange","closed":true}\n`,
  'bad.toml': 'a = = 1\n',
  'type.toml': '[candles]\ngrace = true\n',
  'kraken.ndjson': '{"tape":1,"exchange":"kraken"}\n',
};

const PARQUET: Readonly<Record<string, string>> = {
  'text-price.parquet': "'abc' AS price",
  'list-price.parquet': '[1.0] AS price',
  'text-time.parquet': "'yesterday' AS timestamp",
  'infinite-time.parquet': "'infinity'::TIMESTAMPTZ AS timestamp",
  'huge-sequence.parquet': '170141183460469231731687303715884105727::HUGEINT AS sequence',
};

beforeAll(async () => {
  for (const [name, content] of Object.entries(FILES)) writeFileSync(join(folder, name), content);
  for (const name of ['folder.csv', 'folder.ndjson', 'folder.parquet', 'other']) mkdirSync(join(folder, name));
  writeFileSync(join(folder, 'other/notes.txt'), 'no store');
  const connection = await (await DuckDBInstance.create()).connect();
  await connection.run(
    `CREATE TABLE trade AS SELECT 'bybit' AS exchange, 'linear' AS market, 'BTCUSDT' AS symbol, make_timestamptz(${TIME}) AS timestamp, 'a' AS id, 100.0 AS price, 1.0 AS amount, 'buy' AS side, 1::HUGEINT AS sequence`,
  );
  await connection.run(`COPY (SELECT 1 AS a, 2 AS b) TO '${join(folder, 'foreign.parquet')}' (FORMAT parquet)`);
  for (const [name, column] of Object.entries(PARQUET))
    await connection.run(`COPY (SELECT * REPLACE (${column}) FROM trade) TO '${join(folder, name)}' (FORMAT parquet)`);
  connection.closeSync();
});

const DAMAGED = 'it is not a Parquet file, or it is damaged';
/** Command line, exit code, and what the first line on stderr says. */
const CASES: readonly (readonly [string, number, string])[] = [
  ['candles noheader.csv', 2, 'a CSV file needs a header line'],
  ['candles foreign.csv', 2, 'candle also needs exchange, market, symbol, timestamp, interval, source, closed'],
  ['candles binary.csv', 2, 'expected the columns of a record type'],
  ['candles swapped.csv', 3, 'row 2: trade.price: expected a finite number, was buy'],
  ['candles ragged.csv', 3, 'row 2: expected 8 cells, found 2'],
  ['candles folder.csv', 1, 'expected a file, found a directory'],
  ['features folder.ndjson', 1, 'expected a file, found a directory'],
  ['candles folder.parquet', 1, 'expected a file, found a directory'],
  ['candles binary.parquet', 1, DAMAGED],
  ['signals empty.parquet', 1, DAMAGED],
  ['features foreign.parquet', 2, 'found a, b; none of these is a column of a record'],
  ['candles text-price.parquet', 1, 'column price: unexpected value "abc"'],
  ['features list-price.parquet', 1, 'column price: expected DOUBLE, found'],
  ['candles text-time.parquet', 1, 'column timestamp: expected a time, found "yesterday"'],
  ['candles infinite-time.parquet', 3, '1 row is not a valid record'],
  ['candles huge-sequence.parquet', 1, 'column sequence: 1.7014118346046923e+38 is out of range'],
  ['backtest text-price.parquet --strategy grid', 1, 'column price: unexpected value "abc"'],
  ['candles cut.ndjson.gz -o cut.csv', 3, 'the gzip stream is incomplete'],
  ['candles untyped.ndjson', 3, 'expected a record type, was undefined'],
  ['candles unknown.ndjson', 3, 'expected a record type, was clok'],
  ['candles array.ndjson', 3, 'expected a JSON object, was [1,2]'],
  ['candles latin.ndjson', 3, 'trade.id: expected UTF-8 text, was a'],
  ['candles nul.csv', 3, 'trade.symbol: expected UTF-8 text, was BTC\\u0000USDT'],
  ['candles nan.ndjson', 3, 'expected a JSON object, was '],
  ['candles huge.ndjson', 3, 'trade.price: expected a finite number, was 1e999'],
  ['candles milliseconds.ndjson', 3, 'which may be milliseconds'],
  ['candles sequence.ndjson', 3, 'trade.sequence: expected a 64-bit integer as text'],
  ['candles interval.ndjson --source exchange --interval 5m', 3, 'candle.interval: expected whole seconds from 1s to 1w'],
  ['candles --config bad.toml', 2, 'bad.toml, line 1, column 5: not valid TOML'],
  ['candles --config type.toml', 2, 'type.toml: [candles] grace: expected a duration'],
  ['candles --store other', 2, 'is not an mdtool store'],
  ['query --store other', 2, 'is not an mdtool store'],
  ['stream --replay kraken.ndjson', 1, 'expected a tape of bitget or bybit, found a tape of kraken'],
  ['symbols --replay bom.ndjson', 1, 'expected a tape, whose first line is'],
  ['compact --rebuild-log', 2, 'unknown flag --rebuild-log'],
  ['compact --keep trade=90d,trade=1d', 2, 'mdtool: --keep: trade appears twice'],
];

describe('input that cannot be meant', () => {
  it.each(CASES)('%s ends with %i: %s', async (line, expected, text) => {
    const { stdout, stderr, code } = await mdtoolHere(line.split(' '), { cwd: folder });
    expect([code, stdout]).toEqual([expected, '']);
    expect(stderr.split('\n')[0]).toContain(text);
    expect(stderr).not.toMatch(/internal error|(?:Conversion|Binder|IO|Invalid Input|Out of Range) Error|; clock also| {4}at /);
  });

  it.each([
    ['SELECT nope FROM trade', 'SQL: Referenced column "nope" not found'],
    ["SELECT cast('abc' AS int)", "SQL: Could not convert string 'abc' to INT32"],
    ["SELECT repeat('x', 1000000000000)", 'SQL: Cannot create a string of size'],
  ])('%s', async (sql, text) => {
    mkdirSync(join(folder, 'none'), { recursive: true });
    const { stderr, code } = await mdtoolHere(['query', sql, '--store', 'none'], { cwd: folder });
    expect(code).toBe(1);
    expect(stderr).toContain(text);
    expect(stderr).not.toMatch(/ Error: /);
  });

  it('reads NDJSON with a byte order mark', async () => {
    const { stdout, code } = await mdtoolHere(['candles', 'bom.ndjson'], { cwd: folder });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ type: 'candle', close: 100, trades: 1 });
  });
});
