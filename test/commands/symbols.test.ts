import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, describe, expect, it } from 'vitest';
import { fixture, tapeLines } from '../support/frames.js';
import { mdtool } from '../support/mdtool.js';

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
    expect(stderr).toMatch(/^symbols: 800 instrument, [\d.]+ s\n$/);
  });

  it('prints one document with --json', async () => {
    const { stdout, code } = await mdtool([...REPLAY, '--match', '^(btc|eth)usdt$', '--json', '--quiet']);
    expect(code).toBe(0);
    const { data, records, exit_code, command } = JSON.parse(stdout);
    expect({ records, exit_code, command }).toEqual({ records: { instrument: 2 }, exit_code: 0, command: 'symbols' });
    expect(data.map(({ symbol }: { symbol: string }) => symbol)).toEqual(['BTCUSDT', 'ETHUSDT']);
  });

  it('refuses a tape of another exchange with 1, naming both', async () => {
    const { stdout, stderr, code } = await mdtool(['symbols', '--replay', TAPE, '--exchange', 'bitget']);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^mdtool: .*expected a tape of bitget, is one of bybit\n$/);
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
    const { stdout, stderr, code } = await mdtool(args, { env });
    expect(code).toBe(5);
    expect(recordsOf(stdout).map(({ canonical }) => canonical)).toEqual(['bybit:linear:BTCUSDT']);
    expect(asked.some((url) => url.startsWith('/v5/market/instruments-info?category=linear'))).toBe(true);
    expect(stderr).toMatch(
      /^mdtool: bitget: 127\.0\.0\.1:1 cannot be reached: the connection was refused after \d attempts .*$/m,
    );
    expect(stderr.trim().split('\n')).toHaveLength(2);
  });
});
