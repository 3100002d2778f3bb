import { afterAll, describe, expect, it } from 'vitest';
import { SECOND } from '../../src/lib/model/time.js';
import { type ExchangeServer, startExchangeServer } from '../support/exchange-server/index.js';
import { captureFrom, type TestRun } from '../support/live-run.js';
import { gapsOf, idsOf } from '../support/live-trades.js';

const servers: ExchangeServer[] = [];
const runs: TestRun[] = [];

// The cases wait most of their time. Each has a server and a capture of its own, so they run side by side.
afterAll(async () => {
  await Promise.all(runs.map((run) => run.stop().catch(() => {})));
  await Promise.all(servers.map((server) => server.close()));
});

async function capture(id: string, options: Parameters<typeof captureFrom>[1]) {
  const server = await startExchangeServer(id, { timeScale: 50, keepBooks: false, symbols: { linear: 2 } });
  servers.push(server);
  for (const symbol of ['BTCUSDT', 'ETHUSDT']) server.trade('linear', symbol);
  const run = await captureFrom([server], options);
  runs.push(run);
  await run.until(() => run.live.status().isReady, 'all subscribed');
  return { server, run };
}

describe.concurrent.each(['bitget', 'bybit'])('a trade topic of %s that falls mute on a living connection', (id) => {
  it('is subscribed again when its ticker shows trades, and its trades are fetched', async () => {
    const { server, run } = await capture(id, { repair: {}, channels: ['trade', 'ticker'] });
    const [mute, other] = [
      ...new Set(run.live.pools.flatMap(({ subscriptions }) => subscriptions.map(({ symbol }) => symbol))),
    ] as [string, string];
    const from = server.tradeCount('linear', mute);
    const trade = (times: number) => {
      for (let i = 0; i < times; i++) for (const symbol of [mute, other]) server.trade('linear', symbol);
      for (const symbol of [mute, other]) server.ticker('linear', symbol);
    };
    trade(5);
    await run.until(() => idsOf(run.records, mute).length >= 5, 'first trades');
    server.mute('linear', mute);
    for (let i = 0; i < 10; i++) {
      trade(15);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const truth = () =>
      server
        .trades('linear', mute)
        .slice(from)
        .map((one) => one.id);
    await run.until(() => {
      server.ticker('linear', mute);
      return idsOf(run.records, mute).length >= truth().length;
    }, 'all trades');
    const records = await run.stop();
    expect(idsOf(records, mute)).toEqual(truth());
    const gaps = gapsOf(records).filter(({ channel }) => channel === 'trade');
    expect(gaps.at(-1)).toMatchObject({ symbol: mute, reason: 'stale', missing: false });
    expect(run.log.filter((line) => line.includes('their tickers show trades'))).toHaveLength(1);
    expect(run.live.statistics.incomplete).toBe(false);
  });

  it('without a ticker is noticed by the audit, mute or back again', async () => {
    const { server, run } = await capture(id, { repair: {}, auditEvery: SECOND });
    const symbol = run.live.pools[0]?.subscriptions[0]?.symbol as string;
    const from = server.tradeCount('linear', symbol);
    const trade = (times: number) => {
      for (let i = 0; i < times; i++) server.trade('linear', symbol);
    };
    const truth = () =>
      server
        .trades('linear', symbol)
        .slice(from)
        .map((one) => one.id);
    const all = () => idsOf(run.records, symbol).length >= truth().length;
    trade(5);
    await run.until(all, 'first trades');
    server.mute('linear', symbol);
    trade(40);
    await run.until(() => run.log.some((line) => line.includes('its trades stopped arriving')), 'noticed');
    trade(5);
    await run.until(all, 'all trades after the mute topic');
    server.mute('linear', symbol);
    trade(30);
    server.unmute('linear', symbol);
    trade(5);
    const beat = setInterval(() => trade(1), 100);
    await run
      .until(() => gapsOf(run.records).length > 1, 'the gap of the topic that came back', 15_000)
      .finally(() => clearInterval(beat));
    await run.until(all, 'all trades after it');
    const records = await run.stop();
    expect(idsOf(records, symbol).sort()).toEqual(truth().sort());
    for (const gap of gapsOf(records)) expect(gap).toMatchObject({ symbol, reason: 'stale', missing: false });
  });

  it.each([
    ['goes on', true],
    ['ends at once', false],
  ])('for a moment, and speaks again, has its trades fetched where the run %s', async (_, goesOn) => {
    const { server, run } = await capture(id, { repair: {}, auditEvery: 3_600 * SECOND });
    const symbol = run.live.pools[0]?.subscriptions[0]?.symbol as string;
    const from = server.tradeCount('linear', symbol);
    const truth = () =>
      server
        .trades('linear', symbol)
        .slice(from)
        .map((one) => one.id);
    const trade = async (times: number, pause: number) => {
      for (let i = 0; i < times; i++) {
        server.trade('linear', symbol);
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    };
    const all = () => idsOf(run.records, symbol).length >= truth().length;
    await trade(20, 40);
    await run.until(all, 'first trades');
    server.mute('linear', symbol);
    const before = server.tradeCount('linear', symbol);
    await trade(30, 40);
    const repaired = server.tradeCount('linear', symbol) - before;
    server.unmute('linear', symbol);
    await trade(3, 40);
    if (goesOn) await run.until(all, 'the trades of the silence');
    const records = await run.stop();
    expect(idsOf(records, symbol).sort()).toEqual(truth().sort());
    expect(gapsOf(records)).toMatchObject([{ symbol, reason: 'stale', missing: false, repaired }]);
    expect(run.live.statistics.incomplete).toBe(false);
    expect(server.violations).toEqual([]);
  });

  it.each([
    ['speaks', true],
    ['never speaks', false],
  ])('from its subscription on, too short for a rhythm, has its trades fetched at the end where it %s', async (_, speaks) => {
    const { server, run } = await capture(id, { repair: {}, auditEvery: 3_600 * SECOND });
    const [symbol, other] = run.live.pools.flatMap(({ subscriptions }) => subscriptions.map((one) => one.symbol)) as [
      string,
      string,
    ];
    const from = server.tradeCount('linear', symbol);
    server.mute('linear', symbol);
    for (let i = 0; i < 4; i++) server.trade('linear', symbol);
    // What is younger than half a second may still be on its way.
    await new Promise((resolve) => setTimeout(resolve, 600));
    server.trade('linear', other);
    if (speaks) {
      server.unmute('linear', symbol);
      server.trade('linear', symbol);
    }
    await run.until(() => idsOf(run.records, speaks ? symbol : other).length > 0, 'the trade that arrives');
    const records = await run.stop();
    // Histories have whole seconds: a trade of the second of the subscription may come along.
    const truth = server.trades('linear', symbol).map((one) => one.id);
    const stored = idsOf(records, symbol).sort();
    expect(stored).toEqual([...new Set([...truth.slice(from), ...stored])].sort());
    expect(gapsOf(records)).toMatchObject([{ symbol, reason: 'stale', missing: false }]);
  });

  it('leaves a capture that lacks nothing alone', async () => {
    const { server, run } = await capture(id, { repair: {}, auditEvery: 0.2 * SECOND });
    const symbol = run.live.pools[0]?.subscriptions[0]?.symbol as string;
    const requests = server.requests;
    for (let i = 0; i < 60; i++) {
      server.trade('linear', symbol);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    const records = await run.stop();
    expect(server.requests - requests).toBeGreaterThan(3);
    expect(gapsOf(records)).toEqual([]);
    expect(server.violations).toEqual([]);
  });
});
