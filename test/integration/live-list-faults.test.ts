import { afterAll, describe, expect, it } from 'vitest';
import { SECOND } from '../../src/lib/model/time.js';
import { type ExchangeServer, type StartOptions, startExchangeServer } from '../support/exchange-server/index.js';
import { captureFrom, type TestRun } from '../support/live-run.js';
import { gapsOf, idsOf, lostInSilence } from '../support/live-trades.js';

const LISTS = /fills|recent-trade/;

const servers: ExchangeServer[] = [];
const runs: TestRun[] = [];

// The cases wait most of their time. Each has a server and a capture of its own, so they run side by side.
afterAll(async () => {
  await Promise.all(runs.map((run) => run.stop().catch(() => {})));
  await Promise.all(servers.map((server) => server.close()));
});

async function start(id: string, options: StartOptions = {}): Promise<ExchangeServer> {
  const server = await startExchangeServer(id, { timeScale: 50, keepBooks: false, symbols: { linear: 1 }, ...options });
  servers.push(server);
  return server;
}

async function capture(...args: Parameters<typeof captureFrom>): Promise<TestRun> {
  const run = await captureFrom(...args);
  runs.push(run);
  await run.until(() => run.live.status().isReady, 'all subscribed');
  return run;
}

/** A run that has received trades of its symbol and is cut off while `missed` more happen. */
async function interrupted(server: ExchangeServer, run: TestRun, missed: number) {
  const symbol = run.live.pools[0]?.subscriptions[0]?.symbol as string;
  const from = server.tradeCount('linear', symbol);
  for (let i = 0; i < 20; i++) server.trade('linear', symbol);
  await run.until(() => idsOf(run.records).length >= 20, 'first trades');
  server.drop();
  for (let i = 0; i < missed; i++) server.trade('linear', symbol);
  await run.until(() => run.live.status().reconnects === 1, 'loss noticed');
  await run.until(() => server.subscribers('linear', symbol).length > 0, 'subscribed again');
  for (let i = 0; i < 5; i++) server.trade('linear', symbol);
  return { symbol, from };
}

describe.concurrent.each(['bitget', 'bybit'])('a capture of %s whose REST lists of trades', (id) => {
  async function repaired(fault: Parameters<ExchangeServer['faults']['list']>[0]): Promise<void> {
    const server = await start(id);
    const run = await capture([server], { repair: {} });
    server.faults.list(fault);
    const { symbol, from } = await interrupted(server, run, 250);
    const all = server.trades('linear', symbol).length - from;
    await run.until(() => idsOf(run.records).length >= all || gapsOf(run.records).length > 0, 'the end of the repair');
    const records = await run.stop();
    expect(lostInSilence(server, symbol, from, records)).toEqual([]);
    expect(gapsOf(records)).toMatchObject([{ reason: 'disconnect', missing: false }]);
    expect(idsOf(records)).toHaveLength(all);
  }

  it('lag behind repairs the gap when they have caught up', () => repaired({ lag: 700, path: LISTS }));

  it('are empty once repairs the gap with the next answer', () => repaired({ rows: 0, times: 2, path: LISTS }));

  it('are short repairs the gap with a full answer', () => repaired({ rows: 60, times: 2, path: LISTS }));

  it('stay empty reports the gap as missing', async () => {
    const server = await start(id);
    const run = await capture([server], { repair: { hold: SECOND, within: 1.5 * SECOND } });
    server.faults.list({ rows: 0, path: LISTS });
    const { symbol, from } = await interrupted(server, run, 250);
    await run.until(() => gapsOf(run.records).length > 0, 'the gap');
    const records = await run.stop();
    expect(lostInSilence(server, symbol, from, records)).toEqual([]);
    for (const gap of gapsOf(records)) expect(gap.missing).toBe(true);
  });
});

it.concurrent.each([
  ['lags behind', { lag: 700 }],
  ['is empty', { rows: 0, times: 2 }],
])('a capture of bitget whose older list %s while the newest trades are served', async (_, fault) => {
  const server = await start('bitget');
  const run = await capture([server], { repair: {} });
  server.faults.list({ ...fault, path: /fills-history/ });
  const { symbol, from } = await interrupted(server, run, 250);
  const all = server.trades('linear', symbol).length - from;
  await run.until(() => idsOf(run.records).length >= all || gapsOf(run.records).length > 0, 'the end of the repair');
  const records = await run.stop();
  expect(lostInSilence(server, symbol, from, records)).toEqual([]);
  expect(gapsOf(records)).toMatchObject([{ missing: false }]);
});

it.concurrent('a capture whose REST is slow for many symbols ends with no gap that was proven complete', async () => {
  const count = 60;
  const server = await start('bybit', { symbols: { linear: count }, history: { trades: 10 * count, duration: 60_000 } });
  const run = await capture([server], { repair: { hold: SECOND, within: 3 * SECOND } });
  const symbols = run.live.pools.flatMap(({ subscriptions }) => subscriptions.map(({ symbol }) => symbol));
  const before = server.tradeCount();
  const trades = () => symbols.map((symbol) => server.trade('linear', symbol));
  trades();
  await run.until(() => idsOf(run.records).length >= count, 'first trades');
  server.faults.http({ kind: 'late', milliseconds: 400 }, { times: 10_000, path: LISTS });
  server.drop();
  for (const symbol of symbols.slice(0, 20)) server.trade('linear', symbol);
  await run.until(() => run.live.status().reconnects > 0, 'loss noticed');
  await run.until(() => symbols.every((symbol) => server.subscribers('linear', symbol).length > 0), 'subscribed again');
  trades();
  const isCorrected = () =>
    symbols.every((symbol) => gapsOf(run.records).findLast((gap) => gap.symbol === symbol)?.missing === false);
  await run.until(() => gapsOf(run.records).some(({ missing }) => missing) && isCorrected(), 'every gap is corrected', 20_000);
  const records = await run.stop();
  expect(new Set(idsOf(records)).size).toBe(server.tradeCount() - before);
  expect(run.live.statistics.incomplete).toBe(false);
}, 40_000);
