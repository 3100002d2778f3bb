import { afterEach, describe, expect, it } from 'vitest';
import { compareTrades } from '../../src/lib/model/order.js';
import type { AnyRecord, Gap, Trade } from '../../src/lib/model/records.js';
import { SECOND } from '../../src/lib/model/time.js';
import { type ExchangeServer, type StartOptions, startExchangeServer } from '../support/exchange-server/index.js';
import { captureFrom, type TestRun } from '../support/live-run.js';

const servers: ExchangeServer[] = [];
const runs: TestRun[] = [];

async function start(id: string, options: StartOptions = {}): Promise<ExchangeServer> {
  const server = await startExchangeServer(id, { timeScale: 50, keepBooks: false, symbols: { linear: 2 }, ...options });
  servers.push(server);
  return server;
}

async function capture(...args: Parameters<typeof captureFrom>): Promise<TestRun> {
  const run = await captureFrom(...args);
  runs.push(run);
  await run.until(() => run.live.status().isReady, 'all subscribed');
  return run;
}

afterEach(async () => {
  for (const run of runs.splice(0)) await run.stop().catch(() => {});
  for (const server of servers.splice(0)) await server.close();
});

const gapsOf = (records: readonly AnyRecord[]) => records.filter((record): record is Gap => record.type === 'gap');
const tradesOf = (records: readonly AnyRecord[], symbol: string) =>
  records.filter((record): record is Trade => record.type === 'trade' && record.symbol === symbol);
const idsOf = (records: readonly AnyRecord[], symbol: string) => tradesOf(records, symbol).map(({ id }) => id);
const truth = (server: ExchangeServer, symbol: string, from: number) =>
  server
    .trades('linear', symbol)
    .slice(from)
    .map(({ id }) => id);

/** Lets so many trades happen, a few milliseconds apart. */
async function trade(server: ExchangeServer, symbol: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    server.trade('linear', symbol);
    if (i % 10 === 9) await new Promise((resolve) => setTimeout(resolve, 3));
  }
}

/** A run that has seen trades of a symbol and is cut off while `missed` more happen. */
async function interrupted(server: ExchangeServer, run: TestRun, missed: number) {
  const symbol = run.live.pools[0]?.subscriptions[0]?.symbol as string;
  const from = server.tradeCount('linear', symbol);
  await trade(server, symbol, 20);
  await run.until(() => idsOf(run.records, symbol).length >= 20, 'first trades');
  server.drop();
  // At once: a connection may be back sooner than a busy machine comes to it.
  for (let i = 0; i < missed; i++) server.trade('linear', symbol);
  await run.until(() => run.live.status().reconnects === 1, 'loss noticed');
  await run.until(() => server.subscribers('linear', symbol).length > 0, 'subscribed again');
  return { symbol, from };
}

const all = (server: ExchangeServer, run: TestRun, symbol: string, from: number) => () =>
  idsOf(run.records, symbol).length >= truth(server, symbol, from).length;

describe.each(['bitget', 'bybit'])('repair of a live capture of %s', (id) => {
  it('fetches what happened while a connection was lost, in order, before what came after it', async () => {
    const server = await start(id);
    const run = await capture([server], { repair: {} });
    const { symbol, from } = await interrupted(server, run, 180);
    await trade(server, symbol, 20);
    await run.until(all(server, run, symbol, from), 'all trades');
    await run.until(() => gapsOf(run.records).length === 2, 'the silent one told too');
    const records = await run.stop();
    expect(idsOf(records, symbol)).toEqual(truth(server, symbol, from));
    const trades = tradesOf(records, symbol);
    expect(trades).toEqual([...trades].sort(compareTrades));
    const [gap] = gapsOf(records).filter((candidate) => candidate.symbol === symbol) as [Gap];
    expect(gap).toMatchObject({ channel: 'trade', reason: 'disconnect', missing: false });
    expect(gap.repaired).toBe(trades.filter(({ localTimestamp }) => localTimestamp === undefined).length);
    const clock = records.filter((record) => record.type === 'clock').map(({ timestamp }) => timestamp);
    expect(clock).toEqual([...clock].sort((a, b) => a - b));
    expect(run.live.status()).toMatchObject({ gaps: 0, repaired: { trades: gap.repaired } });
    expect(server.violations).toEqual([]);
  });

  it('closes no second of the market before its trades are there', async () => {
    const server = await start(id);
    const run = await capture([server], { repair: {} });
    const { symbol, from } = await interrupted(server, run, 150);
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    await trade(server, symbol, 5);
    await run.until(all(server, run, symbol, from), 'all trades');
    await run.until(
      () => (run.records.findLast(({ type }) => type === 'clock')?.timestamp ?? 0) > Date.now() * 1_000 - 3 * SECOND,
      'time goes on',
    );
    let passed = 0;
    for (const record of await run.stop()) {
      if (record.type === 'clock') passed = record.timestamp;
      else if (record.type === 'trade') expect(record.timestamp).toBeGreaterThanOrEqual(passed - SECOND);
    }
  });

  it('repairs what a connection that fell silent did not deliver', async () => {
    const server = await start(id);
    const run = await capture([server], { repair: {}, pacing: { silenceLimit: 400, heartbeatEvery: 100 } });
    const symbol = run.live.pools[0]?.subscriptions[0]?.symbol as string;
    const from = server.tradeCount('linear', symbol);
    await trade(server, symbol, 10);
    await run.until(() => idsOf(run.records, symbol).length >= 10, 'first trades');
    for (const connection of server.connections) connection.stall();
    await trade(server, symbol, 80);
    await run.until(() => run.live.status().reconnects === 1, 'death noticed');
    await run.until(() => server.subscribers('linear', symbol).length > 0, 'subscribed again');
    await trade(server, symbol, 5);
    await run.until(all(server, run, symbol, from), 'all trades');
    const records = await run.stop();
    expect(idsOf(records, symbol)).toEqual(truth(server, symbol, from));
    expect(gapsOf(records)).toContainEqual(expect.objectContaining({ symbol, reason: 'stale', missing: false }));
  });

  it('says that nothing was missed of a symbol that did not trade', async () => {
    const server = await start(id, { history: { trades: 40, duration: 60_000 } });
    const run = await capture([server], { repair: {} });
    const symbols = run.live.pools.flatMap(({ subscriptions }) => subscriptions.map(({ symbol }) => symbol));
    for (const symbol of symbols) server.trade('linear', symbol);
    await run.until(() => symbols.every((symbol) => idsOf(run.records, symbol).length > 0), 'both heard');
    server.drop();
    await run.until(() => run.live.status().reconnects === 1, 'loss noticed');
    await run.until(() => gapsOf(run.records).length === 2, 'both told');
    const records = await run.stop();
    for (const gap of gapsOf(records)) expect(gap).toMatchObject({ missing: false, repaired: 0 });
    expect(server.violations).toEqual([]);
  });

  it('tries again when the exchange refuses for now, and gives up when it does not answer', async () => {
    const server = await start(id);
    const run = await capture([server], { repair: { hold: 2 * SECOND, within: 2.5 * SECOND } });
    server.faults.http({ kind: 'cut' }, { times: 2, path: /fills|recent-trade/ });
    const first = await interrupted(server, run, 100);
    await trade(server, first.symbol, 3);
    await run.until(all(server, run, first.symbol, first.from), 'repaired after all');
    expect(gapsOf(run.records).filter(({ missing }) => missing)).toEqual([]);
    server.faults.http({ kind: 'cut' }, { times: 1_000, path: /fills|recent-trade/ });
    server.drop();
    await run.until(() => run.live.status().reconnects === 2, 'second loss noticed');
    await trade(server, first.symbol, 200);
    await run.until(() => server.subscribers('linear', first.symbol).length > 0, 'subscribed again');
    const before = idsOf(run.records, first.symbol).length;
    await trade(server, first.symbol, 3);
    await run.until(() => idsOf(run.records, first.symbol).length > before, 'let go');
    const records = await run.stop();
    const hole = gapsOf(records).find(({ missing, symbol }) => missing && symbol === first.symbol);
    expect(hole).toMatchObject({ reason: 'disconnect', missing: true });
    const given = new Set(idsOf(records, first.symbol));
    for (const { id: missed, time } of server.trades('linear', first.symbol).slice(first.from)) {
      if (given.has(missed)) continue;
      expect(time * 1_000).toBeGreaterThanOrEqual(hole?.fromTimestamp as number);
      expect(time * 1_000).toBeLessThanOrEqual(hole?.untilTimestamp as number);
    }
    expect(run.log.filter((line) => line.includes('could not be fetched')).length).toBeGreaterThan(0);
    expect(run.live.statistics.incomplete).toBe(true);
  });

  it('fetches again what slow outputs could not take', async () => {
    const server = await start(id);
    let release = () => {};
    const blocked = new Promise<void>((resolve) => {
      release = resolve;
    });
    const take = (batch: readonly AnyRecord[]) => (batch.some(({ type }) => type === 'trade') ? blocked : undefined);
    const run = await capture([server], { repair: {}, queueLimit: 200, take });
    const symbol = run.live.pools[0]?.subscriptions[0]?.symbol as string;
    const from = server.tradeCount('linear', symbol);
    await trade(server, symbol, 300);
    await run.until(() => run.log.some((line) => line.includes('fetched again')), 'overflow');
    await trade(server, symbol, 50);
    release();
    await run.until(() => run.live.status().queue.waiting === 0, 'drained');
    await trade(server, symbol, 3);
    await run.until(all(server, run, symbol, from), 'all trades');
    const records = await run.stop();
    expect(idsOf(records, symbol)).toEqual(truth(server, symbol, from));
    for (const gap of gapsOf(records)) expect(gap).toMatchObject({ symbol, reason: 'overflow', missing: false });
    expect(gapsOf(records).length).toBeGreaterThan(0);
    expect(run.live.statistics.incomplete).toBe(false);
  });

  it('tells a hole at the end of the run, when nothing has come since the loss', async () => {
    const server = await start(id);
    const run = await capture([server], { repair: {} });
    const symbol = run.live.pools[0]?.subscriptions[0]?.symbol as string;
    await trade(server, symbol, 5);
    await run.until(() => idsOf(run.records, symbol).length >= 5, 'first trades');
    server.faults.refuseConnects(1_000);
    server.drop();
    await run.until(() => run.live.status().reconnects === 1, 'loss noticed');
    await trade(server, symbol, 5);
    const gaps = gapsOf(await run.stop());
    expect(gaps).toContainEqual(expect.objectContaining({ symbol, channel: 'trade', reason: 'disconnect', missing: true }));
    for (const { time } of server.trades('linear', symbol).slice(-5))
      expect(gaps.some(({ untilTimestamp }) => untilTimestamp >= time * 1_000)).toBe(true);
  });
});

it('tells what is left of a hole that is longer than what Bybit gives', async () => {
  const server = await start('bybit');
  const run = await capture([server], { repair: {} });
  const { symbol, from } = await interrupted(server, run, 1_400);
  await trade(server, symbol, 5);
  await run.until(() => idsOf(run.records, symbol).length > 900, 'what there is');
  const records = await run.stop();
  const given = idsOf(records, symbol);
  expect(given).toHaveLength(new Set(given).size);
  const [gap] = gapsOf(records).filter((candidate) => candidate.symbol === symbol) as [Gap];
  expect(gap).toMatchObject({ missing: true, reason: 'disconnect' });
  expect(gap.repaired).toBeGreaterThan(900);
  const missing = server
    .trades('linear', symbol)
    .slice(from)
    .filter((each) => !given.includes(each.id));
  expect(missing.length).toBeGreaterThan(300);
  for (const { time } of missing) {
    expect(time * 1_000).toBeGreaterThanOrEqual(gap.fromTimestamp);
    expect(time * 1_000).toBeLessThanOrEqual(gap.untilTimestamp);
  }
});

it('asks nothing of Bitget where its first frame tells all that was missed', async () => {
  const server = await start('bitget');
  const run = await capture([server], { repair: {} });
  const requests = server.requests;
  const { symbol, from } = await interrupted(server, run, 10);
  await run.until(all(server, run, symbol, from), 'all trades');
  const gap = gapsOf(run.records).find((candidate) => candidate.symbol === symbol);
  expect(gap).toMatchObject({ missing: false });
  expect(server.requests - requests).toBeLessThanOrEqual(3);
});
