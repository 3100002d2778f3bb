import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ExchangeServer, startExchangeServer } from '../support/exchange-server/index.js';
import { mdtoolHere } from '../support/mdtool-here.js';

let directory: string;
let server: ExchangeServer;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'instrument-fallback-'));
  server = await startExchangeServer('bitget', {
    symbols: { linear: 2 },
    strangers: false,
    rate: 50,
    timeScale: 20,
    history: { trades: 200, duration: 3_600_000 },
  });
});

afterEach(async () => {
  await server.close();
  rmSync(directory, { recursive: true });
});

const REFUSAL = '{"code":"40034","msg":"Parameter does not exist","requestTime":1,"data":null}';
const EMPTY = '{"code":"00000","msg":"success","requestTime":1,"data":[]}';

/** From now on one list is answered so. */
const spoil = (path: RegExp, body: string) => server.faults.http({ kind: 'answer', status: 200, body }, { times: 1_000, path });
/** Lists are asked for before anything is subscribed: the pace of subscriptions would only be waited for. */
const AT_ONCE = { MDTOOL_BITGET_SUBSCRIBE_DELAY: '0', MDTOOL_BITGET_SUBSCRIBE_DELAY_JITTER: '0' };
const run = (...args: string[]) =>
  mdtoolHere([...args, '--store', join(directory, 'store')], { env: { ...server.environment, ...AT_ONCE }, cwd: directory });
const BITGET = ['--exchange', 'bitget', '--market', 'linear'];
const STREAM = ['stream', ...BITGET, '--count', '5', '--repair-max', '0'];
const PAST = ['backfill', ...BITGET, '--symbols', 'BTCUSDT', '--channels', 'candle', '--interval', '1m', '--since', '30m'];
const GRID = [
  'grid',
  'plan',
  ...BITGET,
  '--symbols',
  'BTCUSDT',
  '--deposit',
  '100',
  '--maintenance-rate',
  '0.5%',
  '--price',
  '100',
  '--coverage',
  '4%',
];
const V3 = /bitget linear: .*contracts.*; using \/api\/v3\/market\/instruments/;
const STORED = /bitget linear: .*; using the last good list of the store \(20\S+Z, less than 1m old\)/;

describe.each([
  ['refused', REFUSAL],
  ['empty', EMPTY],
])('where the list of contracts is %s', (_, body) => {
  it.each<[string, string[]]>([
    ['symbols', ['symbols', ...BITGET, '-o', 'out.ndjson']],
    ['stream', [...STREAM, '-o', 'out.ndjson']],
    ['backfill', [...PAST, '-o', 'out.ndjson']],
    ['grid plan', [...GRID, '-o', 'out.ndjson']],
  ])('%s uses the list of v3 and says so', async (_name, args) => {
    spoil(/contracts\?productType=USDT-FUTURES/, body);
    const { code, stderr } = await run(...args);
    expect(stderr).toMatch(V3);
    expect(code, stderr).toBe(0);
    expect(readFileSync(join(directory, 'out.ndjson'), 'utf8')).toContain('"exchange":"bitget"');
  });
});

describe('where no list can be had', () => {
  it.each<[string, string[]]>([
    ['symbols', ['symbols', ...BITGET, '-o', 'out.ndjson']],
    ['stream', [...STREAM, '-o', 'out.ndjson']],
    ['backfill', [...PAST, '-o', 'out.ndjson']],
    ['grid plan', [...GRID, '-o', 'out.ndjson']],
  ])('%s uses the last good list of the store and says so', async (_name, args) => {
    expect((await run('symbols', ...BITGET, '-o', 'store')).code).toBe(0);
    spoil(/contracts\?productType=USDT-FUTURES|v3\/market\/instruments/, REFUSAL);
    const { code, stderr } = await run(...args);
    expect(stderr).toMatch(STORED);
    expect(code, stderr).toBe(0);
    expect(readFileSync(join(directory, 'out.ndjson'), 'utf8')).toContain('"exchange":"bitget"');
  });

  it('and none is stored, a command ends as unreachable with the first reason', async () => {
    spoil(/contracts\?productType=USDT-FUTURES|v3\/market\/instruments/, REFUSAL);
    const { code, stderr } = await run('symbols', ...BITGET);
    expect(code).toBe(5);
    expect(stderr).toMatch(/40034.*contracts/);
  });
});
