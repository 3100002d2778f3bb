import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, it } from 'vitest';
import { openRunStore, runDirectory } from '../../src/lib/execution/store/sqlite-store.js';
import type { SeenRequest } from '../support/exchange-server/accounts/desk.js';
import { type AccountServer, startAccountServer } from '../support/exchange-server/accounts/server.js';
import { finished, says, start } from '../support/mdtool.js';
import { pick, seeded } from '../support/random.js';

/** `MDTOOL_RUN_KILLS=50` kills more often than the suite has time for, `MDTOOL_RUN_KILLS_SEED` elsewhere. */
const KILLS = Number(process.env.MDTOOL_RUN_KILLS ?? 5);
const SEED = Number(process.env.MDTOOL_RUN_KILLS_SEED ?? 1);
/** Signed requests of a start until its ladder is looked after, and writes of a ladder while the market moves. */
const REQUESTS = 15;
const WRITES = 5;
/** A start that is not killed by then has nothing more to write. */
const MOST_REQUESTS = 60;
const PRICES = ['100.00', '98.40', '99.50', '97.00', '100.50', '103.00', '101.00', '105.00'];
const LOWEST = '97.00';
/** Milliseconds between two prices: a ladder that nothing happens to writes nothing. */
const MOVE = 250;
/** Milliseconds between two looks at what rests, and looks without a level until there is none to come. */
const LOOK = 200;
const BARE = 30;
/** Milliseconds for which the host is down after a kill, by both clocks: then no order of before can arrive any more. */
const DOWN = 40_000;
const LADDER = ['--deposit', '1000', '--leverage', '10', '--levels', '5', '--coverage', '4%', '--take-profit', '2%'];

const folder = mkdtempSync(join(tmpdir(), 'mdtool-grid-kills-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Returns whether a process dies at a request: at one of its first, or at one of its writes. */
function moment(random: () => number): (seen: SeenRequest) => boolean {
  const isWrite = random() < 0.6;
  let left = Math.ceil(random() * (isWrite ? WRITES : REQUESTS));
  let most = MOST_REQUESTS;
  return ({ writes }) => {
    if (!isWrite || writes) left -= 1;
    most -= 1;
    return left <= 0 || most <= 0;
  };
}

/** Returns the variable by which the clock of a process is ahead. */
function ahead(milliseconds: number): Record<string, string> {
  const code = `const now=Date.now;Date.now=()=>now()+${milliseconds}`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}` };
}

/** Ends a process with SIGKILL at one of its requests, before it takes effect or before its answer leaves. */
function killAt(server: AccountServer, random: () => number, kill: () => Promise<unknown>): void {
  const isDue = moment(random);
  const phase = pick(random, ['arrived', 'effective'] as const);
  const seen = new Map<number, boolean>();
  // A request is looked at in both phases, and counts once.
  const isHere = (request: SeenRequest) => {
    if (!seen.has(request.number)) seen.set(request.number, isDue(request));
    return seen.get(request.number) === true;
  };
  server.gate.when(isHere, phase, async () => {
    await kill();
    return 'cut' as const;
  });
}

/** The protocols take turns: one account in one-way mode, the other in hedge mode. */
const KINDS = [
  ['bitget', SEED % 2 === 1 ? 'one-way' : 'hedge'],
  ['bybit', SEED % 2 === 1 ? 'hedge' : 'one-way'],
] as const;

it.concurrent.for(KINDS)(
  `%s, %s: a process that is killed with SIGKILL at ${KILLS} of its requests leaves one order per role, and no fill lost or doubled`,
  { timeout: 60_000 + KILLS * 15_000 },
  async ([id, holdMode], { expect }) => {
    const server = await startAccountServer(id, { symbols: { linear: 2 }, strangers: false });
    let moves = 0;
    const move = () => server.market.setPrice('ETHUSDT', PRICES[moves++ % PRICES.length] as string);
    move();
    const moving = setInterval(move, MOVE);
    try {
      const { desk } = server;
      const owner = desk.open({ balances: { USDT: '100000' }, holdMode });
      const env = { ...server.environment, ...server.keyVariables(desk.createKey(owner)), XDG_CONFIG_HOME: folder };
      const store = join(folder, id);
      const cycles = ['--restart', '1s', '--max-cycles-per-hour', '10000'];
      const mode = ['--position-mode', holdMode];
      const args = ['grid', 'run', 'eth', '--demo', '-e', id, '-s', 'ETHUSDT', ...LADDER, ...mode, ...cycles, '--store', store];
      const own = () =>
        desk.engine.orders.openOf(owner).map(({ clientId }) => clientId.replace(/^m-\w+-\w+-(\w+-[A-Z]\d*)-\w+$/, '$1'));
      const random = seeded(SEED);
      for (let kill = 0; kill < KILLS; kill++) {
        const child = start(args, { env: { ...env, ...ahead(kill * DOWN) } });
        const ended = finished(child);
        killAt(server, random, () => {
          child.kill('SIGKILL');
          return ended;
        });
        const { code, stderr } = await ended;
        expect(code, stderr).toBeNull();
        const roles = own().map((role) => role.replace(/T\d+$/, 'T'));
        expect(new Set(roles).size, `two orders of one role: ${roles}`).toBe(roles.length);
        server.server.advance(DOWN);
      }
      clearInterval(moving);
      // At a price far beyond a take profit the exchange refuses it, until the price comes back. The lowest is far from none.
      server.market.setPrice('ETHUSDT', LOWEST);
      const child = start(args, { env: { ...env, ...ahead(KILLS * DOWN) } });
      const ended = finished(child);
      // The last kill may have left a whole ladder: without this, the signal comes before the process listens for any.
      await says(child.stderr, /the run goes on/);
      let bare = 0;
      const rests = () => {
        const isWhole = own().some((role) => /L\d+$/.test(role));
        const [target, ...more] = desk.engine.orders.openOf(owner).filter(({ reduceOnly }) => reduceOnly);
        bare = target && !isWhole ? bare + 1 : 0;
        // A ladder of which every level has filled is closed: the next one has levels.
        if (target && bare > BARE) server.market.setPrice('ETHUSDT', target.price.toFixed(2));
        return [target !== undefined && more.length === 0, isWhole];
      };
      await Promise.race([
        expect.poll(rests, { timeout: 90_000, interval: LOOK }).toEqual([true, true]),
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
      const { code, stderr } = await ended;
      expect(code, stderr).toBe(0);
      const journal = await openRunStore(runDirectory(store, 'eth'));
      const booked = journal.fills().map(({ tradeId }) => tradeId);
      journal.close();
      const made = desk.engine.fills.filter((fill) => fill.account === owner).map(({ id: trade }) => trade);
      expect(booked.sort()).toEqual(made.sort());
      expect(made.length).toBeGreaterThan(0);
      expect(desk.violations).toEqual([]);
    } finally {
      clearInterval(moving);
      await server.close();
    }
  },
);
