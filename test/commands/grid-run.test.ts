import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { RunConfig } from '../../src/lib/execution/state.js';
import { createRunStore, openRunStore, runDirectory } from '../../src/lib/execution/store/sqlite-store.js';
import { Decimal } from '../support/exchange-server/accounts/engine/decimals.js';
import { type AccountServer, startAccountServer } from '../support/exchange-server/accounts/server.js';
import { finished, says, start } from '../support/mdtool.js';
import { mdtoolHere } from '../support/mdtool-here.js';
import { mountSmallDisk } from '../support/small-disk.js';

const folder = mkdtempSync(join(tmpdir(), 'mdtool-grid-run-'));
const servers = new Map<string, AccountServer>();
const LADDER = ['--deposit', '1000', '--leverage', '10', '--levels', '4', '--coverage', '4%', '--take-profit', '2%'];

beforeAll(async () => {
  for (const id of ['bitget', 'bybit'])
    servers.set(id, await startAccountServer(id, { symbols: { linear: 2 }, strangers: false }));
});
afterAll(async () => {
  for (const server of servers.values()) await server.close();
  rmSync(folder, { recursive: true, force: true });
});

function opened(id: string, store: string, holdMode: 'one-way' | 'hedge' = 'one-way') {
  const server = servers.get(id) as AccountServer;
  server.market.setPrice('ETHUSDT', '100.00');
  const owner = server.desk.open({ holdMode });
  const key = server.desk.createKey(owner);
  const secrets = server.keyVariables(key);
  const env = { ...server.environment, ...secrets, XDG_CONFIG_HOME: folder };
  const open = () => server.desk.engine.orders.openOf(owner).map(({ clientId }) => clientId);
  return { server, owner, secrets, env, open, at: ['--store', join(folder, store)] };
}

const run = (id: string, name: string) => ['grid', 'run', name, '--demo', '-e', id, '-s', 'ETHUSDT', ...LADDER];

/** Writes to a file until that fails. */
function fill(file: number, bytes: Buffer): never {
  for (;;) writeSync(file, bytes);
}

/** The trades that the journal of the run `eth` has, in their order. */
async function booked(store: string): Promise<string[]> {
  const journal = await openRunStore(runDirectory(store, 'eth'));
  const ids = journal.fills().map(({ tradeId }) => tradeId);
  journal.close();
  return ids;
}

describe('grid run', () => {
  it.each([
    ['bitget', ['--close'], 2, 'one-way'],
    ['bybit', ['--kill', '--confirm', 'ETHUSDT'], 1, 'hedge'],
  ] as const)(
    '%s: a ladder rests, survives SIGKILL, and grid stop %s ends it',
    async (id, how, fills, mode) => {
      const { env, open, at, owner, server, secrets } = opened(id, id, mode);
      const first = start([...run(id, 'eth'), ...at, ...(mode === 'hedge' ? ['--position-mode', 'hedge'] : [])], { env });
      await expect.poll(open, { timeout: 30_000 }).toHaveLength(4);
      first.kill('SIGKILL');
      const before = open().sort();
      const second = start(['grid', 'run', 'eth', ...at], { env });
      const ended = finished(second);
      await says(second.stderr, /the run goes on/);
      const twice = await mdtoolHere(['grid', 'run', 'eth', ...at], { env });
      expect([twice.code, twice.stderr]).toEqual([2, expect.stringMatching(/is running already/)]);
      const status = await mdtoolHere(['grid', 'status', 'eth', ...at, '--json'], { env });
      expect(JSON.parse(status.stdout).data[0]).toMatchObject({ levels_live: 3, running: true, mode: 'demo', fills: 1 });
      expect(open().sort()).toEqual(before);
      const copy = join(folder, id, 'copy.db');
      const backup = await mdtoolHere(['grid', 'status', 'eth', '--backup', copy, ...at], { env });
      expect([backup.code, existsSync(copy)]).toEqual([0, true]);
      const check = await mdtoolHere(['grid', 'status', 'eth', '--check', ...at, '--json'], { env });
      expect([check.code, JSON.parse(check.stdout).data[0].differences]).toEqual([0, []]);
      const stop = await mdtoolHere(['grid', 'stop', 'eth', ...how, ...at], { env });
      expect([stop.code, (await ended).code, open()]).toEqual([0, 0, []]);
      expect(server.desk.engine.ledger.openOf(owner).filter(({ amount }) => amount.gt(0))).toEqual([]);
      const rows = await mdtoolHere(['query', 'select count(distinct client_id) as n from fill', '--format', 'ndjson', ...at], {
        env,
      });
      expect(JSON.parse(rows.stdout)).toEqual({ n: fills });
      expect(server.desk.violations).toEqual([]);
      // Neither what was printed nor a file of the store, the journal among them, has a secret (S23).
      const { stderr } = await ended;
      const files = readdirSync(join(folder, id), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
      const written = files.map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'));
      for (const secret of Object.values(secrets))
        expect([stderr, stop.stderr, status.stdout, check.stdout, ...written].filter((text) => text.includes(secret))).toEqual(
          [],
        );
    },
    90_000,
  );

  it.each(['bitget', 'bybit'])(
    '%s on paper: no signed request although a key is there (S24)',
    async (id) => {
      const { env, at, server } = opened(id, `paper-${id}`);
      const before = server.desk.requests.length;
      const child = start(['grid', 'run', 'paper', '-e', id, '-s', 'ETHUSDT', ...LADDER, ...at, '-o', '-'], { env });
      const ended = finished(child);
      const tick = setInterval(() => server.market.setPrice('ETHUSDT', '100.00'), 100);
      await says(child.stdout, /"type":"order"[^\n]*-L03-0/);
      clearInterval(tick);
      child.kill('SIGINT');
      expect((await ended).code).toBe(0);
      expect(server.desk.requests.length).toBe(before);
      const again = await mdtoolHere(['grid', 'run', 'paper', '--deposit', '2000', ...at], { env });
      expect([again.code, again.stderr]).toEqual([
        2,
        expect.stringMatching(/--deposit: the run paper was made with 1000, not 2000/),
      ]);
    },
    60_000,
  );

  it('changes the settings that are named, and keeps the others', async () => {
    const { env, at, server } = opened('bybit', 'changed');
    const run = (...flags: string[]) => ['grid', 'run', 'paper', ...flags, ...at];
    const tick = setInterval(() => server.market.setPrice('ETHUSDT', '100.00'), 100);
    onTestFinished(() => clearInterval(tick));
    const played = async (sign: RegExp, ...flags: string[]) => {
      const child = start(run(...flags), { env });
      const ended = finished(child);
      await says(child.stderr, sign);
      child.kill('SIGINT');
      return ended;
    };
    const refused = async (...flags: string[]) => (await mdtoolHere(run(...flags), { env })).stderr;
    await played(/entry filled/, '-e', 'bybit', '-s', 'ETHUSDT', ...LADDER);
    expect(await refused('--reconfigure', '--deposit', '2000')).toMatch(/holds a position or has orders/);
    await mdtoolHere(['grid', 'stop', 'paper', '--close', ...at], { env });
    expect(await refused('--reconfigure', '-s', 'BTCUSDT')).toMatch(/made with ETHUSDT, not BTCUSDT; make a new run/);
    const { stderr } = await played(/the run goes on/, '--reconfigure', '--deposit', '2000');
    expect(stderr).toMatch(/paper: changed: --deposit 2000 \(was 1000\)\n/);
    expect(await refused('--leverage', '3')).toMatch(/made with 10, not 3/);
    expect(await refused('--deposit', '1000')).toMatch(/made with 2000, not 1000/);
  }, 60_000);

  const disk = mountSmallDisk(72);
  afterAll(() => disk?.unmount());
  it.skipIf(!disk)(
    'a full disk: exit 4, its orders rest; with room again it goes on, and no fill is lost',
    async () => {
      const { env, open, owner, server } = opened('bybit', 'full');
      const [filler, store] = ['filler', 'store'].map((name) => join(disk?.root as string, name)) as [string, string];
      const at = ['--store', store];
      const child = start([...run('bybit', 'eth'), ...at], { env });
      const first = finished(child);
      await Promise.race([
        expect.poll(open, { timeout: 30_000 }).toHaveLength(4),
        first.then(({ stderr }) => Promise.reject(new Error(stderr))),
      ]);
      const file = openSync(filler, 'w');
      for (const size of [1 << 20, 1 << 12]) expect(() => fill(file, Buffer.alloc(size))).toThrow(/ENOSPC/);
      closeSync(file);
      // It fills the next level of the ladder.
      server.market.setPrice('ETHUSDT', '98.50');
      const { code, stderr } = await first;
      expect([code, stderr]).toEqual([4, expect.stringMatching(/^mdtool: .*full/m)]);
      expect(open().length).toBeGreaterThan(0);
      rmSync(filler);
      const again = start(['grid', 'run', 'eth', ...at], { env });
      const ended = finished(again);
      await says(again.stderr, /the run goes on/);
      await expect
        .poll(() => booked(store))
        .toEqual(server.desk.engine.fills.filter(({ account }) => account === owner).map(({ id }) => id));
      again.kill('SIGINT');
      expect((await ended).code).toBe(0);
      expect(server.desk.violations).toEqual([]);
    },
    90_000,
  );

  it('grid stop --kill needs no run: it asks for the symbol, then cancels and closes what is there', async () => {
    const { env, open, at, owner, server } = opened('bybit', 'nothing');
    const symbol = server.desk.symbol('ETHUSDT');
    const order = {
      account: owner,
      symbol,
      side: 'buy',
      slot: 'net',
      force: 'gtc',
      reduceOnly: false,
      clientId: undefined,
    } as const;
    server.desk.engine.place({ ...order, kind: 'market', price: undefined, amount: new Decimal(1) });
    server.desk.engine.place({ ...order, kind: 'limit', price: new Decimal(90), amount: new Decimal(1) });
    await expect.poll(open).toHaveLength(1);
    const kill = ['grid', 'stop', '--kill', '--demo', '-e', 'bybit', '-s', 'ethusdt', ...at];
    const asked = await mdtoolHere([...kill, '--confirm', 'BTCUSDT'], { env });
    expect([asked.code, asked.stderr]).toEqual([2, expect.stringMatching(/--confirm: expected ETHUSDT, was "BTCUSDT"/)]);
    const silent = await mdtoolHere(kill, { env });
    expect([silent.code, silent.stderr]).toEqual([2, expect.stringMatching(/--kill needs a terminal/)]);
    expect(open()).toHaveLength(1);
    const done = await mdtoolHere([...kill, '--confirm', 'ETHUSDT'], { env });
    expect([done.code, done.stderr]).toEqual([0, expect.stringMatching(/no order and no position remains/)]);
    expect([open(), server.desk.engine.ledger.openOf(owner)]).toEqual([[], []]);
  }, 30_000);

  it('a journal that is damaged: exit 4, the other runs are shown, --recover shows what the exchange says', async () => {
    const { env, open, at, owner, server } = opened('bitget', 'damaged');
    const symbol = server.desk.symbol('ETHUSDT');
    const order = { account: owner, symbol, side: 'buy', slot: 'net', kind: 'limit', force: 'gtc', reduceOnly: false } as const;
    const place = (clientId: string | undefined, price: number) =>
      server.desk.engine.place({ ...order, clientId, price: new Decimal(price), amount: new Decimal(1) });
    place('m-k3f9ab-x2q-2-L07-0', 90);
    place(undefined, 80);
    await expect.poll(open).toHaveLength(2);
    const runs = join(folder, 'damaged', 'state', 'runs');
    const store = await createRunStore(join(runs, 'well'), { name: 'well', mode: 'demo' } as RunConfig);
    store.close();
    mkdirSync(join(runs, 'eth'));
    writeFileSync(join(runs, 'eth', 'run.db'), 'not a database');
    const status = await mdtoolHere(['grid', 'status', ...at], { env });
    expect([status.code, status.stdout]).toEqual([4, expect.stringMatching(/DAMAGED {2}eth[\s\S]*DEMO {2}well/)]);
    const named = await mdtoolHere(['grid', 'status', 'eth', '--recover', ...at], { env });
    expect([named.code, named.stderr]).toEqual([4, expect.stringMatching(/add --exchange and --symbols/)]);
    const how = ['grid', 'status', 'eth', '--recover', '-e', 'bitget', '-s', 'ETHUSDT', '--demo', ...at];
    const found = await mdtoolHere(how, { env });
    expect([found.code, found.stdout]).toEqual([
      4,
      expect.stringMatching(/run with the id k3f9ab\n +cycle 2 level 7 +buy 1 at 90.*\n +orders that no run has made\n.*at 80/),
    ]);
    expect(open()).toHaveLength(2);
    const well = await mdtoolHere(['grid', 'status', 'well', '--backup', join(runs, 'eth', 'run.db'), ...at], { env });
    expect([well.code, well.stderr]).toEqual([2, expect.stringMatching(/--backup: .* exists/)]);
  });

  it.each(['bitget', 'bybit'])(
    '%s: an account in the other position mode is refused by the name of the setting, and not switched (S61)',
    async (id) => {
      for (const mode of ['one-way', 'hedge'] as const) {
        const { env, at, owner, server, secrets } = opened(id, `mode-${id}-${mode}`, mode);
        const other = mode === 'hedge' ? 'one-way' : 'hedge';
        const refused = await mdtoolHere([...run(id, 'x'), '--position-mode', other, ...at], { env });
        const words = new RegExp(`in ${mode} mode and x is planned for ${other} mode: change the position mode on the site`);
        expect([refused.code, refused.stderr.replace(/\s+/g, ' ')]).toEqual([2, expect.stringMatching(words)]);
        expect(server.desk.requests.filter(({ writes, key }) => writes && Object.values(secrets).includes(key))).toEqual([]);
        expect(owner.holdMode).toBe(mode);
      }
    },
  );

  const REFUSALS: [string, readonly string[], number, RegExp][] = [
    ['real money without its limits', ['--live'], 2, /--live needs --max-deposit and --max-loss/],
    [
      'real money without a confirmation',
      ['--live', '--max-deposit', '1000', '--max-loss', '50', '--accept-unverified'],
      2,
      /--confirm ETHUSDT/,
    ],
    [
      'real money that no demo account has tried',
      ['--live', '--max-deposit', '1000', '--max-loss', '50'],
      2,
      /--accept-unverified/,
    ],
    ['a ladder that is liquidated before its end', ['--demo', '--maintenance-rate', '50%'], 4, /the plan is not safe/],
    [
      'a stop that would cut the ladder',
      ['--demo', '--exchange-stop', '3%'],
      2,
      /--exchange-stop: the exchange stop at 97 is not beyond the last level at 96/,
    ],
    ['a stop that is no price', ['--demo', '--exchange-stop', '-5'], 2, /--exchange-stop: expected a price such as/],
    ['a maximum below the deposit', ['--demo', '--max-deposit', '10'], 2, /--max-deposit: expected at least --deposit/],
  ];
  it.each(REFUSALS)('refuses %s', async (name, args, code, expected) => {
    const { env, at, server } = opened('bybit', `refused-${name.length}`);
    const isLive = args.includes('--live');
    const owner = server.desk.open({ environment: isLive ? 'live' : 'demo' });
    const keys = server.keyVariables(server.desk.createKey(owner));
    const result = await mdtoolHere(['grid', 'run', 'x', '-e', 'bybit', '-s', 'ETHUSDT', ...LADDER, ...args, ...at], {
      env: { ...env, ...keys },
    });
    expect([result.code, result.stderr]).toEqual([code, expect.stringMatching(expected)]);
    expect(server.desk.requests.filter(({ writes, key }) => writes && key === Object.values(keys)[0])).toEqual([]);
  });

  it.each(['bitget', 'bybit'])(
    '%s: a live key on the demo side names the likely cause, and nothing is sent (S28)',
    async (id) => {
      const { env, at, server } = opened(id, `reverse-${id}`);
      const owner = server.desk.open({ environment: 'live' });
      const keys = server.keyVariables(server.desk.createKey(owner));
      const result = await mdtoolHere([...run(id, 'x'), ...at], { env: { ...env, ...keys } });
      expect([result.code, result.stderr]).toEqual([5, expect.stringMatching(/a live key used as a demo key/)]);
      expect(server.desk.requests.filter(({ writes, key }) => writes && Object.values(keys).includes(key))).toEqual([]);
    },
  );
});
