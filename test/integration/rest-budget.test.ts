import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RestBudget } from '../../src/lib/redis/rest-budget.js';
import { RateLimiter } from '../../src/lib/transport/rate-limiter.js';
import { SYSTEM_TIMING } from '../../src/lib/transport/timing.js';
import { type ExchangeServer, startExchangeServer } from '../support/exchange-server/index.js';
import { isInstalled } from '../support/installed.js';
import { finished, start } from '../support/mdtool.js';
import { mdtoolHere } from '../support/mdtool-here.js';
import { RedisServer } from '../support/redis-server.js';

const HOST = { requests: 6, within: 200 };
const ENDPOINT = { requests: 4, within: 200 };

describe.skipIf(!isInstalled('redis-server', 'tests of shared REST budgets'))('a REST budget', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await RedisServer.start();
  });
  afterAll(() => redis.close());

  const troubles: string[] = [];
  const open = () => RestBudget.open({ url: redis.url, flag: '--queue', onTrouble: (text) => troubles.push(text) });
  const limiterOf = (budget: RestBudget, host: string) => new RateLimiter(HOST, SYSTEM_TIMING, { shared: { budget, host } });

  it('keeps three processes within the limits of one, and lets them use these', async () => {
    const budgets = await Promise.all([open(), open(), open()]);
    const arrived: { at: number; path: string }[] = [];
    const began = performance.now();
    await Promise.all(
      budgets.flatMap((budget, index) => {
        const limiter = limiterOf(budget, 'bybit a');
        return Array.from({ length: 12 }, async (_, request) => {
          const path = `/${(index + request) % 2}`;
          const leave = await limiter.enter(path, ENDPOINT);
          await SYSTEM_TIMING.sleep(request % 3);
          arrived.push({ at: performance.now(), path });
          leave?.();
        });
      }),
    );
    const times = (path?: string) => arrived.filter((one) => path === undefined || one.path === path).map(({ at }) => at);
    const most = (all: readonly number[], within: number) =>
      Math.max(...all.map((first) => all.filter((at) => at >= first && at < first + within - 2).length));
    expect(arrived).toHaveLength(36);
    expect(most(times(), HOST.within)).toBeLessThanOrEqual(HOST.requests);
    for (const path of ['/0', '/1']) expect(most(times(path), ENDPOINT.within)).toBeLessThanOrEqual(ENDPOINT.requests);
    // 36 requests are six spans of six.
    expect(performance.now() - began).toBeGreaterThan(5 * HOST.within);
    await Promise.all(budgets.map((budget) => budget.close()));
  });

  it('counts a request that runs elsewhere until it has ended, and the pauses that others were asked for', async () => {
    const [one, other] = [await open(), await open()];
    const only = new Map([['bybit b', { requests: 1, within: 20 }]]);
    const leave = await one.take(only);
    expect(await other.take(only)).toBeGreaterThan(20);
    if (typeof leave === 'function') leave();
    await one.close();
    await SYSTEM_TIMING.sleep(40);
    expect(await other.take(only)).toBeTypeOf('function');
    limiterOf(other, 'bybit c').pause(60_000, '/path');
    const third = await open();
    expect(await limiterOf(third, 'bybit c').enter('/path', ENDPOINT, { longest: 30_000 })).toBeUndefined();
    expect(await limiterOf(third, 'bybit c').enter('/other', ENDPOINT, { longest: 30_000 })).toBeTypeOf('function');
    await Promise.all([other.close(), third.close()]);
    expect(troubles).toEqual([]);
  });

  it('holds up no request while Redis does not answer, and says so once', async () => {
    const budget = await open();
    redis.freeze();
    const limiter = limiterOf(budget, 'bybit d');
    const leaves = [await limiter.enter('/', ENDPOINT), await limiter.enter('/', ENDPOINT)];
    expect(leaves).toEqual([expect.any(Function), expect.any(Function)]);
    for (const leave of leaves) leave?.();
    redis.thaw();
    await budget.close();
    expect(troubles.splice(0)).toEqual([expect.stringMatching(/^the shared REST budget cannot be asked/)]);
  });
});

describe('a second capture of this host', () => {
  let exchange: ExchangeServer;
  beforeAll(async () => {
    exchange = await startExchangeServer('bybit', { symbols: { linear: 1 }, rate: 20, keepBooks: false });
  });
  afterAll(() => exchange.close());

  it('warns that both share the limits of one address, until the first has ended, however it ended', async () => {
    const args = ['stream', '--exchange', 'bybit', '--market', 'linear', '-o', 'none'];
    const first = start(args, { env: exchange.environment });
    const ended = finished(first);
    await expect.poll(() => exchange.subscriptions, { timeout: 20_000 }).toBeGreaterThan(0);
    const second = () => mdtoolHere([...args, '--count', '3'], { env: exchange.environment });
    const warning = `pid ${first.pid} of this host captures bybit, too`;
    expect(await second()).toMatchObject({ code: 0, stderr: expect.stringContaining(warning) });
    first.kill('SIGKILL');
    await ended;
    expect((await second()).stderr).not.toContain('of this host captures');
  }, 40_000);
});
