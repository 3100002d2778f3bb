import { request } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import {
  type ExchangeServer,
  HTML,
  type StartOptions,
  startExchangeServer,
  type TrueTrade,
} from '../../support/exchange-server/index.js';
import { bitget, bybit, get, WireClient } from './wire-client.js';

const V2 = '/v2/ws/public';
const LINEAR = '/v5/public/linear';
const BTC = ['USDT-FUTURES', 'trade', 'BTCUSDT'] as const;
const TIME = { bitget: '/api/v2/public/time', bybit: '/v5/market/time' };

const servers: ExchangeServer[] = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())));

async function start(id: string, options: StartOptions = {}): Promise<ExchangeServer> {
  const server = await startExchangeServer(id, { clock: 'manual', strangers: false, ...options });
  servers.push(server);
  return server;
}

/** A client of one bitget trade topic. */
async function subscribed(server: ExchangeServer): Promise<WireClient> {
  const client = await WireClient.connect(server, V2);
  await client.ask(bitget('subscribe', BTC));
  return client;
}

function onlySession(server: ExchangeServer) {
  const [session] = server.connections;
  if (!session) throw new Error('expected a connection');
  return session;
}

describe('messages on a connection', () => {
  it('in fragments, with a ping of the protocol between them, arrive whole', async () => {
    const server = await start('bitget');
    const socket = new WebSocket(server.wsUrl + V2);
    let pings = 0;
    const texts: string[] = [];
    socket.on('ping', () => pings++);
    socket.on('message', (data) => texts.push(String(data)));
    await new Promise((resolve) => socket.once('open', resolve));
    socket.send(JSON.stringify(bitget('subscribe', BTC)));
    await new Promise((resolve) => socket.once('message', resolve));
    pings = 0;
    onlySession(server).fragment(1, 3);
    const [trade] = server.trade('linear', 'BTCUSDT', { price: 837_000 });
    server.trade('linear', 'BTCUSDT');
    while (texts.length < 3) await new Promise((resolve) => setTimeout(resolve, 2));
    expect(pings).toBe(1);
    expect(texts[1]).toContain(trade?.id);
  });

  it('cut in the middle of a frame never arrive, and the connection is lost without a close frame', async () => {
    const server = await start('bitget');
    const client = await subscribed(server);
    const session = onlySession(server);
    session.cutInFrame();
    server.trade('linear', 'BTCUSDT');
    await client.until(({ closed }) => closed === 1006);
    expect(client.data()).toEqual([]);
    expect(session.brokenAt).toBe(server.now());
  });

  it.each([1001, 1012])('end with close %i', async (code) => {
    const server = await start('bitget');
    const client = await subscribed(server);
    server.trade('linear', 'BTCUSDT');
    onlySession(server).close(code, 'restart');
    await client.until(({ closed }) => closed === code);
    expect(client.data()).toHaveLength(1);
  });

  it.each([
    ['bitget', V2, bitget('subscribe', BTC), 'ping'],
    ['bybit', LINEAR, bybit('subscribe', 'a', 'publicTrade.BTCUSDT'), { op: 'ping' }],
  ])('%s: the answer to a subscription comes after data of its topic', async (id, path, message, ping) => {
    const server = await start(id);
    const client = await WireClient.connect(server, path);
    server.faults.delayAnswers(500);
    client.send(message);
    await client.settle(ping);
    server.trade('linear', 'BTCUSDT');
    await client.settle(ping);
    const isAnswer = (text: string) => text.includes('subscribe');
    expect(client.data()).toHaveLength(1);
    expect(client.texts.filter(isAnswer)).toEqual([]);
    expect(server.subscribed[0]?.readAt).toBeUndefined();
    await client.until(({ texts }) => texts.some(isAnswer));
    await client.settle(ping);
    expect(server.subscribed[0]?.readAt).toBe(server.now());
  });

  it('with unknown fields are JSON with the same rows; topics nobody subscribed are JSON too', async () => {
    for (const [id, path, message] of [
      ['bitget', V2, bitget('subscribe', BTC)],
      ['bybit', LINEAR, bybit('subscribe', 'a', 'publicTrade.BTCUSDT')],
    ] as const) {
      const server = await start(id);
      const client = await WireClient.connect(server, path);
      await client.ask(message);
      onlySession(server).extend(1);
      const { length } = server.trade('linear', 'BTCUSDT', { size: 1_000_000 });
      onlySession(server).strange();
      await client.settle(id === 'bitget' ? 'ping' : { op: 'ping' });
      const [extended, ...strange] = client.frames.slice(1);
      const rows = extended?.data as Record<string, unknown>[];
      expect(rows).toHaveLength(length);
      for (const row of rows) expect(row.zzNew).toBeDefined();
      expect(strange.length).toBeGreaterThan(2);
      expect(strange).toHaveLength(client.texts.length - 2 - (id === 'bitget' ? 1 : 0));
    }
  });
});

describe('REST', () => {
  it('serves half of a body, cuts it, dribbles it, or serves HTML', async () => {
    const server = await start('bitget');
    const right = (await get(server, TIME.bitget)).text;
    server.faults.http({ kind: 'half' });
    const half = await (await fetch(server.restUrl + TIME.bitget)).text();
    expect(half).toBe(right.slice(0, right.length >> 1));
    server.faults.http({ kind: 'cut-body' });
    await expect(get(server, TIME.bitget)).rejects.toThrow();
    server.faults.http({ kind: 'html' });
    expect(await get(server, TIME.bitget)).toMatchObject({ status: 200, text: HTML });
    server.faults.http({ kind: 'dribbled', milliseconds: 50 });
    const pieces: string[] = [];
    await new Promise<void>((resolve) => {
      request(server.restUrl + TIME.bitget, (response) => {
        response.on('data', (piece) => pieces.push(String(piece)));
        response.on('end', resolve);
      }).end();
    });
    expect(pieces.join('')).toBe(right);
    expect(pieces.length).toBeGreaterThan(2);
  });

  it.each(['seconds', 'date'] as const)('asks to wait by Retry-After in %s, and counts who does not', async (form) => {
    const server = await start('bybit');
    server.faults.http({ kind: 'rate-limit', retryAfter: { seconds: 3, form } });
    const response = await fetch(server.restUrl + TIME.bybit);
    expect(await response.json()).toMatchObject({ retCode: 10006 });
    const header = response.headers.get('retry-after') ?? '';
    if (form === 'seconds') expect(header).toBe('3');
    else expect(Math.abs(Date.parse(header) - Date.now() - 2_500)).toBeLessThan(1_500);
    server.skipRuleTime(1_000);
    await get(server, TIME.bybit);
    expect(server.violations.map(({ rule }) => rule)).toEqual(['rest-before-retry-after']);
    server.skipRuleTime(2_000);
    await get(server, TIME.bybit);
    expect(server.violations).toHaveLength(1);
  });

  it('counts a range otherwise: moved, ignored, with the id of the cursor', async () => {
    const server = await start('bitget', { history: { trades: 5_000, duration: 3_600_000 } });
    const trades = server.trades('linear', 'BTCUSDT');
    const [first, second, third] = trades.slice(10, 13) as unknown as [TrueTrade, TrueTrade, TrueTrade];
    const ids = async (query: string) => {
      const path = `/api/v2/mix/market/fills-history?productType=USDT-FUTURES&symbol=BTCUSDT&limit=1000&${query}`;
      return (await get(server, path)).body.data.map(({ tradeId }) => tradeId).reverse();
    };
    server.faults.list({ range: { hasInclusiveCursor: true }, times: 1, path: /fills-history/ });
    expect((await ids(`idLessThan=${second.id}`)).at(-1)).toBe(second.id);
    expect((await ids(`idLessThan=${second.id}`)).at(-1)).toBe(first.id);
    server.faults.list({ range: { start: 1 }, times: 1, path: /fills-history/ });
    expect((await ids(`startTime=${first.time}`))[0]).not.toBe(first.id);
    expect((await ids(`startTime=${first.time}`))[0]).toBe(first.id);
    server.faults.list({ range: { end: 'ignored' }, times: 1, path: /fills-history/ });
    expect((await ids(`endTime=${first.time}`)).at(-1)).toBe(trades.at(-1)?.id);
    server.faults.list({ range: { end: -1 }, times: 1, path: /fills-history/ });
    expect(await ids(`endTime=${first.time}`)).not.toContain(first.id);
    expect(await ids(`endTime=${first.time}`)).not.toContain(third.id);
  });
});
