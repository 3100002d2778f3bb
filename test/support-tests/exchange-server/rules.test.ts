import { afterEach, describe, expect, it } from 'vitest';
import {
  type ExchangeServer,
  RULES,
  type Rule,
  type StartOptions,
  startExchangeServer,
} from '../../support/exchange-server/index.js';
import { expectObedient } from '../../support/exchange-server/obedient.js';
import { bitget, bybit, get, until, WireClient } from './wire-client.js';

const V2 = '/v2/ws/public';
const V3 = '/v3/ws/public';
const LINEAR = '/v5/public/linear';
const SPOT = '/v5/public/spot';
const PING = { op: 'ping' };

const servers: ExchangeServer[] = [];

async function start(id: string, options: StartOptions = {}): Promise<ExchangeServer> {
  const server = await startExchangeServer(id, { strangers: false, ...options });
  servers.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** One way to break one rule: what the client does, and what it then sees. */
type Offence = { readonly name: string; readonly rule: Rule; run(): Promise<ExchangeServer> };

const OFFENCES: readonly Offence[] = [
  {
    name: 'bitget: 11 messages in a second, pings included, close the connection',
    rule: 'messages-per-second',
    async run() {
      const server = await start('bitget');
      const client = await WireClient.connect(server, V2);
      for (let i = 0; i < 9; i++) client.send('ping');
      client.send(bitget('subscribe', ['USDT-FUTURES', 'trade', 'BTCUSDT']));
      await client.until(({ frames }) => frames.some(({ event }) => event === 'subscribe'));
      expectObedient(server);
      client.send('ping');
      await client.until(({ closed }) => closed !== undefined);
      expect(client.closed).toBe(1008);
      expect(client.frames.at(-1)).toMatchObject({ event: 'error', code: 30007 });
      return server;
    },
  },
  {
    name: 'bybit spot: more than 10 arguments refuse the request',
    rule: 'arguments-per-message',
    async run() {
      const server = await start('bybit', { symbols: { spot: 12 } });
      const client = await WireClient.connect(server, SPOT);
      const topics = server.market.symbols.slice(0, 11).map(({ listing }) => `publicTrade.${listing.symbol}`);
      const [answer] = await client.ask(bybit('subscribe', 'a', ...topics));
      expect(answer).toMatchObject({ success: false, ret_msg: 'args size >10', req_id: 'a' });
      expect(server.subscriptions).toBe(0);
      return server;
    },
  },
  {
    name: 'bitget: a channel list over 4096 bytes is not read',
    rule: 'message-bytes',
    async run() {
      const server = await start('bitget', { symbols: { linear: 80 } });
      const client = await WireClient.connect(server, V2);
      const all = server.market.symbols.map(({ listing }) => ['USDT-FUTURES', 'candle15m', listing.symbol] as const);
      const [answer] = await client.ask(bitget('subscribe', ...all));
      expect(answer).toMatchObject({ event: 'error', code: 30002 });
      expect(server.subscriptions).toBe(0);
      return server;
    },
  },
  {
    name: 'bybit: 21,000 characters of arguments on one connection are the end',
    rule: 'argument-characters',
    async run() {
      const server = await start('bybit', { symbols: { linear: 1_000 } });
      const client = await WireClient.connect(server, LINEAR);
      const topics = server.market.symbols.map(({ listing }) => `publicTrade.${listing.symbol}`);
      const [first] = await client.ask(bybit('subscribe', 'a', ...topics.slice(0, 800)));
      expect(first).toMatchObject({ success: true });
      expectObedient(server);
      const [second] = await client.ask(bybit('subscribe', 'b', ...topics.slice(800)));
      expect(second).toMatchObject({ success: false, req_id: 'b' });
      expect(server.subscriptions).toBe(800);
      return server;
    },
  },
  {
    name: 'bitget: the 1001st channel of a connection is refused',
    rule: 'channels-per-connection',
    async run() {
      const server = await start('bitget', { symbols: { linear: 1_001 }, limits: { messagesPerSecond: 100 } });
      const client = await WireClient.connect(server, V2);
      const symbols = server.market.symbols.map(({ listing }) => listing.symbol);
      for (let at = 0; at < symbols.length; at += 40) {
        const chunk = symbols.slice(at, at + 40).map((symbol) => ['USDT-FUTURES', 'trade', symbol] as const);
        client.send(bitget('subscribe', ...chunk));
      }
      await client.until(({ texts }) => texts.length === 1_001);
      expect(server.subscriptions).toBe(1_000);
      expect(client.frames.at(-1)).toMatchObject({ event: 'error', arg: { instId: symbols[1_000] } });
      return server;
    },
  },
  {
    name: 'bitget: 240 subscribe requests an hour',
    rule: 'subscribe-requests-per-hour',
    async run() {
      const server = await start('bitget', { limits: { messagesPerSecond: 1_000 } });
      const client = await WireClient.connect(server, V2);
      const one = ['USDT-FUTURES', 'trade', 'BTCUSDT'] as const;
      for (let i = 0; i < 240; i++) {
        client.send(bitget('subscribe', one));
        client.send(bitget('unsubscribe', one));
      }
      await client.until(({ texts }) => texts.length === 480);
      expectObedient(server);
      const [answer] = await client.ask(bitget('subscribe', one));
      expect(answer).toMatchObject({ event: 'error', code: 30006 });
      return server;
    },
  },
  {
    name: 'bitget: the 301st connect within five minutes is turned away',
    rule: 'connects-per-five-minutes',
    async run() {
      const server = await start('bitget', { limits: { connectsPerFiveMinutes: 3 } });
      for (let i = 0; i < 3; i++) (await WireClient.connect(server, V2)).close();
      await expect(WireClient.connect(server, V2)).rejects.toThrow('HTTP 429');
      server.skipRuleTime(5 * 60_000);
      await WireClient.connect(server, V2);
      return server;
    },
  },
  {
    name: 'bitget: 100 connections at once, over both versions',
    rule: 'concurrent-connections',
    async run() {
      const server = await start('bitget');
      await Promise.all(Array.from({ length: 100 }, (_, at) => WireClient.connect(server, at % 2 ? V2 : V3)));
      expectObedient(server);
      await expect(WireClient.connect(server, V2)).rejects.toThrow('HTTP 429');
      return server;
    },
  },
  {
    name: 'bybit: 1000 connections at once count per market',
    rule: 'concurrent-connections',
    async run() {
      const server = await start('bybit', { limits: { concurrentConnections: { most: 2, isPerPath: true } } });
      await Promise.all([LINEAR, LINEAR, SPOT].map((path) => WireClient.connect(server, path)));
      expectObedient(server);
      await expect(WireClient.connect(server, LINEAR)).rejects.toThrow('HTTP 403');
      return server;
    },
  },
  {
    name: 'a connect while banned',
    rule: 'connect-while-banned',
    async run() {
      const server = await start('bybit');
      const client = await WireClient.connect(server, LINEAR);
      server.ban(60_000);
      await client.until(({ closed }) => closed === 1006);
      await expect(WireClient.connect(server, LINEAR)).rejects.toThrow('HTTP 403');
      server.skipRuleTime(60_001);
      await WireClient.connect(server, LINEAR);
      return server;
    },
  },
  {
    name: 'bitget: two minutes without a ping',
    rule: 'ping-deadline',
    async run() {
      const server = await start('bitget');
      const client = await WireClient.connect(server, V2);
      server.skipRuleTime(119_000);
      await client.settle('ping');
      server.skipRuleTime(119_000);
      expectObedient(server);
      server.skipRuleTime(2_000);
      await client.until(({ closed }) => closed === 1000);
      return server;
    },
  },
  {
    name: 'bybit: ten minutes without a ping, in scaled time',
    rule: 'ping-deadline',
    async run() {
      const server = await start('bybit', { timeScale: 6_000 });
      const client = await WireClient.connect(server, LINEAR);
      await client.settle(PING);
      await client.until(({ closed }) => closed === 1000);
      return server;
    },
  },
  {
    name: 'bitget: what is no JSON, no known op, or binary',
    rule: 'malformed-message',
    async run() {
      const server = await start('bitget');
      const client = await WireClient.connect(server, V2);
      const [syntax] = await client.ask('{"op":"subscribe"');
      const [op] = await client.ask({ op: 'ping', args: [] });
      client.sendBinary();
      await until(() => server.violations.length === 3);
      expect([syntax?.code, op?.code]).toEqual([30002, 30003]);
      return server;
    },
  },
  {
    name: 'bybit: a bare text ping is no request',
    rule: 'malformed-message',
    async run() {
      const server = await start('bybit');
      const client = await WireClient.connect(server, LINEAR);
      const [answer] = await client.ask('ping');
      expect(answer).toMatchObject({ success: false });
      return server;
    },
  },
  {
    name: 'bybit: one topic that is subscribed already refuses the others with it',
    rule: 'already-subscribed',
    async run() {
      const server = await start('bybit');
      const client = await WireClient.connect(server, LINEAR);
      await client.ask(bybit('subscribe', 'a', 'publicTrade.BTCUSDT'));
      await client.settle({ op: 'ping' });
      const [answer] = await client.ask(bybit('subscribe', 'b', 'publicTrade.ETHUSDT', 'publicTrade.BTCUSDT'));
      expect(answer).toMatchObject({
        success: false,
        req_id: 'b',
        ret_msg: 'error:already subscribed,topic:publicTrade.BTCUSDT',
      });
      expect(server.subscribers('linear', 'ETHUSDT')).toEqual([]);
      return server;
    },
  },
  {
    name: 'bitget: subscribing twice',
    rule: 'already-subscribed',
    async run() {
      const server = await start('bitget');
      const client = await WireClient.connect(server, V2);
      const one = ['USDT-FUTURES', 'trade', 'BTCUSDT'] as const;
      await client.ask(bitget('subscribe', one));
      await client.settle('ping');
      await client.ask(bitget('subscribe', one));
      expect(server.subscriptions).toBe(1);
      return server;
    },
  },
  {
    name: 'unsubscribing what was never subscribed',
    rule: 'not-subscribed',
    async run() {
      const server = await start('bybit');
      const client = await WireClient.connect(server, LINEAR);
      await client.ask(bybit('unsubscribe', 'a', 'publicTrade.BTCUSDT'));
      return server;
    },
  },
  {
    name: 'a client that does not read is let go',
    rule: 'slow-consumer',
    async run() {
      const server = await start('bitget', { limits: { unreadBytes: 200_000 } });
      const client = await WireClient.connect(server, V2);
      await client.ask(bitget('subscribe', ['USDT-FUTURES', 'books', 'BTCUSDT']), 2);
      client.pause();
      await until(() => {
        for (let i = 0; i < 500; i++) server.restartBooks('linear', 'BTCUSDT');
        return server.violations.length > 0;
      });
      expect(server.connections).toEqual([]);
      return server;
    },
  },
  {
    name: 'bitget: the 21st request of a second to one endpoint, while others still answer',
    rule: 'rest-rate',
    async run() {
      const server = await start('bitget');
      const path = '/api/v2/mix/market/contracts?productType=USDT-FUTURES';
      const answers = await Promise.all(Array.from({ length: 20 }, () => get(server, path)));
      expect(answers.every(({ status }) => status === 200)).toBe(true);
      expectObedient(server);
      expect(await get(server, path)).toMatchObject({ status: 429, body: { code: '429' } });
      expect((await get(server, '/api/v2/public/time')).status).toBe(200);
      server.skipRuleTime(1_001);
      expect((await get(server, path)).status).toBe(200);
      return server;
    },
  },
  {
    name: 'bitget: 10 a second to fills-history',
    rule: 'rest-rate',
    async run() {
      const server = await start('bitget');
      const path = '/api/v2/mix/market/fills-history?productType=USDT-FUTURES&symbol=BTCUSDT';
      const answers = await Promise.all(Array.from({ length: 11 }, () => get(server, path)));
      expect(answers.filter(({ status }) => status === 429)).toHaveLength(1);
      return server;
    },
  },
  {
    name: 'bybit: 600 requests in 5 s, then 403 for ten minutes to everything',
    rule: 'rest-rate',
    async run() {
      const server = await start('bybit', { limits: { rest: { most: 5, window: 5_000, ban: 600_000 } } });
      const path = '/v5/market/time';
      for (let i = 0; i < 5; i++) expect((await get(server, path)).status).toBe(200);
      expect((await get(server, path)).status).toBe(403);
      server.skipRuleTime(600_001);
      expect((await get(server, path)).status).toBe(200);
      return server;
    },
  },
  {
    name: 'going on with REST while banned',
    rule: 'rest-while-banned',
    async run() {
      const server = await start('bitget');
      server.ban(300_000);
      expect((await get(server, '/api/v2/public/time')).status).toBe(429);
      server.skipRuleTime(300_001);
      expect((await get(server, '/api/v2/public/time')).status).toBe(200);
      return server;
    },
  },
  {
    name: 'asking again before a Retry-After is over',
    rule: 'rest-before-retry-after',
    async run() {
      const server = await start('bybit');
      server.faults.http({ kind: 'rate-limit', retryAfter: { seconds: 9 } });
      await get(server, '/v5/market/time');
      server.skipRuleTime(5_000);
      await get(server, '/v5/market/time');
      return server;
    },
  },
  {
    name: 'bitget: mix without productType is code 400172 with HTTP 400',
    rule: 'bad-request',
    async run() {
      const server = await start('bitget');
      expect(await get(server, '/api/v2/mix/market/contracts')).toMatchObject({ status: 400, body: { code: '400172' } });
      return server;
    },
  },
  {
    name: 'bitget: v1 is gone',
    rule: 'bad-request',
    async run() {
      const server = await start('bitget');
      const answer = await get(server, '/api/mix/v1/market/contracts?productType=umcbl');
      expect(answer).toMatchObject({ status: 400, body: { code: '30032' } });
      return server;
    },
  },
  {
    name: 'bybit: startTime alone is code 10001 with HTTP 200',
    rule: 'bad-request',
    async run() {
      const server = await start('bybit');
      const answer = await get(server, '/v5/market/funding/history?category=linear&symbol=BTCUSDT&startTime=1');
      expect(answer).toMatchObject({ status: 200, body: { retCode: 10001 } });
      return server;
    },
  },
];

describe('the rules of the exchanges', () => {
  it('each have a client that breaks them', () => {
    expect(new Set(OFFENCES.map(({ rule }) => rule))).toEqual(new Set(RULES));
  });

  it.each(OFFENCES)('$name', async ({ rule, run }) => {
    const server = await run();
    expect(new Set(server.violations.map((violation) => violation.rule))).toEqual(new Set([rule]));
    expect(() => expectObedient(server)).toThrow(rule);
  });

  it('bitget: who floods again and again is banned', async () => {
    const server = await start('bitget');
    for (let times = 0; times < 3; times++) {
      const client = await WireClient.connect(server, V2);
      for (let i = 0; i < 11; i++) client.send('ping');
      await client.until(({ closed }) => closed !== undefined);
    }
    await expect(WireClient.connect(server, V2)).rejects.toThrow('HTTP 429');
  });
});
