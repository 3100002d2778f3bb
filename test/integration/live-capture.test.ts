import { afterEach, describe, expect, it } from 'vitest';
import type { AnyRecord, Gap } from '../../src/lib/model/records.js';
import type { RowEdit } from '../support/exchange-server/engine/faults.js';
import { type ExchangeServer, type StartOptions, startExchangeServer } from '../support/exchange-server/index.js';
import { captureFrom, type TestRun } from '../support/live-run.js';

const TIMES = 50;
const servers: ExchangeServer[] = [];
const runs: TestRun[] = [];

async function start(id: string, options: StartOptions = {}): Promise<ExchangeServer> {
  const server = await startExchangeServer(id, { timeScale: TIMES, keepBooks: false, ...options });
  servers.push(server);
  return server;
}

async function capture(...args: Parameters<typeof captureFrom>): Promise<TestRun> {
  const run = await captureFrom(...args);
  runs.push(run);
  return run;
}

afterEach(async () => {
  for (const run of runs.splice(0)) await run.stop().catch(() => {});
  for (const server of servers.splice(0)) await server.close();
});

const settled = (run: TestRun) => () => run.live.status().isReady;
const gapsOf = (records: readonly AnyRecord[]) => records.filter((record): record is Gap => record.type === 'gap');
const idsOf = (records: readonly AnyRecord[], symbol: string) =>
  records.flatMap((record) => (record.type === 'trade' && record.symbol === symbol ? [record.id] : []));

/** Ids of every trade that happened from `from` on, in order. */
function truth(server: ExchangeServer, symbol: string, from = 0): string[] {
  return server
    .trades('linear', symbol)
    .slice(from)
    .map(({ id }) => id);
}

describe.each(['bitget', 'bybit'])('live capture of %s', (id) => {
  it('receives every trade of every symbol once, and a requested stop leaves no gap', async () => {
    const server = await start(id, { symbols: { linear: 7 } });
    const run = await capture([server]);
    await run.until(settled(run), 'all subscribed');
    const symbols = run.live.pools.flatMap(({ subscriptions }) => subscriptions.map(({ symbol }) => symbol));
    expect(symbols).toHaveLength(7);
    const before = new Map(symbols.map((symbol) => [symbol, server.tradeCount('linear', symbol)]));
    for (let i = 0; i < 200; i++) server.trade('linear', symbols[i % 6] as string);
    const sent = symbols.reduce((sum, symbol) => sum + truth(server, symbol, before.get(symbol)).length, 0);
    await run.until(() => run.records.filter(({ type }) => type === 'trade').length >= sent, 'all trades');
    const records = await run.stop();
    for (const symbol of symbols) expect(idsOf(records, symbol)).toEqual(truth(server, symbol, before.get(symbol)));
    expect(gapsOf(records)).toEqual([]);
    expect(server.violations).toEqual([]);
  });

  it('asks again for a named symbol that the first list lacks, and refuses one that the second lacks too', async () => {
    const server = await start(id, { symbols: { linear: 3 } });
    let lists = 0;
    server.faults.editRows(/instruments|contracts/, (rows) =>
      lists++ === 0 ? rows.filter((row) => !JSON.stringify(row).includes('"ETHUSDT"')) : rows,
    );
    const run = await capture([server], { symbols: ['BTCUSDT', 'ETHUSDT'] });
    await run.until(settled(run), 'all subscribed');
    expect(run.live.symbols).toBe(2);
    await run.stop();
    await expect(captureFrom([server], { symbols: ['BTCUSDT', 'ETHUSTD'] })).rejects.toThrow('unknown symbol ETHUSTD');
  });

  it('does not refuse a named symbol that has a price, and subscribes it when the list has it', async () => {
    const server = await start(id, { symbols: { linear: 3 } });
    const hide = (rows: readonly unknown[]) => rows.filter((row) => !JSON.stringify(row).includes('"ETHUSDT"'));
    server.faults.editRows(/instruments|contracts/, hide);
    const run = await capture([server], { symbols: ['BTCUSDT', 'ETHUSDT'], refreshEvery: 150 });
    await run.until(settled(run), 'the other subscribed');
    expect([run.live.symbols, run.incomplete]).toEqual([1, [expect.stringMatching(/lists are short and lack ETHUSDT/)]]);
    server.faults.restoreRows();
    await run.until(() => server.subscribers('linear', 'ETHUSDT').length === 1, 'subscribed after all');
    await run.stop();
    expect(server.violations).toEqual([]);
  });

  it('captures names outside of A–Z and 0–9 as they are listed, in the spelling that the user names', async () => {
    const names = ['龙虾USDT', 'kPEPEUSDT', 'Ä1USDT', '🚀USDT'];
    const listings = names.map((symbol) => ({
      market: 'linear' as const,
      symbol,
      base: symbol.replace('USDT', ''),
      quote: 'USDT',
    }));
    const server = await start(id, { symbols: { linear: 1 }, listings });
    const run = await capture([server], { symbols: ['龙虾USDT', `${id}:linear:kPEPEUSDT`, 'ä1usdt', '🚀/USDT:USDT'] });
    await run.until(settled(run), 'all subscribed');
    for (const name of names) server.trade('linear', name);
    await run.until(() => run.records.filter(({ type }) => type === 'trade').length >= names.length, 'trades');
    const records = await run.stop();
    for (const name of names) expect(idsOf(records, name)).toEqual(truth(server, name));
    expect(server.violations).toEqual([]);
  });

  it('tells a hole of every subscription when a connection is lost, also of those that had said nothing', async () => {
    const server = await start(id, { symbols: { linear: 3 } });
    const run = await capture([server], { channels: ['trade', 'ticker'] });
    await run.until(settled(run), 'all subscribed');
    const symbols = [...new Set(run.live.pools.flatMap(({ subscriptions }) => subscriptions.map(({ symbol }) => symbol)))];
    const [loud, quiet] = symbols as [string, string];
    const trade = () => void server.trade('linear', loud);
    trade();
    await run.until(() => idsOf(run.records, loud).length > 0, 'first trade');
    server.drop();
    await run.until(() => run.live.status().reconnects === 1, 'loss noticed');
    trade();
    await run.until(settled(run), 'subscribed again');
    for (const symbol of symbols) server.trade('linear', symbol);
    for (const symbol of symbols) server.ticker('linear', symbol);
    await run.until(() => idsOf(run.records, quiet).length > 0, 'trade of the quiet one');
    const gaps = gapsOf(await run.stop());
    const named = gaps.map(({ channel, symbol }) => `${channel} ${symbol}`).sort();
    expect(named).toEqual(symbols.flatMap((symbol) => [`ticker ${symbol}`, `trade ${symbol}`]).sort());
    for (const gap of gaps) expect(gap).toMatchObject({ reason: 'disconnect', missing: true, repaired: 0 });
    for (const gap of gaps) expect(gap.untilTimestamp).toBeGreaterThanOrEqual(gap.fromTimestamp);
    expect(server.violations).toEqual([]);
  });

  it('reports a refused symbol with its reason and spares its neighbours', async () => {
    const server = await start(id, { symbols: { linear: 9 } });
    const listed = server.market.symbols.filter(({ listing }) => listing.market === 'linear' && listing.status === 'trading');
    const victim = listed.map(({ listing }) => listing.symbol).find((symbol) => /USDT$/.test(symbol)) as string;
    server.faults.refuseSymbol('linear', victim);
    const run = await capture([server]);
    await run.until(settled(run), 'all answered');
    expect(run.live.status().subscriptions).toEqual({ pending: 0, confirmed: 8, refused: 1, stale: 0 });
    expect(run.log.filter((line) => line.includes('refused') && line.includes(victim))).toHaveLength(1);
    await run.stop();
    expect(server.violations).toEqual([]);
  });

  it('asks again, apart, when a whole request is refused', async () => {
    const server = await start(id, { symbols: { linear: 9 } });
    server.faults.rejectBatches(2);
    const run = await capture([server]);
    await run.until(() => run.live.status().subscriptions.pending === 0, 'all answered');
    const { confirmed, refused, stale } = run.live.status().subscriptions;
    expect(confirmed + refused + stale).toBe(9);
    if (id === 'bybit') expect(confirmed).toBe(9);
    await run.stop();
    expect(server.violations).toEqual([]);
  });

  it('cuts a connection that has gone silent and connects again', async () => {
    const server = await start(id, { symbols: { linear: 2 } });
    const run = await capture([server], { pacing: { silenceLimit: 400, heartbeatEvery: 100 } });
    await run.until(settled(run), 'all subscribed');
    for (const connection of server.connections) connection.stall();
    await run.until(() => run.live.status().reconnects === 1, 'death noticed');
    await run.until(settled(run), 'subscribed again');
    expect(run.log.some((line) => line.includes('nothing received for'))).toBe(true);
    await run.stop();
  });

  it('replaces a connection before its time without a hole, a loss or a copy', async () => {
    const server = await start(id, { symbols: { linear: 3 } });
    const run = await capture([server], { pacing: { rotateAfter: 700 }, channels: ['trade', 'ticker', 'book', 'book_delta'] });
    await run.until(settled(run), 'all subscribed');
    const [symbol] = run.live.pools.flatMap(({ subscriptions }) => subscriptions.map((each) => each.symbol)) as [string];
    const from = server.tradeCount('linear', symbol);
    const timer = setInterval(() => {
      server.trade('linear', symbol);
      server.requote('linear', symbol);
    }, 5);
    await run.until(() => server.accepted >= 3, 'two rotations');
    clearInterval(timer);
    const expected = truth(server, symbol, from);
    await run.until(() => idsOf(run.records, symbol).length >= expected.length, 'all trades');
    const records = await run.stop();
    expect(idsOf(records, symbol)).toEqual(expected);
    expect(gapsOf(records)).toEqual([]);
    expect(run.live.status().reconnects).toBe(0);
    expect(server.violations).toEqual([]);
  });

  it('tells what a connection missed that had died unnoticed when it was replaced', async () => {
    const server = await start(id, { symbols: { linear: 2 } });
    const pacing = { rotateAfter: 600, silenceLimit: 1_500, heartbeatEvery: 100 };
    const run = await capture([server], { pacing, channels: ['trade', 'book_delta'] });
    await run.until(settled(run), 'all subscribed');
    const symbols = [...new Set(run.live.pools.flatMap(({ subscriptions }) => subscriptions.map(({ symbol }) => symbol)))];
    for (const symbol of symbols) server.trade('linear', symbol);
    await run.until(() => symbols.every((symbol) => idsOf(run.records, symbol).length > 0), 'first trades');
    for (const connection of server.connections) connection.stall();
    const lost = symbols.map((symbol) => server.trade('linear', symbol)[0]?.time ?? 0);
    for (const symbol of symbols) server.requote('linear', symbol);
    await run.until(() => server.accepted >= 2 && settled(run)(), 'replaced');
    await run.until(() => gapsOf(run.records).length >= 4, 'holes told');
    for (const symbol of symbols) server.trade('linear', symbol);
    const gaps = gapsOf(await run.stop());
    for (const [at, symbol] of symbols.entries()) {
      const own = gaps.filter((gap) => gap.symbol === symbol && gap.reason === 'stale' && gap.missing);
      expect(own.map(({ channel }) => channel).sort()).toEqual(['book_delta', 'trade']);
      for (const gap of own) expect(gap.fromTimestamp).toBeLessThanOrEqual((lost[at] as number) * 1_000);
      for (const gap of own) expect(gap.untilTimestamp).toBeGreaterThanOrEqual((lost[at] as number) * 1_000);
    }
  });

  it('subscribes what is listed while it runs, and ends what is delisted, without a hole', async () => {
    const server = await start(id, { symbols: { linear: 3 } });
    const run = await capture([server], { refreshEvery: 150 });
    await run.until(settled(run), 'all subscribed');
    const [first] = run.live.pools.flatMap(({ subscriptions }) => subscriptions.map(({ symbol }) => symbol)) as [string];
    const { listing } = server.market.get('linear', first);
    server.list({ ...listing, symbol: 'NEWUSDT', base: 'NEW' });
    await run.until(() => server.subscribers('linear', 'NEWUSDT').length === 1, 'new listing subscribed');
    server.trade('linear', 'NEWUSDT');
    await run.until(() => idsOf(run.records, 'NEWUSDT').length > 0, 'trade of the new listing');
    server.trade('linear', first);
    await run.until(() => idsOf(run.records, first).length > 0, 'trade before the end');
    server.delist('linear', first);
    await run.until(() => server.subscribers('linear', first).length === 0, 'delisted one ended');
    server.drop();
    await run.until(() => run.live.status().reconnects >= 1, 'loss noticed');
    await run.until(settled(run), 'subscribed again');
    const gaps = gapsOf(await run.stop());
    expect(gaps.map(({ symbol }) => symbol)).not.toContain(first);
    expect(server.violations).toEqual([]);
  });

  it('tells a gap and fetches what it missed of a symbol that was left for a time', async () => {
    const server = await start(id, { symbols: { linear: 3 }, strangers: false });
    const run = await capture([server], { channels: ['trade', 'ticker'], refreshEvery: 100, repair: {} });
    await run.until(settled(run), 'all subscribed');
    const [symbol] = run.live.pools.flatMap(({ subscriptions }) => subscriptions.map((one) => one.symbol)) as [string];
    const from = server.tradeCount('linear', symbol);
    server.trade('linear', symbol);
    server.ticker('linear', symbol);
    await run.until(() => idsOf(run.records, symbol).length > 0, 'a trade');
    server.faults.editRows(/instruments-info|contracts/, (rows) => rows.filter((row) => !JSON.stringify(row).includes(symbol)));
    await run.until(() => server.subscribers('linear', symbol).length === 0, 'left');
    for (let i = 0; i < 3; i++) server.trade('linear', symbol);
    server.faults.clear();
    await run.until(() => server.subscribers('linear', symbol).length > 0, 'subscribed again');
    server.trade('linear', symbol);
    server.ticker('linear', symbol);
    await run.until(() => idsOf(run.records, symbol).length >= 5, 'all trades');
    await run.until(() => gapsOf(run.records).some(({ channel }) => channel === 'ticker'), 'the gap of the ticker');
    const gaps = gapsOf(await run.stop()).filter((gap) => gap.symbol === symbol);
    expect(idsOf(run.records, symbol)).toEqual(truth(server, symbol, from));
    expect(gaps.map(({ channel, missing, repaired }) => [channel, missing, repaired])).toEqual(
      expect.arrayContaining([
        ['trade', false, 3],
        ['ticker', true, 0],
      ]),
    );
  });

  it('gets a fresh snapshot of a book whose sequence broke', async () => {
    const server = await start(id, { symbols: { linear: 2 } });
    const run = await capture([server], { channels: ['book_delta'] });
    await run.until(settled(run), 'all subscribed');
    const [symbol] = run.live.pools.flatMap(({ subscriptions }) => subscriptions.map((each) => each.symbol)) as [string];
    const count = (type: string) =>
      run.records.filter((record) => record.type === type && 'symbol' in record && record.symbol === symbol).length;
    const timer = setInterval(() => server.requote('linear', symbol), 10);
    await run.until(() => count('book_delta') > 3, 'deltas');
    server.breakSequence('linear', symbol);
    await run.until(() => count('book_snapshot') === 2, 'second snapshot');
    const deltas = count('book_delta');
    await run.until(() => count('book_delta') > deltas + 3, 'deltas go on');
    clearInterval(timer);
    const gaps = gapsOf(await run.stop());
    expect(gaps.map((gap) => [gap.channel, gap.symbol, gap.reason])).toEqual([['book_delta', symbol, 'sequence']]);
    expect(server.violations).toEqual([]);
  });

  it('reports a subscription that is confirmed and stays silent while its siblings speak', async () => {
    const server = await start(id, { symbols: { linear: 3 } });
    const listed = server.market.symbols.filter(({ listing }) => listing.market === 'linear' && /USDT$/.test(listing.symbol));
    const mute = listed.find(({ listing }) => listing.status === 'trading')?.listing.symbol as string;
    server.faults.silence('linear', mute);
    const run = await capture([server], { channels: ['ticker'], pacing: { staleAfter: 300 } });
    await run.until(() => run.live.status().subscriptions.stale === 1, 'stale');
    expect(run.log.filter((line) => line.includes('silent') && line.includes(mute))).toHaveLength(1);
    server.faults.unsilence('linear', mute);
    // It is heard for as long as it speaks.
    const heard = () => {
      server.ticker('linear', mute);
      return run.live.status().subscriptions.stale === 0;
    };
    await run.until(heard, 'heard after all');
    await run.stop();
  });

  it('calls trades silent when the ticker of their symbol tells of them, and not because nobody trades', async () => {
    const server = await start(id, { symbols: { linear: 3 } });
    const run = await capture([server], { channels: ['trade', 'ticker'], pacing: { staleAfter: 300 } });
    await run.until(settled(run), 'all subscribed');
    const [mute, quiet, busy] = run.live.pools.flatMap(({ subscriptions }) =>
      subscriptions.filter(({ channel }) => channel === 'trade').map(({ symbol }) => symbol),
    ) as [string, string, string];
    server.faults.silence('linear', mute, id === 'bitget' ? 'trade' : 'publicTrade');
    const timer = setInterval(() => {
      for (const symbol of [mute, busy]) server.trade('linear', symbol);
      for (const symbol of [mute, quiet, busy]) server.ticker('linear', symbol);
    }, 20);
    const lines = () => run.log.filter((line) => line.includes('silent'));
    await run.until(() => lines().length > 0, 'silent');
    await new Promise((resolve) => setTimeout(resolve, 600));
    clearInterval(timer);
    for (const line of lines()) expect(line).toMatch(new RegExp(`their tickers show trades: .*${mute.replace('$', '\\$')}`));
    await run.stop();
  });

  it('subscribes mute tickers, books and candles again when their symbol trades, and tells the gaps', async () => {
    const topics = id === 'bitget' ? ['ticker', 'books15', 'candle1m'] : ['tickers', 'orderbook.50', 'kline.1'];
    const server = await start(id, { symbols: { linear: 3 } });
    const channels = ['trade', 'ticker', 'book', 'candle'] as const;
    const run = await capture([server], { channels, intervals: ['1m'], pacing: { staleAfter: 800 } });
    await run.until(settled(run), 'all subscribed');
    const [mute, quiet, busy] = run.live.pools.flatMap(({ subscriptions }) =>
      subscriptions.filter(({ channel }) => channel === 'trade').map(({ symbol }) => symbol),
    ) as [string, string, string];
    const say = (symbol: string) => {
      server.trade('linear', symbol);
      server.ticker('linear', symbol);
      server.requote('linear', symbol);
    };
    const types = ['ticker', 'book_snapshot', 'candle'];
    const count = (type: string, symbol: string) =>
      run.records.filter((record) => record.type === type && 'symbol' in record && record.symbol === symbol).length;
    const timer = setInterval(() => {
      for (const symbol of [mute, busy]) say(symbol);
    }, 20);
    say(quiet);
    const isHeard = (symbol: string, times: number) => types.every((type) => count(type, symbol) >= times);
    await run.until(() => isHeard(quiet, 1) && isHeard(busy, 5) && isHeard(mute, 5), 'first states');
    for (const topic of topics) server.faults.silence('linear', mute, topic);
    await run.until(() => run.live.status().subscriptions.stale === 3, 'counted as stale');
    for (const topic of topics) server.faults.unsilence('linear', mute, topic);
    const before = types.map((type) => count(type, mute));
    await run.until(() => types.every((type, at) => count(type, mute) > (before[at] as number)), 'heard again');
    clearInterval(timer);
    for (const line of run.log.filter((one) => one.includes('silent'))) expect(line).toContain(mute);
    const gaps = gapsOf(await run.stop());
    // A delta between the end of the silence and the new snapshot does not continue the book.
    const stale = gaps.filter(({ reason }) => reason !== 'sequence');
    expect(stale.every(({ reason, missing }) => reason === 'stale' && missing)).toBe(true);
    expect(stale.map(({ channel }) => channel).sort()).toEqual(['book', 'candle', 'ticker']);
    expect(gaps.every(({ symbol }) => symbol === mute)).toBe(true);
    expect(server.violations).toEqual([]);
  });

  it('turns what a slow output cannot take into gaps, and keeps the connection alive meanwhile', async () => {
    const server = await start(id, { symbols: { linear: 2 } });
    let release = () => {};
    const blocked = new Promise<void>((resolve) => {
      release = resolve;
    });
    const take = (batch: readonly AnyRecord[]) => (batch.some(({ type }) => type === 'trade') ? blocked : undefined);
    const run = await capture([server], { queueLimit: 50, take, pacing: { heartbeatEvery: 50 } });
    await run.until(settled(run), 'all subscribed');
    const [symbol] = run.live.pools.flatMap(({ subscriptions }) => subscriptions.map((each) => each.symbol)) as [string];
    const from = server.tradeCount('linear', symbol);
    for (let i = 0; i < 200; i++) server.trade('linear', symbol);
    await run.until(() => run.live.status().queue.dropped > 50, 'overflow');
    const received = server.connections[0]?.received ?? 0;
    await run.until(() => (server.connections[0]?.received ?? 0) > received + 2, 'heartbeats go on');
    release();
    await run.until(() => run.live.status().queue.waiting === 0, 'drained');
    server.trade('linear', symbol);
    const last = truth(server, symbol).at(-1) as string;
    await run.until(() => idsOf(run.records, symbol).includes(last), 'trades go on');
    const { dropped } = run.live.status().queue;
    const records = await run.stop();
    expect(gapsOf(records)).toMatchObject([{ channel: 'trade', symbol, reason: 'overflow', missing: true }]);
    expect(idsOf(records, symbol).length + dropped).toBe(truth(server, symbol, from).length);
  });
});

describe('live capture', () => {
  it.each<[string, string, RowEdit]>([
    ['bitget', 'is empty', () => []],
    ['bybit', 'is short', (rows) => rows.slice(0, 2)],
    ['bitget', 'has unreadable rows', (rows) => rows.map((row, at) => (at < 3 ? { ...(row as object), symbol: 7 } : row))],
    ['bybit', 'lacks symbols that still deliver', (rows) => rows.slice(2)],
  ])('of %s keeps its symbols when the instrument list %s, and says so', async (id, _, edit) => {
    const server = await start(id, { symbols: { linear: 8 }, strangers: false });
    const run = await capture([server], { refreshEvery: 100 });
    await run.until(settled(run), 'all subscribed');
    const symbols = run.live.pools.flatMap(({ subscriptions }) => subscriptions.map(({ symbol }) => symbol));
    const asked = server.requests;
    server.faults.editRows(/instruments-info|contracts/, edit);
    let sent = 0;
    const living = setInterval(() => {
      for (const symbol of symbols) server.trade('linear', symbol);
      sent += symbols.length;
    }, 40);
    await run.until(() => server.requests > asked + 12, 'many refreshes');
    clearInterval(living);
    const problem = /lacks \d captured symbols|list is empty|unreadable instrument/;
    expect([...run.log, ...run.incomplete].some((line) => problem.test(line))).toBe(true);
    await run.until(() => run.records.filter(({ type }) => type === 'trade').length >= sent, 'all trades');
    expect(run.live.symbols).toBe(8);
    const records = await run.stop();
    expect(gapsOf(records)).toEqual([]);
    expect(server.violations).toEqual([]);
  });

  it('stops the clock of a market on which nothing is connected', async () => {
    const server = await start('bybit', { symbols: { linear: 2 } });
    const run = await capture([server], { channels: ['ticker'] });
    await run.until(settled(run), 'all subscribed');
    const [symbol] = run.live.pools.flatMap(({ subscriptions }) => subscriptions.map((one) => one.symbol)) as [string];
    server.ticker('linear', symbol);
    const clocks = () => run.records.filter(({ type }) => type === 'clock').length;
    await run.until(() => clocks() >= 1, 'a clock');
    server.faults.refuseConnects(1_000);
    server.drop();
    await run.until(() => run.live.status().reconnects === 1, 'lost');
    await new Promise((resolve) => setTimeout(resolve, 100));
    const before = clocks();
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    expect(clocks()).toBe(before);
    server.faults.clear();
    await run.until(settled(run), 'back');
    server.ticker('linear', symbol);
    await run.until(() => clocks() > before, 'the clock goes on');
    await run.stop();
  });

  it('connects 500 symbols on each exchange by the rules and receives what is sent', async () => {
    const all = await Promise.all(['bitget', 'bybit'].map((id) => start(id, { symbols: { linear: 500 } })));
    const run = await capture(all, { times: TIMES });
    await run.until(settled(run), 'all subscribed');
    expect(run.live.status()).toMatchObject({
      symbols: 1_000,
      connections: { open: 12, wanted: 12 },
      subscriptions: { pending: 0, confirmed: 1_000, refused: 0, stale: 0 },
    });
    const before = all.map((server) => server.tradeCount());
    for (const server of all) {
      const subscribed = run.live.pools.find(({ exchange }) => exchange.id === server.id)?.subscriptions ?? [];
      for (const { symbol } of subscribed) server.trade('linear', symbol);
    }
    const sent = all.reduce((sum, server, index) => sum + server.tradeCount() - (before[index] as number), 0);
    const stored = () => run.records.filter(({ type }) => type === 'trade').length;
    await run.until(() => stored() >= sent, 'all trades');
    await run.stop();
    expect(stored()).toBe(sent);
    expect(all.flatMap(({ violations }) => violations)).toEqual([]);
  });

  it('brings 500 symbols back faster than it started, by the rules, after a cut of all connections', async () => {
    const server = await start('bitget', { symbols: { linear: 500 } });
    const startedAt = performance.now();
    const run = await capture([server], { times: TIMES });
    await run.until(settled(run), 'all subscribed');
    const started = performance.now() - startedAt;
    const cutAt = performance.now();
    server.drop();
    await run.until(() => run.live.status().reconnects === 11, 'all lost');
    await run.until(settled(run), 'all subscribed again');
    expect(performance.now() - cutAt).toBeLessThan(started * 0.8);
    await run.stop();
    expect(server.violations).toEqual([]);
  });

  it('ends as unreachable when nothing connects in time', async () => {
    const server = await start('bitget', { symbols: { linear: 2 } });
    server.faults.refuseConnects(1_000);
    const run = await capture([server], { unreachableAfter: 500 });
    await expect(run.ended).rejects.toThrow(/nothing connected within .* of the start: bitget: 127\.0\.0\.1/);
  });

  it('takes a share of the symbols: the shares are disjoint and together everything', async () => {
    const server = await start('bybit', { symbols: { linear: 40 } });
    const shares = await Promise.all(
      [1, 2, 3].map(async (index) => {
        const run = await capture([server], { shard: { index, count: 3 } });
        await run.until(settled(run), 'subscribed');
        return run.live.pools.flatMap(({ subscriptions }) => subscriptions.map(({ symbol }) => symbol));
      }),
    );
    expect(shares.every((share) => share.length > 5)).toBe(true);
    expect(new Set(shares.flat()).size).toBe(40);
    expect(shares.flat()).toHaveLength(40);
  });
});

describe('several exchanges', () => {
  it('run on when the list of one cannot be had, which is asked again', async () => {
    const bybit = await start('bybit', { symbols: { linear: 2 } });
    const bitget = await start('bitget', { symbols: { linear: 2 } });
    // Two lists with a fallback each; a refusal is not asked again by the client.
    bitget.faults.http({ kind: 'answer', status: 400, body: '{"code":"40034","msg":"no"}' }, { times: 4 });
    const run = await capture([bybit, bitget], { refreshEvery: 200 });
    await run.until(() => run.live.status().subscriptions.confirmed === 4, 'both subscribed');
    expect(run.log.some((line) => line.includes('bitget') && line.includes('retrying while the others run'))).toBe(true);
    await run.stop();
    expect(run.live.unreachable).toEqual([]);
    expect([...bybit.violations, ...bitget.violations]).toEqual([]);
  });
});
