import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { fixture, tapeLines } from '../support/frames.js';
import { mdtool } from '../support/mdtool.js';
import { mdtoolHere } from '../support/mdtool-here.js';

const TAPE = fixture('bybit-v5.tape.ndjson.gz');
const REPLAY = ['symbols', '--replay', TAPE, '--exchange', 'bybit', '--market', 'linear'];

const recordsOf = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('symbols --replay', () => {
  it('lists the 800 recorded contracts with ticks, lots and names', async () => {
    const { stdout, stderr, code } = await mdtool([...REPLAY, '--quote', 'all', '--kind', 'all', '--format', 'ndjson']);
    expect(code).toBe(0);
    const records = recordsOf(stdout);
    expect(records).toHaveLength(800);
    expect(records.find(({ symbol }) => symbol === 'BTCUSDT')).toMatchObject({
      type: 'instrument',
      tick_size: 0.1,
      lot_size: 0.001,
      ccxt: 'BTC/USDT:USDT',
      canonical: 'bybit:linear:BTCUSDT',
    });
    expect(stderr).toMatch(/^symbols: 800 instruments in [\d.]+ s\n$/);
  });

  it('prints one document with --json', async () => {
    const { stdout, code } = await mdtoolHere([...REPLAY, '--match', '^(btc|eth)usdt$', '--json', '--quiet']);
    expect(code).toBe(0);
    const { data, records, exit_code, command } = JSON.parse(stdout);
    expect({ records, exit_code, command }).toEqual({ records: { instrument: 2 }, exit_code: 0, command: 'symbols' });
    expect(data.map(({ symbol }: { symbol: string }) => symbol)).toEqual(['BTCUSDT', 'ETHUSDT']);
  });

  it('refuses a tape of another exchange with 1, naming both', async () => {
    const { stdout, stderr, code } = await mdtoolHere(['symbols', '--replay', TAPE, '--exchange', 'bitget']);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^mdtool: .*expected a tape of bitget, found a tape of bybit\n$/);
  });
});

describe('symbols from REST', () => {
  const body = String(tapeLines('bybit-v5.tape.ndjson.gz').find(({ http }) => String(http).includes('category=linear'))?.body);
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.end(body);
  });
  const listening = new Promise<string>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
  });
  afterAll(() => server.close());

  it('asks the endpoint of the settings, and prints what came when another exchange is not there', async () => {
    const env = { MDTOOL_BYBIT_REST_URL: await listening, MDTOOL_BITGET_REST_URL: 'http://127.0.0.1:1', NO_PROXY: '*' };
    const args = ['symbols', '--market', 'linear', '--match', '^BTCUSDT$', '--exchange', 'bybit,bitget'];
    const { stdout, stderr, code } = await mdtoolHere(args, { env });
    expect(code).toBe(5);
    expect(recordsOf(stdout).map(({ canonical }) => canonical)).toEqual(['bybit:linear:BTCUSDT']);
    expect(asked.some((url) => url.startsWith('/v5/market/instruments-info?category=linear'))).toBe(true);
    expect(stderr).toMatch(/^mdtool: bitget: 127\.0\.0\.1:1 refused the connection after \d attempts .*$/m);
    expect(stderr.trim().split('\n')).toHaveLength(2);
    // A symbol that was not found may stand in the list that could not be had.
    const named = await mdtoolHere(['symbols', '--market', 'linear', '--symbols', 'NOSUCHUSDT', '--exchange', 'bybit,bitget'], {
      env,
    });
    expect([named.code, named.stderr]).toEqual([5, expect.not.stringContaining('unknown symbol')]);
  });
});

describe('symbols with a store', () => {
  const body = String(tapeLines('bybit-v5.tape.ndjson.gz').find(({ http }) => String(http).includes('category=linear'))?.body);
  const directory = mkdtempSync(join(tmpdir(), 'symbols store '));
  type Row = { symbol: string; baseCoin: string; priceFilter: { tickSize: string } };
  let edit = (rows: Row[]): Row[] => rows;
  const server = createServer((_, response) => {
    const answer = JSON.parse(body);
    answer.result.list = edit(answer.result.list);
    response.end(JSON.stringify(answer));
  });
  const listening = new Promise<string>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
  });
  afterAll(() => {
    server.close();
    rmSync(directory, { recursive: true });
  });
  const symbols = async (...args: string[]) =>
    mdtoolHere(['symbols', '--exchange', 'bybit', '--market', 'linear', ...args], {
      env: { MDTOOL_BYBIT_REST_URL: await listening, MDTOOL_STORE: join(directory, 'store'), NO_PROXY: '*' },
    });

  it('keeps lists, tells them as of a time, and what has changed; falls back on the last one', { timeout: 60_000 }, async () => {
    expect((await symbols('--replay', TAPE, '--match', '^BTCUSDT$')).code).toBe(0);
    expect((await symbols('--match', '^BTCUSDT$')).code).toBe(0);
    expect(existsSync(join(directory, 'store')), 'only -o store makes a store').toBe(false);
    expect((await symbols('-o', 'store', '--notation', 'ccxt')).code).toBe(2);
    expect((await symbols('-o', 'store', '--match', '^BTCUSDT$')).code).toBe(0);
    const moment = new Date().toISOString();
    edit = (rows) => {
      const [btc] = rows.filter(({ symbol }) => symbol === 'BTCUSDT') as [Row];
      const changed = { ...btc, priceFilter: { ...btc.priceFilter, tickSize: '0.50' } };
      const rest = rows.filter(({ symbol }) => symbol !== 'BTCUSDT' && symbol !== 'ETHUSDT');
      return [...rest, changed, { ...btc, symbol: 'NEWUSDT', baseCoin: 'NEW' }];
    };
    const diff = await symbols('--diff', moment);
    expect(recordsOf(diff.stdout)).toMatchObject([
      { symbol: 'BTCUSDT', change: 'changed', changed: { tick_size: [0.1, 0.5] }, tick_size: 0.5 },
      { symbol: 'ETHUSDT', change: 'gone' },
      { symbol: 'NEWUSDT', change: 'new' },
    ]);
    expect(diff.code).toBe(0);

    const then = await symbols('--as-of', moment, '--match', '^(BTC|ETH|NEW)USDT$');
    expect(recordsOf(then.stdout)).toMatchObject([{ symbol: 'BTCUSDT', tick_size: 0.1 }, { symbol: 'ETHUSDT' }]);
    expect((await symbols('--as-of', '2020-01-01')).code).toBe(1);

    server.close();
    server.closeAllConnections();
    const fallback = await symbols('--match', '^(BTC|ETH|NEW)USDT$');
    expect(fallback.code).toBe(0);
    expect(recordsOf(fallback.stdout)).toMatchObject([{ symbol: 'BTCUSDT', tick_size: 0.5 }, { symbol: 'NEWUSDT' }]);
    expect(fallback.stderr).toMatch(
      /^mdtool: warning: bybit linear: .* refused the connection .*last good list of the store \(20.*Z, .* old\)$/m,
    );
    // Against an old list nothing would ever have changed.
    const unknown = await symbols('--diff', moment);
    expect([unknown.code, unknown.stdout]).toEqual([5, '']);
  });
});
