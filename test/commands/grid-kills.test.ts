import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { openRunStore, runDirectory } from '../../src/lib/execution/store/sqlite-store.js';
import { startAccountServer } from '../support/exchange-server/accounts/server.js';
import { finished, start } from '../support/mdtool.js';
import { pick, seeded } from '../support/random.js';

/** `MDTOOL_RUN_KILLS=50` kills more often than the suite has time for, `MDTOOL_RUN_KILLS_SEED` elsewhere. */
const KILLS = Number(process.env.MDTOOL_RUN_KILLS ?? 8);
const SEED = Number(process.env.MDTOOL_RUN_KILLS_SEED ?? 1);
/** Signed requests of a start, until its ladder rests. */
const REQUESTS = 24;
const PRICES = ['100.00', '98.40', '99.50', '97.00', '100.50', '103.00', '101.00', '105.00'];
const LADDER = ['--deposit', '1000', '--leverage', '10', '--levels', '5', '--coverage', '4%', '--take-profit', '2%'];

const folder = mkdtempSync(join(tmpdir(), 'mdtool-grid-kills-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it.each(['bitget', 'bybit'])(
  `%s: a process that is killed with SIGKILL at ${KILLS} of its requests leaves one order per role, and no fill lost or doubled`,
  async (id) => {
    const server = await startAccountServer(id, { symbols: { linear: 2 }, strangers: false });
    try {
      server.market.setPrice('ETHUSDT', '100.00');
      const { desk, gate } = server;
      const owner = desk.open({ balances: { USDT: '100000' } });
      const env = { ...server.environment, ...server.keyVariables(desk.createKey(owner)), XDG_CONFIG_HOME: folder };
      const store = join(folder, id);
      const args = [
        'grid',
        'run',
        'eth',
        '--demo',
        '-e',
        id,
        '-s',
        'ETHUSDT',
        ...LADDER,
        '--restart',
        '1s',
        '--max-cycles-per-hour',
        '10000',
        '--store',
        store,
      ];
      const begin = () => start(args, { env });
      const own = () =>
        desk.engine.orders.openOf(owner).map(({ clientId }) => clientId.replace(/^m-\w+-\w+-(\w+-[A-Z]\d*)-\w+$/, '$1'));
      const random = seeded(SEED);
      for (let kill = 0; kill < KILLS; kill++) {
        const child: ChildProcess = begin();
        const ended = finished(child);
        const last = desk.requests.length + Math.ceil(random() * REQUESTS);
        const phase = pick(random, ['arrived', 'effective'] as const);
        gate.when(
          ({ number }) => number >= last,
          phase,
          async () => {
            child.kill('SIGKILL');
            await ended;
            return 'cut' as const;
          },
        );
        const { code, stderr } = await ended;
        expect(code, stderr).toBeNull();
        const roles = own().map((role) => role.replace(/T\d+$/, 'T'));
        expect(new Set(roles).size, `two orders of one role: ${roles}`).toBe(roles.length);
        server.market.setPrice('ETHUSDT', PRICES[kill % PRICES.length] as string);
      }
      const child = begin();
      const ended = finished(child);
      const rests = () => [own().filter((role) => /T\d+$/.test(role)).length, own().some((role) => /L\d+$/.test(role))];
      await Promise.race([
        expect.poll(rests, { timeout: 90_000 }).toEqual([1, true]),
        ended.then(({ code, stderr }) => Promise.reject(new Error(`it ended with ${code}: ${stderr}`))),
      ]);
      // What filled last is read within a moment, and the take profit is renewed.
      await expect
        .poll(
          () => {
            const held = desk.engine.ledger.openOf(owner)[0]?.amount.toString();
            const target = desk.engine.orders.openOf(owner).find(({ reduceOnly }) => reduceOnly);
            return held !== undefined && target?.amount.minus(target.filled).toString() === held;
          },
          { timeout: 30_000 },
        )
        .toBe(true);
      child.kill('SIGINT');
      expect((await ended).code).toBe(0);
      const journal = await openRunStore(runDirectory(store, 'eth'));
      const booked = journal.fills().map(({ tradeId }) => tradeId);
      journal.close();
      const made = desk.engine.fills.filter((fill) => fill.account === owner).map(({ id: trade }) => trade);
      expect(booked.sort()).toEqual(made.sort());
      expect(made.length).toBeGreaterThan(0);
      expect(desk.violations).toEqual([]);
    } finally {
      await server.close();
    }
  },
  60_000 + KILLS * 15_000,
);
