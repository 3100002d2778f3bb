import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mdtoolHere } from '../support/mdtool-here.js';

const folder = mkdtempSync(join(tmpdir(), 'mdtool-query-files-'));
const path = (name: string) => join(folder, name);
const env = { MDTOOL_STORE: path('no-store') };
const query = (...args: string[]) => mdtoolHere(['query', ...args], { env });
const rowsOf = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

const trade = (id: string, side: string, price: number, second: number) => ({
  type: 'trade',
  exchange: 'bybit',
  market: 'linear',
  symbol: 'BTCUSDT',
  timestamp: 1_700_000_000_000_000 + second * 1_000_000,
  id,
  price,
  amount: 0.5,
  side,
  sequence: '9007199254740993',
});
const TRADES = [trade('007', 'buy', 100, 0), trade('=cmd|x', 'sell', 101.25, 1), trade('-5', 'buy', 99.5, 2)];
const NDJSON = TRADES.map((record) => `${JSON.stringify(record)}\n`).join('');

beforeAll(async () => {
  writeFileSync(path('trades.ndjson'), NDJSON);
  for (const name of ['trades.csv', 'trades.parquet', 'trades.csv.gz']) {
    // Records pass through `candles`' neighbour `import`, which writes every type as it is.
    const { code, stderr } = await mdtoolHere(['import', path('trades.ndjson'), '-o', path(name)], { env });
    expect(code, stderr).toBe(0);
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('query over files', () => {
  it.each(['trades.ndjson', 'trades.csv', 'trades.parquet', 'trades.csv.gz'])(
    'has the columns of the store: %s',
    async (name) => {
      const sql = `select id, typeof(id) as t1, timestamp, typeof(timestamp) as t2, sequence, typeof(sequence) as t3, price from '${path(name)}' order by timestamp`;
      const { stdout, stderr, code } = await query(sql);
      expect(code, stderr).toBe(0);
      expect(rowsOf(stdout)).toEqual(
        TRADES.map(({ id, timestamp, sequence, price }) => ({
          id,
          t1: 'VARCHAR',
          timestamp,
          t2: 'TIMESTAMP WITH TIME ZONE',
          sequence,
          t3: 'BIGINT',
          price,
        })),
      );
    },
  );

  it('makes a number of a column only where every text means exactly that', async () => {
    writeFileSync(
      path('other.csv'),
      'id;order;qty;day;when;flag;mixed;wide\n007;12345678901234567890;1.5;2024-01-02;2024-01-02T03:04:05Z;true;1;0.1234567890123456789\n8;2;-2e3;2024-01-03;2024-01-02T03:04:06+02:00;false;x;1\n',
    );
    const { stdout } = await query(`describe '${path('other.csv')}'`);
    expect(rowsOf(stdout).map(({ column_name, column_type }) => `${column_name} ${column_type}`)).toEqual([
      'id VARCHAR',
      'order VARCHAR',
      'qty DOUBLE',
      'day DATE',
      'when TIMESTAMP WITH TIME ZONE',
      'flag BOOLEAN',
      'mixed VARCHAR',
      'wide VARCHAR',
    ]);
    const sums = await query(`select sum(qty) as s, min("when") as w from o`, '--file', `o=${path('other.csv')}`);
    expect(rowsOf(sums.stdout)).toEqual([{ s: -1998.5, w: 1_704_157_446_000_000 }]);
  });

  it('reads patterns, UTF-16 and names that hide a view of the store', async () => {
    mkdirSync(path('parts'));
    writeFileSync(path('parts/a.csv'), 'a,b\n1,x');
    writeFileSync(path('parts/b.csv'), Buffer.from('\ufeffa,b\n2,y\n', 'utf16le'));
    const all = await query(`select * from trade order by a`, '--file', `trade=${path('parts/*.csv')}`);
    expect(rowsOf(all.stdout)).toEqual([
      { a: 1, b: 'x' },
      { a: 2, b: 'y' },
    ]);
    expect(rowsOf((await query(`summarize '${path('parts/a.csv')}'`)).stdout)).toHaveLength(2);
    expect(rowsOf((await query(`pivot (select side from '${path('trades.csv')}') on side using count(*)`)).stdout)).toMatchObject(
      [{ buy: 2, sell: 1 }],
    );
    const plan = await query(`explain select * from '${path('trades.parquet')}'`, '--format', 'table');
    expect(plan.stdout).toMatch(/PARQUET/i);
  });

  it('writes what it found as Parquet, DuckDB, CSV and NDJSON, and reads it again', async () => {
    const sql = `select side, sum(price) as total, count(*)::hugeint as n, min(timestamp) as first from '${path('trades.csv')}' group by side order by side`;
    const expected = [
      { side: 'buy', total: 199.5, n: 2, first: TRADES[0]?.timestamp },
      { side: 'sell', total: 101.25, n: 1, first: TRADES[1]?.timestamp },
    ];
    for (const name of ['out.parquet', 'out.csv', 'out.ndjson']) {
      const { code, stderr } = await query(sql, '-o', path(name));
      expect(code, stderr).toBe(0);
      expect(rowsOf((await query(`select side, total, n from '${path(name)}'`)).stdout)).toEqual(
        expected.map(({ first: _, ...row }) => row),
      );
    }
    expect(rowsOf((await query(`select first from '${path('out.parquet')}'`)).stdout)).toEqual(
      expected.map(({ first }) => ({ first })),
    );
    expect(await query(sql, '-o', path('out.duckdb'), '--columns', 'n,side', '--limit', '1')).toMatchObject({ code: 0 });
    const { DuckDBInstance } = await import('@duckdb/node-api');
    const instance = await DuckDBInstance.create(path('out.duckdb'), { access_mode: 'READ_ONLY' });
    const connection = await instance.connect();
    expect((await connection.runAndReadAll('FROM result')).getRowsJson()).toEqual([['2', 'buy']]);
    connection.closeSync();
    instance.closeSync();
    expect(await query(sql, '-o', path('out.parquet'))).toMatchObject({ code: 2, stderr: expect.stringContaining('--force') });
    const huge = await query("select '99999999999999999999'::hugeint as h", '-o', path('huge.parquet'));
    expect(huge).toMatchObject({ code: 1, stderr: expect.stringContaining('column h has integers of more than 64 bits') });
  });

  it.each([
    ['a file that is not there', "select * from '/nowhere/x.csv'", 1, /x\.csv: cannot be read \(no such file/],
    ['an address', "select * from 'https://example.com/x.parquet'", 1, /files of this machine only/],
    ['a bucket', "select * from 's3://bucket/x.parquet'", 1, /files of this machine only/],
    ['a file without a known ending', "select * from '/etc/passwd'", 1, /no view "\/etc\/passwd"/],
    ['a spreadsheet', "select * from 'x.xlsx'", 2, /save the sheet as CSV/],
    ['a function that reads', `select * from read_csv('${path('trades.csv')}')`, 1, /read_csv is not allowed/],
    ['a file in an unnamed view', `select * from b`, 1, /no view "b"/],
    ['a column that is misspelled', `select pirce from '${path('trades.csv')}'`, 1, /did you mean price/],
    ['COPY', `copy '${path('trades.csv')}' to 'x.csv'`, 1, /expected one read-only statement/],
    ['ATTACH', `attach '${path('out.duckdb')}'`, 1, /expected one read-only statement/],
    ['SET', 'set enable_external_access = true', 1, /expected one read-only statement/],
    ['INSTALL', 'install httpfs', 1, /expected one read-only statement/],
  ])('refuses %s', async (_, sql, code, message) => {
    const run = await query(sql, '--file', `a=${path('trades.csv')}`);
    expect(run).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(message) });
    expect(run.stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  it.each<[name: string, content: string | Buffer, message: RegExp]>([
    ['cut.csv.gz', gzipSync(`a,b\n${'1,2\n'.repeat(5000)}`).subarray(0, 40), /cut\.csv\.gz: .*incomplete/],
    ['short.csv', 'a,b\n1,2\n3\n', /short\.csv:3: expected 2 columns, found 1/],
    ['twice.csv', 'a,A\n1,2\n', /column A appears twice/],
    ['binary.csv', 'a,b\n1,\xff\n', /binary\.csv/],
    ['nul.csv', 'a,\0b\n1,2\n', /NUL/],
    ['empty.csv', '', /expected a header/],
    ['half.ndjson', '{"a":1}\n{"a":', /half\.ndjson:2: not valid JSON/],
    ['broken.ndjson', '\n{"a":}\n{"a":1}\n', /broken\.ndjson:2: not valid JSON/],
    ['no.parquet', 'hello, world', /not a Parquet file/],
    ['long.csv', `a,b\n1,2\n${'x'.repeat(9 << 20)}`, /long\.csv:3: the line is longer than 8 MB/],
    ['wide.csv', `${Array.from({ length: 10_000 }, (_, index) => `c${index}`).join(',')}\n`, /at most 1000 columns/],
  ])('names what is wrong with %s in one line', async (name, content, message) => {
    writeFileSync(path(name), content, 'latin1');
    const run = await query(`select * from '${path(name)}'`);
    expect(run).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(message) });
    expect(run.stderr.trimEnd().split('\n')).toHaveLength(1);
  });
});

describe('--format, --columns, --limit, --tail', () => {
  const all = (...args: string[]) => mdtoolHere(['import', path('trades.ndjson'), '-o', '-', ...args], { env });

  it('prints JSON, TSV and Markdown of rows and of records', async () => {
    const sql = "select 1 as a, 'x|y' as b union all select 2, null order by a";
    expect((await query(sql, '--format', 'json')).stdout).toBe('[\n{"a":1,"b":"x|y"},\n{"a":2}\n]\n');
    expect((await query('select 1 as a limit 0', '--format', 'json')).stdout).toBe('[]\n');
    expect((await query(sql, '--format', 'markdown')).stdout).toBe('| a | b |\n| ---: | --- |\n| 1 | x\\|y |\n| 2 |  |\n');
    expect((await query(sql, '--format', 'tsv')).stdout).toBe('a\tb\n1\tx|y\n2\t\n');
    expect(JSON.parse((await all('--format', 'json')).stdout)).toEqual(TRADES);
    expect((await all('--format', 'markdown')).stdout).toMatch(/^\| exchange \| .*\n\| --- \|.* ---: \|.*\n\| bybit /);
  });

  it('takes columns in their order, the first rows and the last', async () => {
    const candles = (...args: string[]) => mdtoolHere(['candles', path('trades.ndjson'), '--interval', '1s', ...args], { env });
    expect((await candles('--columns', 'close,timestamp', '--limit', '1', '--format', 'csv')).stdout).toBe(
      'close,timestamp\n100,1700000000000000\n',
    );
    expect(rowsOf((await candles('--columns', 'type,close', '--tail', '2')).stdout)).toEqual([
      { type: 'candle', close: 101.25 },
      { type: 'candle', close: 99.5 },
    ]);
    expect((await candles('--columns', 'close', '--format', 'table')).stdout).toBe(' close\n   100\n101.25\n  99.5\n');
    expect(await candles('--columns', 'closs')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('did you mean close?'),
    });
    expect(await candles('--limit', '1', '--tail', '1')).toMatchObject({ code: 2 });
    expect(await query('select 1 as abc', '--columns', 'abd')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('did you mean abc?'),
    });
    expect(rowsOf((await query('select * from range(20000) t(i)', '--tail', '2')).stdout)).toEqual([{ i: 19998 }, { i: 19999 }]);
    await candles('--columns', 'timestamp,close', '-o', path('some.csv'), '--tail', '1');
    expect(readFileSync(path('some.csv'), 'utf8')).toBe('timestamp,close\n1700000002000000,99.5\n');
  });

  it('keeps spreadsheets from running a text, and reads it back as it was', async () => {
    const text = readFileSync(path('trades.csv'), 'utf8');
    expect(text).toContain(",'=cmd|x,");
    expect(text).toContain(',-5,');
    const again = await mdtoolHere(['features', path('trades.csv'), '--rows', 'micro', '--columns', 'trades'], { env });
    expect(again.code, again.stderr).toBe(0);
    const back = await query(
      `select count(*) as n from a join b using (id)`,
      '--file',
      `a=${path('trades.csv')}`,
      '--file',
      `b=${path('trades.ndjson')}`,
    );
    expect(rowsOf(back.stdout)).toEqual([{ n: 3 }]);
    expect((await query(`select '=1+1' as f, '-3' as n, -4 as m`, '--format', 'csv')).stdout).toBe("f,n,m\n'=1+1,-3,-4\n");
  });
});
