import { afterEach, describe, expect, it } from 'vitest';
import type { Exchange } from '../../src/lib/exchanges/exchange.js';
import { HISTORY_TYPES, type HistoryQuery, type HistoryType, historyOf } from '../../src/lib/exchanges/history.js';
import { EXCHANGES } from '../../src/lib/exchanges/index.js';
import { encodeRecord } from '../../src/lib/model/ndjson.js';
import type { Candle, Market } from '../../src/lib/model/records.js';
import { DAY, HOUR, isTime, MINUTE } from '../../src/lib/model/time.js';
import { type ExchangeServer, startExchangeServer } from '../support/exchange-server/index.js';
import { expectObedient } from '../support/exchange-server/obedient.js';
import { fetchAllPages } from '../support/history-pages.js';

/** Rates are the business of the rate limiter's tests. */
const FREE = { rest: { most: 1e6, window: 1_000, ban: 0 } };
const DURATION = DAY;

const servers: ExchangeServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function start(id: string): Promise<ExchangeServer> {
  const server = await startExchangeServer(id, {
    clock: 'manual',
    limits: FREE,
    timeScale: 1_000,
    symbols: { spot: 1, linear: 1, inverse: 1 },
    strangers: false,
    // 31 seconds into a minute, so that there is a bar being formed.
    start: Date.UTC(2026, 10, 20, 12, 0, 31),
    history: { trades: 4_500, duration: DURATION / 1_000 },
  });
  servers.push(server);
  return server;
}

const symbolOf = (market: Market) => (market === 'inverse' ? 'BTCUSD' : 'BTCUSDT');
const variants = EXCHANGES.flatMap((exchange) =>
  exchange.markets.flatMap((market) => HISTORY_TYPES.map((type) => [exchange.id, market, type, exchange] as const)),
);

function queryOf(exchange: Exchange, server: ExchangeServer, market: Market, type: HistoryType): HistoryQuery {
  const now = server.now() * 1_000;
  const interval = type === 'candle' ? '1m' : undefined;
  const reach = historyOf(exchange).reach(type, market, interval, now);
  // Where only the newest trades can be had, a time between two of those that are given.
  const newest =
    reach.kind === 'newest' ? (server.trades(market, symbolOf(market)).at(-reach.records)?.time ?? 0) * 1_000 + 1 : 0;
  return { type, market, symbol: symbolOf(market), interval, from: Math.max(now - DAY / 2 + 17, newest), until: now };
}

describe.each(variants)('%s %s %s', (id, market, type, exchange) => {
  it('is fetched whole, in order within a page, within the query, within the rules, and covers what it says', async () => {
    const server = await start(id);
    const query = queryOf(exchange, server, market, type);
    const { kind, note } = historyOf(exchange).reach(type, market, query.interval, query.until);
    const { records, pages, requests, covered } = await fetchAllPages(exchange, server, query);
    expect(note).not.toBe('');
    expectObedient(server);
    if (kind === 'none') {
      expect(requests).toEqual([]);
      return;
    }
    expect(pages.flatMap(({ rejected }) => rejected)).toEqual([]);
    expect(records.length).toBeGreaterThan(0);
    for (const record of records) {
      expect(record).toMatchObject({ type, exchange: id, market, symbol: query.symbol });
      expect(record.localTimestamp).toBeUndefined();
      if (!isTime(record.timestamp) || /:(?:null|"")[,}]/.test(encodeRecord(record))) throw new Error(encodeRecord(record));
      if (record.timestamp < query.from - 1_000_000 || record.timestamp >= query.until) throw new Error(encodeRecord(record));
    }
    for (const page of pages) {
      const times = page.records.map(({ timestamp }) => timestamp);
      expect(times).toEqual([...times].sort((a, b) => a - b));
    }
    const spans = covered.flatMap((span) => span ?? []).sort((a, b) => a.from - b.from);
    expect(spans.slice(1).map(({ from }) => from)).toEqual(spans.slice(0, -1).map(({ until }) => until));
    // A list with a cursor ends without saying that nothing is older than its last row.
    const oldest = Math.min(...records.map(({ timestamp }) => timestamp));
    expect(spans[0]?.from).toBe(type === 'open_interest' ? oldest : query.from);
    const slack = type === 'candle' || type === 'mark_price' ? MINUTE : 0;
    expect(spans.at(-1)?.until).toBeGreaterThanOrEqual(query.until - slack);
    expect(spans.at(-1)?.until).toBeLessThanOrEqual(query.until);
  });

  it('says how often its endpoints may be asked', async () => {
    const server = await start(id);
    const query = queryOf(exchange, server, market, type);
    for (const request of historyOf(exchange).pages(query, query.until).flat()) {
      const limit = exchange.rest.limit(request);
      expect(limit === undefined || (limit.requests > 0 && limit.within > 0)).toBe(true);
      expect(request.path).toMatch(/^\//);
    }
  });
});

describe.each(EXCHANGES.flatMap((exchange) => exchange.markets.map((market) => [exchange.id, market, exchange] as const)))(
  '%s %s',
  (id, market, exchange) => {
    const inReach = (server: ExchangeServer, query: HistoryQuery) =>
      server.trades(market, query.symbol).filter(({ time }) => time * 1_000 >= query.from && time * 1_000 < query.until);

    it('trades are those of the exchange, each at least once', async () => {
      const server = await start(id);
      const query = queryOf(exchange, server, market, 'trade');
      const { records } = await fetchAllPages(exchange, server, query);
      const byId = new Map(records.flatMap((record) => (record.type === 'trade' ? [[record.id, record] as const] : [])));
      const truth = inReach(server, query);
      expect(truth.length).toBeGreaterThan(50);
      for (const { id: tradeId, price, size, side, time } of truth) {
        const trade = byId.get(tradeId);
        expect(trade).toMatchObject({ price: Number(price), amount: Number(size), side });
        expect(Math.floor((trade?.timestamp ?? 0) / 1e6)).toBe(Math.floor(time / 1e3));
      }
    });

    it('candles are closed when they are over, however late the local clock, and agree with the trades', async () => {
      const server = await start(id);
      const query = queryOf(exchange, server, market, 'candle');
      const candles = (await fetchAllPages(exchange, server, query)).records as Candle[];
      const trades = inReach(server, query);
      expect(candles.map(({ timestamp }) => timestamp)).toEqual(
        Array.from({ length: candles.length }, (_, at) => Math.ceil(query.from / MINUTE) * MINUTE + at * MINUTE),
      );
      expect(candles.at(-1)).toMatchObject({ timestamp: Math.floor(query.until / MINUTE) * MINUTE, closed: false });
      expect(candles.slice(0, -1).every(({ closed }) => closed)).toBe(true);
      for (const candle of candles.slice(-200)) {
        const inside = trades.filter(({ time }) => Math.floor(time / 6e4) * MINUTE === candle.timestamp);
        expect(candle.volume).toBeCloseTo(
          inside.reduce((sum, { size }) => sum + Number(size), 0),
          6,
        );
        if (inside.length > 0) expect(candle.close).toBe(Number(inside.at(-1)?.price));
      }
      const [page] = historyOf(exchange).pages({ ...query, from: query.until - 5 * MINUTE }, query.until);
      const request = page?.[0];
      const answer = await fetch(`${server.restUrl}${request?.path}?${new URLSearchParams(request?.query)}`);
      const fast = historyOf(exchange).parse(query, page ?? [], [await answer.text()], { now: query.until + HOUR });
      expect((fast.records.at(-1) as Candle).closed).toBe(false);
    });

    it('has every interval that it names, from the past and of late', async () => {
      const server = await start(id);
      for (const interval of historyOf(exchange).intervals(market)) {
        const query = { ...queryOf(exchange, server, market, 'candle'), interval, from: server.now() * 1_000 - 100 * DAY };
        if (historyOf(exchange).pages(query, query.until).length > 12) continue;
        const { records, pages } = await fetchAllPages(exchange, server, query);
        expect(pages.flatMap(({ rejected }) => rejected)).toEqual([]);
        expect(records.length, interval).toBeGreaterThan(0);
        expect(new Set(records.map(({ timestamp }) => timestamp)).size).toBe(records.length);
      }
      expectObedient(server);
      expect(historyOf(exchange).reach('candle', market, '7m', server.now() * 1_000).kind).toBe('none');
    });
  },
);
