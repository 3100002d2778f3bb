import { crc32 } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type ExchangeServer,
  GARBAGE,
  type StartOptions,
  type Subscribed,
  startExchangeServer,
} from '../../support/exchange-server/index.js';
import { expectObedient } from '../../support/exchange-server/obedient.js';
import { bitget, bybit, get, until, type Wire, WireClient } from './wire-client.js';

const V2 = '/v2/ws/public';
const LINEAR = '/v5/public/linear';
const BTC = ['USDT-FUTURES', 'trade', 'BTCUSDT'] as const;
const BOOKS = ['USDT-FUTURES', 'books', 'BTCUSDT'] as const;

const servers: ExchangeServer[] = [];

async function start(id: string, options: StartOptions = {}): Promise<ExchangeServer> {
  const server = await startExchangeServer(id, { clock: 'manual', strangers: false, ...options });
  servers.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** Ids of the trades that a client was sent, in order of arrival. */
function idsOf(client: WireClient): string[] {
  return client.data(BTC.join(' ')).flatMap(({ data }) => (data as { tradeId: string }[]).map(({ tradeId }) => tradeId));
}

function onlySession(server: ExchangeServer) {
  const [session, ...others] = server.connections;
  if (!session || others.length > 0) throw new Error('expected one connection');
  return session;
}

describe('faults of one connection', () => {
  let server: ExchangeServer;
  let client: WireClient;

  async function subscribe(): Promise<WireClient> {
    const connected = await WireClient.connect(server, V2);
    await connected.ask(bitget('subscribe', BTC));
    return connected;
  }

  function trade(times: number): string[] {
    return Array.from({ length: times }, () => server.trade('linear', 'BTCUSDT', { price: 837_000 })).flatMap((trades) =>
      trades.map(({ id }) => id),
    );
  }

  beforeEach(async () => {
    server = await start('bitget');
    client = await subscribe();
  });

  it('drop after n frames: the rest of the trades are only in the truth, and in the history that the next one is sent', async () => {
    client.close();
    await until(() => server.connections.length === 0);
    server.faults.dropAfter(2);
    client = await subscribe();
    const ids = trade(5);
    await client.until(({ closed }) => closed === 1006);
    expect(idsOf(client)).toEqual(ids.slice(0, 2));
    expect(server.trades('linear', 'BTCUSDT').map(({ id }) => id)).toEqual(ids);
    const next = await WireClient.connect(server, V2);
    await next.ask(bitget('subscribe', BTC), 2);
    expect(next.data()[0]?.action).toBe('snapshot');
    expect(idsOf(next)).toEqual([...ids].reverse());
  });

  it('a drop that loses trades', async () => {
    const before = trade(1);
    await client.settle('ping');
    server.drop();
    await client.until(({ closed }) => closed === 1006);
    const meanwhile = trade(3);
    client = await subscribe();
    const after = trade(1);
    await client.settle('ping');
    expect(server.trades('linear', 'BTCUSDT').map(({ id }) => id)).toEqual([...before, ...meanwhile, ...after]);
  });

  it('a stall keeps the connection open and silent, pongs included', async () => {
    onlySession(server).stall();
    trade(2);
    client.send('ping');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(client.closed).toBeUndefined();
    expect(client.texts).toHaveLength(1);
    onlySession(server).resume();
    const ids = trade(1);
    await client.settle('ping');
    expect(idsOf(client)).toEqual(ids);
  });

  it('a network that stands still loses nothing', async () => {
    onlySession(server).hold();
    const ids = trade(3);
    client.send('ping');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(client.texts).toHaveLength(1);
    onlySession(server).release();
    await client.until(({ texts }) => texts.includes('pong'));
    expect(idsOf(client)).toEqual(ids);
    expect(onlySession(server).brokenAt).toBe(Number.POSITIVE_INFINITY);
  });

  it('the server knows who was confirmed what, and since when the client has not got everything', async () => {
    const [{ at, topic, session }] = server.subscribed as [Subscribed];
    expect([at, topic.key, session]).toEqual([server.now(), BTC.join(' '), onlySession(server)]);
    server.advance(1_000);
    session.lose(1);
    server.advance(1_000);
    server.drop();
    expect(session.brokenAt).toBe(at + 1_000);
  });

  it('duplicates', async () => {
    onlySession(server).duplicate(1);
    const [first, second] = trade(2);
    await client.settle('ping');
    expect(idsOf(client)).toEqual([first, first, second]);
  });

  it('reordering', async () => {
    onlySession(server).reorder(3);
    const ids = trade(4);
    await client.settle('ping');
    expect(idsOf(client)).toEqual([ids[2], ids[1], ids[0], ids[3]]);
  });

  it('loss without a drop', async () => {
    onlySession(server).lose(2);
    const ids = trade(3);
    await client.settle('ping');
    expect(idsOf(client)).toEqual(ids.slice(2));
  });

  it('garbage of every kind, and data goes on', async () => {
    onlySession(server).garbage();
    const ids = trade(1);
    await client.settle('ping');
    const texts = GARBAGE.filter((each) => typeof each === 'string');
    expect(client.texts.slice(1, 1 + texts.length)).toEqual(texts);
    expect(client.binaries).toHaveLength(1);
    expect(idsOf(client).slice(-1)).toEqual(ids);
  });

  afterEach(() => expectObedient(server));
});

describe('faults of subscriptions', () => {
  it('bitget: a refused symbol leaves its neighbours alone', async () => {
    const server = await start('bitget');
    server.faults.refuseSymbol('linear', 'ETHUSDT');
    const client = await WireClient.connect(server, V2);
    const answers = await client.ask(bitget('subscribe', BTC, ['USDT-FUTURES', 'trade', 'ETHUSDT'], BOOKS), 4);
    const error = { event: 'error', code: 30001, msg: "instType:USDT-FUTURES,channel:trade,instId:ETHUSDT doesn't exist" };
    expect(answers).toContainEqual(expect.objectContaining(error));
    expect(server.subscriptions).toBe(2);
    server.faults.acceptSymbol('linear', 'ETHUSDT');
    expect(await client.ask(bitget('subscribe', ['USDT-FUTURES', 'trade', 'ETHUSDT']))).toMatchObject([{ event: 'subscribe' }]);
    expectObedient(server);
  });

  it('bybit: a refused symbol takes its batch with it; spot words it differently', async () => {
    const server = await start('bybit');
    server.faults.refuseSymbol('linear', 'ETHUSDT');
    const client = await WireClient.connect(server, LINEAR);
    const [answer] = await client.ask(bybit('subscribe', 'a', 'publicTrade.BTCUSDT', 'publicTrade.ETHUSDT'));
    expect(answer).toMatchObject({ success: false, ret_msg: 'error:handler not found,topic:publicTrade.ETHUSDT' });
    expect(server.subscriptions).toBe(0);
    const spot = await WireClient.connect(server, '/v5/public/spot');
    const [other] = await spot.ask(bybit('subscribe', 'a', 'publicTrade.NOPEUSDT'));
    expect(other).toMatchObject({ success: false, ret_msg: 'Invalid symbol :[publicTrade.NOPEUSDT]' });
    expectObedient(server);
  });

  it.each([
    ['bitget', V2, bitget('subscribe', BTC), { event: 'error', code: 30006 }],
    ['bybit', LINEAR, bybit('subscribe', 'a', 'publicTrade.BTCUSDT'), { success: false, req_id: 'a' }],
  ])('%s: a batch refused whole, once', async (id, path, message, refusal) => {
    const server = await start(id);
    server.faults.rejectBatches();
    const client = await WireClient.connect(server, path);
    expect(await client.ask(message)).toMatchObject([refusal]);
    expect(server.subscriptions).toBe(0);
    await client.ask(message);
    expect(server.subscriptions).toBe(1);
    expectObedient(server);
  });

  it('confirmed, but silent', async () => {
    const server = await start('bybit');
    server.faults.silence('linear', 'BTCUSDT', 'publicTrade');
    const client = await WireClient.connect(server, LINEAR);
    const topics = ['publicTrade.BTCUSDT', 'publicTrade.ETHUSDT'];
    await client.ask(bybit('subscribe', 'a', ...topics));
    for (const symbol of ['BTCUSDT', 'ETHUSDT']) server.trade('linear', symbol);
    await client.settle({ op: 'ping' });
    expect(client.data().map(({ topic }) => topic)).toEqual(['publicTrade.ETHUSDT']);
    server.faults.unsilence('linear', 'BTCUSDT', 'publicTrade');
    server.trade('linear', 'BTCUSDT');
    await client.settle({ op: 'ping' });
    expect(client.data()).toHaveLength(2);
  });
});

describe('faults of connecting', () => {
  it('cuts, then an HTTP status, then a connection', async () => {
    const server = await start('bitget');
    server.faults.refuseConnects(1);
    server.faults.refuseConnects(1, 503);
    await expect(WireClient.connect(server, V2)).rejects.toThrow(/hang up|ECONNRESET/);
    await expect(WireClient.connect(server, V2)).rejects.toThrow('HTTP 503');
    await WireClient.connect(server, V2);
    expect(server.accepted).toBe(1);
    expectObedient(server);
  });

  it('an unknown path', async () => {
    await expect(WireClient.connect(await start('bybit'), '/v5/public/nothing')).rejects.toThrow('HTTP 404');
  });
});

describe('faults of books', () => {
  const exact = (text: string, name: string): bigint => BigInt(new RegExp(`"${name}":(\\d+)`).exec(text)?.[1] ?? -1);

  async function books(server: ExchangeServer): Promise<WireClient> {
    const client = await WireClient.connect(server, V2);
    await client.ask(bitget('subscribe', BOOKS), 2);
    return client;
  }

  it('bitget: a break of the sequence is a delta that was lost', async () => {
    const server = await start('bitget');
    const client = await books(server);
    server.requote('linear', 'BTCUSDT');
    server.breakSequence('linear', 'BTCUSDT');
    server.advance(1_000);
    server.requote('linear', 'BTCUSDT');
    await client.settle('ping');
    const [snapshot, first, second] = client.texts.filter((text) => text.includes('"seq"')) as [string, string, string];
    expect(exact(first, 'pseq')).toBe(exact(snapshot, 'seq'));
    expect(exact(second, 'pseq')).toBeGreaterThan(exact(first, 'seq'));
    const known = server.books('linear', 'BTCUSDT', 'books').map(({ sequence }) => BigInt(sequence));
    expect(known).toContain(exact(second, 'pseq'));
    expect(known).toHaveLength(4);
  });

  it('bybit: u skips one', async () => {
    const server = await start('bybit');
    const client = await WireClient.connect(server, LINEAR);
    await client.ask(bybit('subscribe', 'a', 'orderbook.50.BTCUSDT'), 2);
    server.requote('linear', 'BTCUSDT');
    server.breakSequence('linear', 'BTCUSDT');
    server.requote('linear', 'BTCUSDT');
    await client.settle({ op: 'ping' });
    const updates = client.data().map(({ data }) => (data as { u: number }).u);
    expect(updates).toEqual([1_000, 1_001, 1_003]);
  });

  it('bitget v2 with checksums: a wrong one, once', async () => {
    const server = await start('bitget', { checksum: true });
    const client = await books(server);
    server.breakChecksum('linear', 'BTCUSDT');
    server.requote('linear', 'BTCUSDT');
    server.requote('linear', 'BTCUSDT');
    await client.settle('ping');
    const sums = client.data().map(({ data }) => (data as { checksum: number }[])[0]?.checksum);
    const right = server.books('linear', 'BTCUSDT', 'books').map(({ bids, asks }) => {
      const levels = Array.from({ length: 25 }, (_, at) => [bids[at], asks[at]]).flat(2);
      return crc32(levels.join(':')) | 0;
    });
    expect(sums.map((sum, at) => sum === right[at])).toEqual([false, false, true]);
    expect(sums[0]).toBe(0);
  });

  it('a restart is a snapshot in the middle of the stream, u = 1 on bybit', async () => {
    const server = await start('bybit');
    const client = await WireClient.connect(server, LINEAR);
    await client.ask(bybit('subscribe', 'a', 'orderbook.50.BTCUSDT'), 2);
    server.requote('linear', 'BTCUSDT');
    server.restartBooks('linear', 'BTCUSDT');
    server.requote('linear', 'BTCUSDT');
    await client.settle({ op: 'ping' });
    const seen = client.data().map(({ type, data }) => [type, (data as { u: number }).u]);
    expect(seen).toEqual([
      ['snapshot', 1_000],
      ['delta', 1_001],
      ['snapshot', 1],
      ['delta', 2],
    ]);
  });
});

describe('faults of REST', () => {
  const TIME = '/api/v2/public/time';

  it('a rate refusal as the exchange gives it, once, on the path that matches', async () => {
    const server = await start('bitget');
    server.faults.http({ kind: 'rate-limit' }, { path: /fills-history/ });
    expect((await get(server, TIME)).status).toBe(200);
    const path = '/api/v2/mix/market/fills-history?productType=USDT-FUTURES&symbol=BTCUSDT';
    expect((await get(server, path)).status).toBe(429);
    expect((await get(server, path)).status).toBe(200);
    expectObedient(server);
  });

  it('bybit: 10006 in a 200 for an endpoint, 403 for the host', async () => {
    const server = await start('bybit');
    server.faults.http({ kind: 'rate-limit' });
    server.faults.http({ kind: 'host-limit' });
    expect(await get(server, '/v5/market/time')).toMatchObject({ status: 200, body: { retCode: 10006 } });
    expect(await get(server, '/v5/market/time')).toMatchObject({ status: 403, text: expect.stringContaining('too frequent') });
    expectObedient(server);
  });

  it('late: what was so when it was asked', async () => {
    const server = await start('bitget');
    server.faults.http({ kind: 'late', milliseconds: 60 });
    const asked = performance.now();
    const answer = get(server, TIME);
    await until(() => server.requests === 1);
    const then = String(server.now());
    server.advance(5_000);
    expect((await answer).body.data).toEqual({ serverTime: then });
    expect(performance.now() - asked).toBeGreaterThan(55);
    expectObedient(server);
  });

  it('any answer, an empty one, a cut, and one that never comes', async () => {
    const server = await start('bitget');
    server.faults.http({ kind: 'answer', status: 503, body: 'maintenance' });
    server.faults.http({ kind: 'answer', status: 200, body: '' });
    server.faults.http({ kind: 'cut' });
    server.faults.http({ kind: 'hang' });
    expect(await get(server, TIME)).toMatchObject({ status: 503, text: 'maintenance' });
    expect(await get(server, TIME)).toMatchObject({ status: 200, text: '' });
    await expect(get(server, TIME)).rejects.toThrow();
    await expect(fetch(server.restUrl + TIME, { signal: AbortSignal.timeout(100) })).rejects.toThrow(/abort|timeout/i);
    expect((await get(server, TIME)).status).toBe(200);
  });
});

describe('the list changes while running', () => {
  const contracts = async (server: ExchangeServer): Promise<Map<unknown, unknown>> => {
    const { body } = await get(server, '/api/v2/mix/market/contracts?productType=USDT-FUTURES');
    return new Map(body.data.map((row) => [row.symbol, row.symbolStatus]));
  };

  it('a new listing trades at once, a delisted one ends', async () => {
    const server = await start('bitget');
    const client = await WireClient.connect(server, V2);
    const fresh = ['USDT-FUTURES', 'trade', 'FRESHUSDT'] as const;
    expect((await client.ask(bitget('subscribe', fresh)))[0]).toMatchObject({ code: 30001 });
    server.list({ market: 'linear', symbol: 'FRESHUSDT', base: 'FRESH', quote: 'USDT' });
    expect((await contracts(server)).get('FRESHUSDT')).toBe('normal');
    await client.ask(bitget('subscribe', fresh, BTC), 2);
    server.trade('linear', 'FRESHUSDT');
    await client.until((it) => it.data(fresh.join(' ')).length === 1);
    server.delist('linear', 'BTCUSDT');
    expect((await contracts(server)).has('BTCUSDT')).toBe(false);
    const again = await WireClient.connect(server, V2);
    const [refusal] = (await again.ask(bitget('subscribe', BTC))) as [Wire];
    expect(refusal).toMatchObject({ event: 'error', code: 30001 });
    expectObedient(server);
  });
});
