import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixture } from '../support/frames.js';
import { finished, mdtool, start } from '../support/mdtool.js';
import { mdtoolHere } from '../support/mdtool-here.js';

const BYBIT = fixture('bybit-v5.tape.ndjson.gz');
const folder = mkdtempSync(join(tmpdir(), 'mdtool-query-'));
const env = { MDTOOL_STORE: join(folder, 'data') };
const REPLAY = ['stream', '--replay', BYBIT, '--channels', 'trade,ticker,book,candle', '-o', 'store'];

beforeAll(async () => {
  const { stderr, code } = await mdtoolHere(REPLAY, { env });
  expect(code, stderr).toBe(0);
});
afterAll(() => rmSync(folder, { recursive: true }));

const rowsOf = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
const query = (...args: string[]) => mdtoolHere(['query', ...args], { env });

describe('query', () => {
  it('lists what the store holds when nothing is asked', async () => {
    const { stdout, stderr, code } = await mdtool(['query'], { env });
    const views = new Map(rowsOf(stdout).map(({ view, ...facts }) => [view, facts]));
    expect(code).toBe(0);
    expect(views.get('trade')).toEqual({ records: 90, first: expect.any(Number), last: expect.any(Number) });
    expect([...views.keys()]).toEqual(expect.arrayContaining(['ticker', 'book_snapshot', 'candle', 'candle_exchange_1m']));
    expect(stderr).toMatch(/^query: \d+ rows?\n$/);
  });

  it('gives sequences as text whatever their size, as records do', async () => {
    const { stdout } = await query("select sequence from trade where market = 'linear' union all select null limit 80");
    const kinds = new Set(rowsOf(stdout).map(({ sequence }) => typeof sequence));
    expect([...kinds].sort()).toEqual(['string', 'undefined']);
  });

  it('prints times as ISO in a table, as microseconds elsewhere', async () => {
    const sql = "select symbol, timestamp, price from trade where market = 'linear' order by timestamp limit 1";
    const table = await query(sql, '--format', 'table');
    expect(table.stdout).toMatch(/^symbol +timestamp +price\nBTCUSDT +2026-08-09T21:26:59\.680Z +65114\.2\n$/);
    expect(rowsOf((await query(sql)).stdout)).toEqual([{ symbol: 'BTCUSDT', timestamp: 1786310819680000, price: 65114.2 }]);
    expect((await query(sql, '--format', 'csv')).stdout).toBe('symbol,timestamp,price\nBTCUSDT,1786310819680000,65114.2\n');
  });

  it('gives one document with the rows under data', async () => {
    const { stdout } = await query('--json', 'select 1 as a, null as b');
    expect(JSON.parse(stdout)).toMatchObject({ command: 'query', exit_code: 0, rows: 1, data: [{ a: 1 }] });
    expect(await query('--json', '-o', '-', 'select 1')).toMatchObject({ code: 2 });
  });

  it('takes the statement from a file or stdin, and parameters', async () => {
    const file = join(folder, 'count.sql');
    writeFileSync(file, '-- trades of a symbol\nselect count(*) as n from trade where symbol = $symbol and price > $price;\n');
    const { stdout } = await query('--file', file, '--param', 'symbol=ETHUSDT', '--param', 'price=1.5', '--market', 'linear');
    expect(rowsOf(stdout)).toEqual([{ n: 23 }]);
    expect(rowsOf((await mdtool(['query', '-'], { env, input: 'select 7 as n' })).stdout)).toEqual([{ n: 7 }]);
    expect(await query('select 1', '--file', file)).toMatchObject({ code: 2, stderr: expect.stringContaining('not both') });
    expect(await query('select $a', '--param', 'a')).toMatchObject({ code: 2, stderr: expect.stringContaining('NAME=VALUE') });
  });

  it('shows selected records only, symbols in any spelling', async () => {
    const args = ['--symbols', 'ETH/USDT:USDT', '--market', 'linear', '--exchange', 'bybit'];
    expect(rowsOf((await query('select count(*) as n from trade', ...args)).stdout)).toEqual([{ n: 23 }]);
    expect((await query('select * from trade', '--until', '2026-01-01')).stdout).toBe('');
  });

  it('writes rows to files that appear whole, and refuses one that exists', async () => {
    const file = join(folder, 'out.csv');
    expect(await query('select 1 as a', '-o', file)).toMatchObject({ code: 0, stdout: '' });
    expect(await readFile(file, 'utf8')).toBe('a\n1\n');
    expect(await query('select 2 as a', '-o', file)).toMatchObject({ code: 2 });
    expect(await query('select 2 as a', '-o', file, '--force')).toMatchObject({ code: 0 });
    expect(readFileSync(file, 'utf8')).toBe('a\n2\n');
    expect(await query('select 1', '-o', join(folder, 'x.xlsx'))).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('FILE.csv'),
    });
  });

  it.each([
    ['a mistake', 'select pric from trade', /^mdtool: SQL: .*pric.*\n$/],
    ['a statement that writes', "copy trade to '/tmp/x'", /^mdtool: expected one read-only statement.*\n$/],
    ['a view that does not exist', 'select * from trades', /^mdtool: no view "trades"; did you mean trade\?.*\n$/],
  ])('ends with 1 and one line: %s', async (_, sql, message) => {
    expect(await query(sql)).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(message) });
  });

  it('refuses a directory that is no store, naming it, and finds a new one empty', async () => {
    expect(await query('select 1', '--store', folder)).toMatchObject({ code: 2, stderr: expect.stringContaining(folder) });
    const nowhere = join(folder, 'new');
    expect(await query('select * from trade', '--store', nowhere)).toMatchObject({ code: 2, stdout: '' });
    expect(await query('select 1 as n', '--store', nowhere)).toMatchObject({ code: 0, stdout: '{"n":1}\n' });
    mkdirSync(nowhere);
    expect(await query('select * from trade', '--store', nowhere)).toMatchObject({ code: 0, stdout: '' });
  });

  it('ends quietly when its reader leaves', async () => {
    const child = start(['query', 'select i, repeat(i::text, 50) from range(200000) t(i)'], { env });
    child.stdout?.once('data', () => child.stdout?.destroy());
    expect((await finished(child)).code).toBe(0);
  });
});

describe('stream -o store', () => {
  it('stores a tape once, however often it is replayed', async () => {
    const before = (await query()).stdout;
    const { stderr, code } = await mdtoolHere(REPLAY, { env });
    expect(code).toBe(0);
    expect(stderr).toMatch(/duplicate records? skipped/);
    expect((await query()).stdout).toBe(before);
  });

  it('prints a line only when it is stored', async () => {
    const store = join(folder, 'killed');
    const args = [
      'stream',
      '--replay',
      BYBIT,
      '--channels',
      'trade,book',
      '--speed',
      '20',
      '-o',
      '-',
      '-o',
      'store',
      '--store',
      store,
    ];
    const child = start(args);
    let seen = '';
    child.stdout?.on('data', (chunk) => {
      seen += chunk;
      if (seen.split('"type":"trade"').length > 30) child.kill('SIGKILL');
    });
    const { stdout } = await finished(child);
    const printed = rowsOf(stdout.slice(0, stdout.lastIndexOf('\n'))).filter(({ type }) => type === 'trade');
    const stored = await mdtoolHere(['query', 'select id from trade', '--store', store]);
    const ids = rowsOf(stored.stdout).map(({ id }) => id);
    expect(printed.length).toBeGreaterThan(5);
    expect(ids).toEqual(expect.arrayContaining(printed.map(({ id }) => id)));
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('writes Parquet and DuckDB files beside it', async () => {
    const args = ['-o', join(folder, '{type}.parquet'), '-o', join(folder, 'tape.duckdb')];
    const { code, stderr } = await mdtoolHere(['stream', '--replay', BYBIT, ...args]);
    expect(code, stderr).toBe(0);
    expect(readFileSync(join(folder, 'trade.parquet')).subarray(0, 4).toString()).toBe('PAR1');
    expect(readFileSync(join(folder, 'tape.duckdb')).subarray(8, 12).toString()).toBe('DUCK');
  });
});
