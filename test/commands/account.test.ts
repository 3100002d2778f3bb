import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXCHANGES } from '../../src/lib/exchanges/index.js';
import type { AccountFamily, OrderIntent, PrivateSide } from '../../src/lib/exchanges/private-side.js';
import type { NewAccount, NewKey } from '../support/exchange-server/accounts/desk.js';
import { type AccountServer, startAccountServer } from '../support/exchange-server/accounts/server.js';
import { ROOT } from '../support/mdtool.js';
import { mdtoolHere } from '../support/mdtool-here.js';
import { SignedClient } from '../support-tests/accounts/signed-client.js';

const folder = mkdtempSync(join(tmpdir(), 'mdtool-account-'));
const servers = new Map<string, AccountServer>();
const QUIET = { symbols: { linear: 2 }, strangers: false } as const;

beforeAll(async () => {
  for (const id of ['bitget', 'bybit']) servers.set(id, await startAccountServer(id, QUIET));
});
afterAll(async () => {
  for (const server of servers.values()) await server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Opens an account with a key; returns its server and the variables that use both. */
function opened(id: string, account: NewAccount = {}, given: NewKey = {}, server = servers.get(id) as AccountServer) {
  const owner = server.desk.open(account);
  const key = server.desk.createKey(owner, given);
  return { server, owner, key, env: { ...server.environment, ...server.keyVariables(key), XDG_CONFIG_HOME: folder } };
}

const linesOf = (text: string) =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);

const KINDS = [
  ['bitget', {}],
  ['bitget', { family: 'classic' }],
  ['bybit', {}],
  ['bybit', { holdMode: 'hedge' }],
] as const;

describe('account', () => {
  it.each(KINDS)('%s %o: balances, positions, orders and fills are those of the exchange; no write', async (id, account) => {
    const { server, key, env } = opened(id, account);
    server.market.setPrice('ETHUSDT', '100.00');
    const side = EXCHANGES.find((exchange) => exchange.id === id)?.privateSide as PrivateSide;
    const family = side.families.find((one) => one.id === ('family' in account ? account.family : 'unified')) as AccountFamily;
    const positionSide = 'holdMode' in account ? ('short' as const) : undefined;
    const order: OrderIntent = {
      market: 'linear',
      symbol: 'ETHUSDT',
      settle: 'USDT',
      clientId: 'first',
      side: 'sell',
      positionSide,
      kind: 'market',
      amount: '2',
      reduces: false,
      marginMode: 'isolated',
    };
    const trader = new SignedClient(server.desk, key);
    const rest: OrderIntent = { ...order, clientId: 'second', kind: 'limit', price: '130', amount: '1' };
    for (const one of [order, rest]) {
      const { path, body } = family.writes.place(one);
      expect(trader.ask('POST', path, JSON.parse(body as string)).code).toBe(id === 'bitget' ? '00000' : '0');
    }
    const before = server.desk.requests.length;
    const { stdout, stderr, code } = await mdtoolHere(['account', '-e', id, '--demo'], { env });
    const records = linesOf(stdout);
    const of = (type: string) => records.filter((record) => record.type === type);
    expect([code, stderr]).toEqual([0, expect.stringMatching(/^account: 1 balance, 1 position, 1 order, 1 fill/)]);
    expect(of('balance')).toMatchObject([{ exchange: id, account: 'default', mode: 'demo', asset: 'USDT' }]);
    const [fill] = of('fill');
    expect(fill).toMatchObject({
      symbol: 'ETHUSDT',
      side: 'sell',
      amount: 2,
      liquidity: 'taker',
      fee_asset: 'USDT',
      cause: 'order',
    });
    // A paid fee is positive on every exchange, and the balance has lost it.
    expect(fill?.fee).toBeGreaterThan(0);
    expect(of('balance')[0]?.total).toBeCloseTo(10_000 - (fill?.fee as number), 8);
    expect(of('position')).toMatchObject([{ position_side: 'short', amount: 2, average: fill?.price, margin_mode: 'isolated' }]);
    expect(of('order')).toMatchObject([{ client_id: 'second', side: 'sell', price: 130, amount: 1, filled: 0, status: 'new' }]);
    const seen = server.desk.requests.slice(before);
    expect(seen.length).toBeGreaterThan(4);
    expect(seen.filter(({ writes }) => writes)).toEqual([]);
    expect(server.desk.violations).toEqual([]);
  });

  const causes: [string, string, NewAccount, NewKey, Record<string, string>, RegExp][] = [
    ['a wrong key', 'bitget', {}, {}, { MDTOOL_BITGET_KEY: 'wrong-key-0001' }, /the key or its secret is wrong/],
    ['a wrong key', 'bybit', {}, {}, { MDTOOL_BYBIT_KEY: 'wrong-key-0001' }, /the key is wrong, or it is a live key/],
    ['a wrong passphrase', 'bitget', {}, {}, { MDTOOL_BITGET_PASSPHRASE: 'wrong-phrase' }, /the passphrase is probably wrong/],
    ['a live key on the demo side', 'bitget', { environment: 'live' }, {}, {}, /probably a live key used as a demo key/],
    ['a live key on the demo side', 'bybit', { environment: 'live' }, {}, {}, /it is a live key used as a demo key/],
    ['an address that is not bound', 'bitget', {}, { ips: ['203.0.113.9'] }, {}, /bound to other IP addresses/],
    ['an address that is not bound', 'bybit', {}, { ips: ['203.0.113.9'] }, {}, /bound to other IP addresses/],
    ['a missing permission', 'bitget', {}, { manage: 'none' }, {}, /lacks a permission/],
    ['a missing permission', 'bybit', {}, { trade: 'none', manage: 'none' }, {}, /lacks a permission/],
    ['an account of a wrong family', 'bybit', { family: 'classic' }, {}, {}, /not unified \(UTA 2\.0\): upgrade it/],
  ];
  it.each(causes)('exit 5 names the likely cause: %s, %s', async (_, id, account, given, wrong, expected) => {
    const { env } = opened(id, account, given);
    const { stdout, stderr, code } = await mdtoolHere(['account', '-e', id, '--demo'], { env: { ...env, ...wrong } });
    expect([code, stdout]).toEqual([5, '']);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toMatch(expected);
  });

  it('exit 5 names an account that changes its family while it is read: bitget', async () => {
    const { server, env } = opened('bitget');
    server.desk.faults.request({ when: 'before', answer: { code: '40085' } }, { path: /position/ });
    const { stdout, stderr, code } = await mdtoolHere(['account', '-e', 'bitget', '--demo'], { env });
    expect([code, stdout]).toEqual([5, '']);
    expect(stderr).toMatch(/^mdtool: bitget account default: .*40085.*of the other family \(unified or classic\).*\n$/);
  });

  it.each(['bitget', 'bybit'])('exit 5 names a clock that is 40 s off: %s', async (id) => {
    const late = await startAccountServer(id, { ...QUIET, start: Date.now() + 40_000 });
    try {
      const { env } = opened(id, {}, {}, late);
      const { stderr, code } = await mdtoolHere(['account', '-e', id, '--demo'], { env });
      expect(code).toBe(5);
      expect(stderr).toMatch(/^mdtool: the clock of this host is (?:39|40)\.\d s behind \w+; set it/);
    } finally {
      await late.close();
    }
  });

  it('keys test shows what a key may do; one that may withdraw is exit 4, one that cannot be used exit 5', async () => {
    for (const id of ['bitget', 'bybit']) {
      const good = await mdtoolHere(['keys', 'test', '-e', id, '--demo'], { env: opened(id).env });
      expect([good.code, good.stdout]).toEqual([0, expect.stringMatching(/account +unified[\s\S]*withdraw +no/)]);
      expect(good.stderr).toMatch(/not bound to an IP address/);
      const bad = await mdtoolHere(['keys', 'test', '-e', id, '--demo'], { env: opened(id, {}, { canWithdraw: true }).env });
      expect([bad.code, bad.stderr]).toEqual([4, expect.stringMatching(/may withdraw/)]);
      const revoked = await mdtoolHere(['keys', 'test', '-e', id, '--demo'], { env: opened(id, {}, { isRevoked: true }).env });
      expect(revoked.code).toBe(5);
    }
  });

  it('signs for no foreign host', async () => {
    const { env } = opened('bybit');
    const { stderr, code } = await mdtoolHere(['account', '-e', 'bybit', '--demo'], {
      env: { ...env, MDTOOL_BYBIT_DEMO_REST_URL: 'https://evil.example' },
    });
    expect([code, stderr]).toEqual([2, expect.stringMatching(/evil\.example is not a documented host of the exchange/)]);
    const plain = await mdtoolHere(['account', '-e', 'bybit', '--demo', '--accept-endpoint', 'evil.example'], {
      env: { ...env, MDTOOL_BYBIT_DEMO_REST_URL: 'http://evil.example' },
    });
    expect([plain.code, plain.stderr]).toEqual([2, expect.stringMatching(/signed requests need https/)]);
  });

  it('adds, lists, uses and removes a stored key; there is no flag for a secret', async () => {
    const { key, env } = opened('bitget');
    const {
      MDTOOL_BITGET_KEY: _k,
      MDTOOL_BITGET_SECRET: _s,
      MDTOOL_BITGET_PASSPHRASE: _p,
      ...rest
    } = env as Record<string, string>;
    const input = JSON.stringify({ key: key.key, secret: key.secret, passphrase: key.passphrase });
    const added = await mdtoolHere(['keys', 'add', 'mine', '-e', 'bitget', '--demo'], { env: rest, input });
    expect([added.code, added.stdout]).toEqual([0, '']);
    const listed = await mdtoolHere(['keys', 'list'], { env: rest });
    expect(listed.stdout).toMatch(new RegExp(`bitget +mine +demo +file +…${key.key.slice(-4)}`));
    const used = await mdtoolHere(['account', 'balances', '--account', 'mine'], { env: rest });
    expect([used.code, linesOf(used.stdout)]).toEqual([0, [expect.objectContaining({ account: 'mine', total: 10_000 })]]);
    const removed = await mdtoolHere(['keys', 'remove', 'mine', '-e', 'bitget'], { env: rest });
    const none = await mdtoolHere(['account', '--account', 'mine'], { env: rest });
    expect([removed.code, none.code, none.stderr]).toEqual([0, 2, expect.stringMatching(/no key bitget\/mine; add it with/)]);
    const flag = await mdtoolHere(['keys', 'add', 'x', '-e', 'bitget', '--secret', 'CANARY-in-a-flag'], { env: rest });
    expect(flag.code).toBe(2);
  });
});

describe('the store of an account', () => {
  it('answers queries over balance, position and order', async () => {
    const { server, key, env } = opened('bybit');
    server.market.setPrice('ETHUSDT', '100.00');
    const trader = new SignedClient(server.desk, key);
    const order = { category: 'linear', symbol: 'ETHUSDT', side: 'Buy', positionIdx: 0 };
    trader.ask('POST', '/v5/order/create', { ...order, orderType: 'Market', qty: '2', orderLinkId: 'a' });
    trader.ask('POST', '/v5/order/create', { ...order, orderType: 'Limit', qty: '1', price: '90', orderLinkId: 'b' });
    const store = ['--store', join(folder, 'queried')];
    expect((await mdtoolHere(['account', '-e', 'bybit', '--demo', '-o', 'store', ...store], { env })).code).toBe(0);
    const sql = 'SELECT b.asset, p.amount, o.client_id, o.price FROM balance b, position p, "order" o WHERE p.symbol = o.symbol';
    const { stdout, code } = await mdtoolHere(['query', sql, '--format', 'ndjson', ...store], { env });
    expect([code, linesOf(stdout)]).toEqual([0, [{ asset: 'USDT', amount: 2, client_id: 'b', price: 90 }]]);
  });
});

describe('secrets', () => {
  it.each(['bitget', 'bybit'])('appear in no byte of any output, over every error path: %s', async (id) => {
    const { server, key, env } = opened(id);
    const canaries = [key.key, key.secret, key.passphrase];
    const { faults } = server.desk;
    const store = join(folder, `store-${id}`);
    // Bitget: a ban; Bybit: a forbidden country. Both end the command at once, with the body as the reason.
    const echo = { status: id === 'bitget' ? 429 : 403, body: `<html>${canaries.join(' ')}</html>` };
    const refused = { code: id === 'bitget' ? '40009' : '10004', message: canaries.join(' ') };
    const [family, position] = [/settings|account.info/, /position/];
    const runs: [string[], () => void][] = [
      [['--store', store, '-o', 'store'], () => {}],
      [['--log-format', 'json'], () => faults.request({ when: 'before', answer: echo }, { path: family })],
      [['--json'], () => faults.request({ when: 'before', answer: refused }, { path: family })],
      [[], () => faults.request({ when: 'before', answer: refused }, { path: position })],
      [
        ['--json'],
        () => faults.request({ when: 'before', answer: { status: 200, body: canaries.join(' ') } }, { path: position }),
      ],
    ];
    const texts: string[] = [];
    const codes: (number | null)[] = [];
    for (const [more, spoil] of runs) {
      spoil();
      const { stdout, stderr, code } = await mdtoolHere(['account', '-e', id, '--demo', '--log-level', 'debug', ...more], {
        env,
      });
      texts.push(stdout, stderr);
      codes.push(code);
    }
    expect(codes).toEqual([0, 5, 5, 5, 0]);
    const { stdout, stderr } = await mdtoolHere(['doctor', '--offline', '--json'], { env });
    const files = (readdirSync(folder, { recursive: true }) as string[]).map((name) => join(folder, name));
    const bytes = files.filter((path) => statSync(path).isFile()).map((path) => readFileSync(path, 'latin1'));
    const all = [...texts, stdout, stderr, ...bytes];
    for (const canary of canaries) expect(all.filter((text) => text.includes(canary))).toEqual([]);
  });

  it('stay out of everything around a file of encrypted keys, its passphrase right, wrong or missing', async () => {
    const { key, env, server } = opened('bybit');
    const home = join(folder, 'encrypted');
    const file = join(folder, 'passphrase.txt');
    const passphrase = 'canary of the key file';
    const { MDTOOL_BYBIT_KEY: _, MDTOOL_BYBIT_SECRET: __, ...rest } = env as Readonly<Record<string, string>>;
    const own = { ...rest, XDG_CONFIG_HOME: home, MDTOOL_PASSPHRASE_FILE: file };
    const entry = JSON.stringify({ key: key.key, secret: key.secret });
    const ask = (...args: string[]) => mdtoolHere([...args, '-e', 'bybit', '--log-level', 'debug'], { env: own });
    writeFileSync(file, `${passphrase}\n`, { mode: 0o600 });
    const add = ['keys', 'add', 'main', '-e', 'bybit', '--demo', '--backend', 'encrypted', '--log-level', 'debug'];
    const added = await mdtoolHere(add, { env: own, input: entry });
    const right = await ask('account', 'balances', '--account', 'main', '--demo', '--json');
    writeFileSync(file, 'canary that is wrong\n', { mode: 0o600 });
    const wrong = await ask('account', 'balances', '--account', 'main', '--demo', '--json');
    rmSync(file);
    const missing = await ask('keys', 'test', 'main');
    expect([added.code, right.code]).toEqual([0, 0]);
    expect([wrong.code, missing.code]).not.toContain(0);
    expect(server.desk.requests.length).toBeGreaterThan(0);
    const stored = (readdirSync(home, { recursive: true }) as string[]).map((name) => join(home, name));
    const bytes = stored.filter((path) => statSync(path).isFile()).map((path) => readFileSync(path, 'latin1'));
    const all = [added, right, wrong, missing].flatMap(({ stdout, stderr }) => [stdout, stderr]).concat(bytes);
    for (const canary of [key.key, key.secret, passphrase, 'canary that is wrong'])
      expect(all.filter((text) => text.includes(canary))).toEqual([]);
  });

  it('stay out of what Node prints when it crashes with one in memory', () => {
    const code = `import { Secret } from './src/lib/secrets/secret.ts';
      const held = { secret: new Secret('canary-of-a-crash'), list: [new Secret('canary-of-a-crash')] };
      console.error(held, String(held.secret), JSON.stringify(held));
      throw Object.assign(new Error('crashed'), held);`;
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([1, expect.stringContaining('[secret]')]);
    expect(stdout + stderr.replace(code, '')).not.toMatch(/secret: .*canary|\[ .*canary/);
  });
});
