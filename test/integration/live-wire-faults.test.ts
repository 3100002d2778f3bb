import { afterEach, describe, expect, it } from 'vitest';
import { type ExchangeServer, type Session, startExchangeServer } from '../support/exchange-server/index.js';
import { expectObedient } from '../support/exchange-server/obedient.js';
import { captureFrom, type TestOptions, type TestRun } from '../support/live-run.js';
import { gapsOf, idsOf, lostInSilence } from '../support/live-trades.js';

const LISTS = /fills|recent-trade/;

const servers: ExchangeServer[] = [];
const runs: TestRun[] = [];
afterEach(async () => {
  for (const run of runs.splice(0)) await run.stop().catch(() => {});
  for (const server of servers.splice(0)) await server.close();
});

/** A capture of one symbol that has received 20 of its trades. */
async function capture(id: string, options: TestOptions = {}) {
  const server = await startExchangeServer(id, { timeScale: 50, keepBooks: false, symbols: { linear: 1 }, strangers: false });
  servers.push(server);
  const [symbol = ''] = server.market.symbols.map(({ listing }) => listing.symbol);
  const from = server.tradeCount('linear', symbol);
  const trade = (times: number) => {
    for (let made = 0; made < times; made++) server.trade('linear', symbol);
  };
  const run = await captureFrom([server], { repair: {}, ...options });
  runs.push(run);
  await run.until(() => run.live.status().isReady, 'all subscribed');
  trade(20);
  const ids = () => idsOf(run.records, symbol);
  await run.until(() => ids().length >= 20, 'first trades');
  const session = (): Session => server.subscribers('linear', symbol)[0] as Session;
  const truth = () => server.trades('linear', symbol).slice(from);
  /** Waits until every trade is known, ends the run and holds it to the exchange. */
  const judge = async () => {
    await run.until(() => ids().length >= truth().length, 'all trades');
    const records = await run.stop();
    expect(idsOf(records, symbol)).toEqual(truth().map(({ id }) => id));
    expect(lostInSilence(server, symbol, from, records)).toEqual([]);
    for (const gap of gapsOf(records)) expect(gap.missing).toBe(false);
    expectObedient(server);
    return records;
  };
  return { server, run, symbol, trade, session, judge };
}

describe.each(['bitget', 'bybit'])('a connection of %s', (id) => {
  it('that fragments its messages, with a ping between the fragments delivers all of them', async () => {
    const { run, trade, session, judge } = await capture(id);
    session().fragment(30, 5);
    trade(30);
    expect(gapsOf(await judge())).toEqual([]);
    expect(run.live.statistics.rejected.size).toBe(0);
  });

  it('that is cut in the middle of a frame loses nothing', async () => {
    const { server, run, symbol, trade, session, judge } = await capture(id);
    session().cutInFrame();
    trade(10);
    await run.until(() => run.live.status().reconnects === 1, 'loss noticed');
    await run.until(() => server.subscribers('linear', symbol).length > 0, 'subscribed again');
    trade(5);
    expect(gapsOf(await judge())).toMatchObject([{ reason: 'disconnect', missing: false }]);
    expect(run.live.statistics.rejected.size).toBe(0);
  });

  it.each([1001, 1012])('that is closed with code %i loses nothing', async (code) => {
    const { server, run, symbol, trade, session, judge } = await capture(id);
    trade(5);
    session().close(code, 'service restart');
    trade(10);
    await run.until(() => run.live.status().reconnects === 1, 'loss noticed');
    await run.until(() => server.subscribers('linear', symbol).length > 0, 'subscribed again');
    trade(5);
    expect(gapsOf(await judge()).at(-1)).toMatchObject({ reason: 'disconnect', missing: false });
  });

  it('whose answers to subscriptions come after data is not subscribed twice', async () => {
    const { server, run, symbol, trade, judge } = await capture(id);
    server.faults.delayAnswers(300, 9);
    server.drop();
    trade(10);
    await run.until(() => server.subscribers('linear', symbol).length > 0, 'subscribed again');
    trade(10);
    await judge();
    expect(run.live.statistics.rejected.size + run.live.statistics.unknown.size).toBe(0);
  });

  it('with unknown fields and topics of strangers gives the same trades, and nothing else', async () => {
    const { run, symbol, trade, session, judge } = await capture(id, { symbols: ['BTCUSDT'] });
    session().extend(30);
    session().strange();
    trade(30);
    session().strange();
    const records = await judge();
    expect(gapsOf(records)).toEqual([]);
    expect(new Set(records.filter(({ type }) => type === 'trade').map((record) => 'symbol' in record && record.symbol))).toEqual(
      new Set([symbol]),
    );
    for (const record of records) if (record.type === 'trade') expect(record.price).toBeGreaterThan(1);
    expect(run.live.statistics.rejected.size).toBe(0);
  });

  it('is repaired when lists of trades are HTML, cut or half of their text', async () => {
    const { server, run, trade, judge } = await capture(id);
    for (const kind of ['html', 'half', 'cut-body'] as const) server.faults.http({ kind }, { path: LISTS });
    server.drop();
    trade(120);
    await run.until(() => run.live.status().reconnects === 1, 'loss noticed');
    await run.until(() => server.connections.length > 0 && server.subscriptions > 0, 'subscribed again');
    trade(5);
    expect(gapsOf(await judge()).at(-1)).toMatchObject({ missing: false });
  });

  it('is repaired from dribbled lists, and asks again no sooner than Retry-After says', async () => {
    const { server, run, trade, judge } = await capture(id);
    server.faults.http({ kind: 'rate-limit', retryAfter: { seconds: 1 } }, { path: LISTS });
    server.faults.http({ kind: 'dribbled', milliseconds: 300 }, { times: 9, path: LISTS });
    server.drop();
    trade(120);
    await run.until(() => run.live.status().reconnects === 1, 'loss noticed');
    await run.until(() => server.connections.length > 0 && server.subscriptions > 0, 'subscribed again');
    trade(5);
    await run.until(() => gapsOf(run.records).length > 0, 'the gap');
    await judge();
  });
});
