import { afterEach, describe, expect, it } from 'vitest';
import type { Exchange } from '../../../src/lib/exchanges/exchange.js';
import type { HistoryQuery } from '../../../src/lib/exchanges/history.js';
import { exchangeOf } from '../../../src/lib/exchanges/index.js';
import { fetchHistory } from '../../../src/lib/history/fetch.js';
import { RefusedError, RestClient, type RestClientOptions } from '../../../src/lib/history/rest-client.js';
import { UnreachableError } from '../../../src/lib/model/errors.js';
import { type Span, united } from '../../../src/lib/model/span.js';
import { DAY, MINUTE } from '../../../src/lib/model/time.js';
import { createHttpClient } from '../../../src/lib/transport/http.js';
import { SYSTEM_TIMING, type Timing } from '../../../src/lib/transport/timing.js';
import { type ExchangeServer, type StartOptions, startExchangeServer } from '../../support/exchange-server/index.js';
import { expectObedient } from '../../support/exchange-server/obedient.js';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

type World = {
  server: ExchangeServer;
  exchange: Exchange;
  client: RestClient;
  waits: string[];
  pauses: number[];
};

/** A server, and a client of it. Long pauses pass at once: for the client and for the rules of the server. */
async function world(id: string, options: StartOptions = {}, more: Partial<RestClientOptions> = {}): Promise<World> {
  const server = await startExchangeServer(id, {
    clock: 'manual',
    symbols: { linear: 1, spot: 1 },
    strangers: false,
    history: { trades: 12_000, duration: (3 * DAY) / 1_000 },
    ...options,
  });
  const http = await createHttpClient({ userAgent: 'mdtool/test', timeout: 30_000, retries: 0 });
  closing.push(
    () => server.close(),
    () => http.close(),
  );
  const waits: string[] = [];
  const pauses: number[] = [];
  let skipped = 0;
  const timing: Timing = {
    random: () => 0,
    now: () => performance.now() + skipped,
    sleep: async (milliseconds, signal) => {
      pauses.push(milliseconds);
      if (milliseconds <= 2_000) return SYSTEM_TIMING.sleep(milliseconds, signal);
      skipped += milliseconds;
      server.skipRuleTime(milliseconds);
    },
  };
  const client = new RestClient({ http, origin: () => server.restUrl, timing, onWait: (text) => waits.push(text), ...more });
  return { server, exchange: exchangeOf(id), client, waits, pauses };
}

const TIME = { bitget: '/api/v2/public/time', bybit: '/v5/market/time' } as const;
const at = (id: keyof typeof TIME) => ({ path: TIME[id], query: {} });

describe('REST client', () => {
  it('keeps the limits of endpoints, however many ask', async () => {
    const { server, exchange, client } = await world('bitget', {}, { share: 1 });
    const query = { productType: 'USDT-FUTURES', symbol: 'BTCUSDT' };
    const slow = Array.from({ length: 25 }, () => client.get(exchange, { path: '/api/v2/mix/market/fills-history', query }));
    const fast = Array.from({ length: 45 }, () => client.get(exchange, { path: '/api/v2/mix/market/fills', query }));
    expect(await Promise.all([...slow, ...fast])).toHaveLength(70);
    expectObedient(server);
  });

  it('keeps the limit of the address', async () => {
    const { server, exchange, client } = await world('bybit', {}, { share: 1 });
    const all = Array.from({ length: 700 }, () => client.get(exchange, at('bybit')));
    expect(await Promise.all(all)).toHaveLength(700);
    expectObedient(server);
  });

  it('uses a share of them unless told otherwise', async () => {
    const { server, exchange, client } = await world('bitget', { limits: { rest: { most: 4_800, window: 60_000, ban: 0 } } });
    const query = { productType: 'USDT-FUTURES', symbol: 'BTCUSDT' };
    const begin = performance.now();
    await Promise.all(Array.from({ length: 9 }, () => client.get(exchange, { path: '/api/v2/mix/market/fills-history', query })));
    expect(performance.now() - begin).toBeGreaterThan(1_000);
    expectObedient(server);
  });

  it.each([
    ['bitget', 'rate-limit', 300_000, /bitget \/api\/v2\/public\/time answered 429.* next request in 5m/],
    ['bybit', 'host-limit', 600_000, /bybit answered 403.* next request in 10m/],
  ] as const)('%s: leaves alone what was asked too often, as long as the exchange says (%s)', async (id, kind, pause, text) => {
    const { server, exchange, client, waits, pauses } = await world(id);
    server.faults.http({ kind });
    await client.get(exchange, at(id));
    expect(pauses).toHaveLength(1);
    expect(pauses[0]).toBeCloseTo(pause, -3);
    expect(waits).toEqual([expect.stringMatching(text)]);
    expect(server.requests).toBe(2);
  });

  it('a ban of the address ends while nothing is asked', async () => {
    const { server, exchange, client } = await world('bybit');
    server.ban(599_000);
    await client.get(exchange, at('bybit'));
    expect(server.violations.map(({ rule }) => rule)).toEqual(['rest-while-banned']);
  });

  it('bybit: 10006 in a body of status 200 pauses its endpoint until the limit begins anew', async () => {
    const { server, exchange, client, pauses } = await world('bybit', {}, { now: () => server.now() });
    server.faults.http({ kind: 'rate-limit' });
    await client.get(exchange, at('bybit'));
    expect(pauses[0]).toBeGreaterThan(500);
    expect(pauses[0]).toBeLessThanOrEqual(1_000);
  });

  it('gives up after some pauses', async () => {
    const { server, exchange, client } = await world('bitget');
    server.faults.http({ kind: 'rate-limit' }, { times: 9 });
    await expect(client.get(exchange, at('bitget'))).rejects.toThrow(/answered 429.* after 5 attempts/);
    expect(server.requests).toBe(5);
  });

  it.each([
    ['a cut', { kind: 'cut' }],
    ['a server error', { kind: 'answer', status: 502, body: '<html>bad gateway</html>' }],
    ['a body without bytes', { kind: 'answer', status: 200, body: '' }],
    ['a code that passes', { kind: 'answer', status: 400, body: '{"code":"45001","msg":"Unknown error"}' }],
  ] as const)('tries again after %s', async (_, fault) => {
    const { server, exchange, client, waits } = await world('bitget');
    server.faults.http(fault, { times: 2 });
    expect(JSON.parse(await client.get(exchange, at('bitget')))).toMatchObject({ code: '00000' });
    expect(waits).toHaveLength(2);
  });

  it('gives up after faults, saying what the last one was', async () => {
    const { server, exchange, client } = await world('bitget');
    server.faults.http({ kind: 'answer', status: 502, body: 'bad' }, { times: 99 });
    const failure = client.get(exchange, at('bitget'));
    await expect(failure).rejects.toThrow(UnreachableError);
    await expect(failure).rejects.toThrow(/bitget answered 502.*after 6 attempts/);
  });

  it('does not ask again for what is refused', async () => {
    const { server, exchange, client } = await world('bybit');
    const request = { path: '/v5/market/kline', query: { category: 'linear', symbol: 'NOPEUSDT', interval: '1' } };
    const failure = client.get(exchange, request);
    await expect(failure).rejects.toThrow(RefusedError);
    await expect(failure).rejects.toThrow(/retCode 10001.*symbol invalid.*symbol=NOPEUSDT/);
    expect(server.requests).toBe(1);
  });

  it('stops waiting when the step is stopped', async () => {
    const stop = new AbortController();
    const { server, exchange, client } = await world('bitget', {}, { signal: stop.signal, timing: SYSTEM_TIMING });
    server.faults.http({ kind: 'rate-limit' });
    const failure = client.get(exchange, at('bitget'));
    setTimeout(() => stop.abort(), 50);
    await expect(failure).rejects.toThrow(/request to bitget cancelled/);
  });
});

describe('history over a client', () => {
  it.each(['bitget', 'bybit'])('%s: every page, within the limits, through faults', async (id) => {
    const { server, exchange, client } = await world(id);
    const now = server.now() * 1_000;
    const query: HistoryQuery = { type: 'trade', market: 'linear', symbol: 'BTCUSDT', from: now - 2 * DAY, until: now };
    server.faults.http({ kind: 'cut' }, { times: 2, path: /fills|recent-trade/ });
    const ids = new Set<string>();
    let last = false;
    let covered: Span[] = [];
    for await (const page of fetchHistory(client, exchange, query, () => now)) {
      for (const record of page.records) if (record.type === 'trade') ids.add(record.id);
      last = page.last;
      covered = united([...covered, ...(page.covered ? [page.covered] : [])]);
    }
    expect(last).toBe(true);
    const truth = server.trades('linear', 'BTCUSDT').filter(({ time }) => time * 1_000 >= (covered[0]?.from ?? Number.NaN));
    expect(truth.length).toBeGreaterThan(900);
    expect(truth.filter((trade) => !ids.has(trade.id))).toEqual([]);
    if (id === 'bitget') expect(covered).toEqual([{ from: query.from, until: now }]);
    expectObedient(server);
  });

  it.each(['bitget', 'bybit'])(
    '%s: an empty list of candles, marks or trades is asked for again before it is believed',
    async (id) => {
      const { server, exchange, client } = await world(id);
      const now = server.now() * 1_000;
      const span = { market: 'linear', symbol: 'BTCUSDT', from: now - DAY, until: now } as const;
      for (const type of ['candle', 'mark_price', 'trade'] as const) {
        server.faults.list({ rows: 0, times: 1, path: /candles|kline|fills|recent-trade/ });
        const query: HistoryQuery = { ...span, type, interval: type === 'candle' ? '1h' : undefined };
        let count = 0;
        for await (const { records } of fetchHistory(client, exchange, query, () => now, { confirmsEmpty: true }))
          count += records.length;
        expect(count, type).toBeGreaterThan(5);
      }
      expectObedient(server);
    },
  );

  it.each(['bitget', 'bybit'])(
    '%s: bars that an endpoint lacks at the end are asked for again, and not covered while it may lag',
    async (id) => {
      const { server, exchange, client } = await world(id);
      const now = server.now() * 1_000;
      const query: HistoryQuery = {
        type: 'candle',
        market: 'linear',
        symbol: 'BTCUSDT',
        interval: '1m',
        from: now - 30 * MINUTE,
        until: now,
      };
      const bars = async (late: number) => {
        let [count, until] = [0, 0];
        for await (const { records, covered } of fetchHistory(client, exchange, query, () => now + late, {
          confirmsEmpty: true,
        })) {
          count += records.length;
          until = Math.max(until, covered?.until ?? 0);
        }
        return { count, until };
      };
      const whole = await bars(0);
      server.faults.list({ rows: 20, times: 1, path: /candles|kline/ });
      expect(await bars(0)).toEqual(whole);
      server.faults.list({ rows: 0, times: 2, path: /candles|kline/ });
      expect(await bars(0)).toEqual({ count: 0, until: 0 });
      expectObedient(server);
    },
  );

  it('an answer that cannot be read is a refusal of the exchange', async () => {
    const { server, exchange, client } = await world('bitget');
    server.faults.http({ kind: 'answer', status: 200, body: '{"code":"00000","data":null}' });
    const query: HistoryQuery = { type: 'funding', market: 'linear', symbol: 'BTCUSDT', from: 0, until: server.now() * 1_000 };
    await expect(fetchHistory(client, exchange, query, () => query.until).next()).rejects.toThrow(RefusedError);
  });
});

describe('history that an exchange does not have', () => {
  it('is refused by name: no page would look like an empty past', async () => {
    const { client, exchange } = await world('bitget');
    const query = { type: 'open_interest', market: 'linear', symbol: 'BTCUSDT', from: 0, until: 1 } as const;
    await expect(fetchHistory(client, exchange, query, () => 1).next()).rejects.toThrow(
      'Bitget has no open_interest history on linear: capture it with stream --channels ticker',
    );
    const without = { ...exchange, name: 'Toy', history: undefined };
    const trades = { ...query, type: 'trade' } as const;
    await expect(fetchHistory(client, without, trades, () => 1).next()).rejects.toThrow('Toy has no trade history on linear');
  });
});
