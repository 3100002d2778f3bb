import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CONFORMANCE_VERSION } from '../../src/lib/execution/live/conformance/result.js';
import { type AccountServer, startAccountServer } from '../support/exchange-server/accounts/server.js';
import { mdtoolHere } from '../support/mdtool-here.js';

const folder = mkdtempSync(join(tmpdir(), 'mdtool-conformance-'));
const store = join(folder, 'store');
const file = join(store, 'state', 'conformance', 'bybit-unified.json');
let server: AccountServer;

beforeAll(async () => {
  server = await startAccountServer('bybit', { symbols: { linear: 2 }, strangers: false });
  server.market.setPrice('ETHUSDT', '100.00');
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

function opened(environment: 'demo' | 'live') {
  const owner = server.desk.open({ environment });
  const keys = server.keyVariables(server.desk.createKey(owner));
  return { owner, env: { ...server.environment, ...keys, XDG_CONFIG_HOME: folder } };
}

const probe = (env: Record<string, string>, ...more: string[]) =>
  mdtoolHere(['keys', 'test', '-e', 'bybit', '--conformance', '--store', store, ...more], { env });

const live = (...more: string[]) => {
  const ladder = ['--deposit', '1000', '--leverage', '10', '--levels', '4', '--coverage', '4%', '--take-profit', '2%'];
  const limits = ['--live', '--max-deposit', '1000', '--max-loss', '50'];
  const where = ['-e', 'bybit', '-s', 'ETHUSDT', '--store', store];
  return mdtoolHere(['grid', 'run', 'x', ...where, ...ladder, ...limits, ...more], { env: opened('live').env });
};

it('a demo account confirms, and only then real money may begin a run', async () => {
  const { env, owner } = opened('demo');
  const before = await live();
  expect([before.code, before.stderr]).toEqual([2, expect.stringMatching(/no demo account has confirmed.*keys test --demo/)]);
  const { code, stdout, stderr } = await probe(env, '--demo');
  expect([code, stderr]).toEqual([0, expect.stringMatching(/the last read of ETHUSDT shows no order and no position/)]);
  expect(stdout).toMatch(/a client id is sent again while its order rests +refused as duplicate.* as assumed/);
  expect(server.desk.engine.orders.openOf(owner)).toEqual([]);
  expect(server.desk.violations).toEqual([]);
  const after = await live();
  expect([after.code, after.stderr]).toEqual([2, expect.stringMatching(/--confirm ETHUSDT/)]);
}, 60_000);

it.each([
  [
    'that contradicts',
    (text: string) => text.replace('"as assumed"', '"contradicts"'),
    /contradicts what mdtool assumes: leverage \(S39\)/,
  ],
  [
    'of an earlier version',
    (text: string) => text.replace(`"conformanceVersion": ${CONFORMANCE_VERSION}`, '"conformanceVersion": 0'),
    /is of an earlier mdtool/,
  ],
  ['that is cut', (text: string) => text.slice(0, 100), /cannot be read/],
  ['of another exchange', (text: string) => text.replace('"bybit"', '"bitget"'), /no result of that account family/],
])('a result %s confirms nothing', async (_, spoil, expected) => {
  const whole = readFileSync(file, 'utf8');
  writeFileSync(file, spoil(whole));
  const refused = await live();
  expect([refused.code === 0, refused.stderr]).toEqual([false, expect.stringMatching(expected)]);
  writeFileSync(file, whole);
});

it('a result of one position mode confirms nothing for the other', async () => {
  const hedge = () => live('--position-mode', 'hedge');
  expect((await hedge()).stderr.replace(/\s+/g, ' ')).toMatch(
    /bybit \(unified, hedge mode\).*with the demo account in hedge mode/,
  );
  const other = file.replace('unified', 'unified-hedge');
  const whole = readFileSync(file, 'utf8');
  writeFileSync(other, whole);
  expect((await hedge()).stderr).toMatch(/no result of that account family and position mode/);
  writeFileSync(other, whole.replace('"positionMode": "one_way"', '"positionMode": "hedge"'));
  expect((await hedge()).stderr).toMatch(/--confirm ETHUSDT/);
});

it('a live key is never probed', async () => {
  const before = server.desk.requests.length;
  const { code, stderr } = await probe(opened('live').env);
  expect([code, stderr]).toEqual([2, expect.stringMatching(/expected a demo key, was a live one/)]);
  expect(server.desk.requests.slice(before).filter(({ writes }) => writes)).toEqual([]);
});
