import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { ConnectionPool } from '../../src/lib/capture/live/connection-pool.js';
import type { AnyRecord, Gap } from '../../src/lib/model/records.js';
import { DAY, MICROSECONDS_PER_MILLISECOND as MS, SECOND } from '../../src/lib/model/time.js';
import { lastTrades } from '../../src/lib/storage/reading/last-trades.js';
import { openStoreWriter } from '../../src/lib/storage/store-writer.js';
import { type ExchangeServer, type StartOptions, startExchangeServer } from '../support/exchange-server/index.js';
import { captureFrom, type TestOptions, type TestRun } from '../support/live-run.js';

const directory = mkdtempSync(join(tmpdir(), 'resumption-'));
const servers: ExchangeServer[] = [];
const runs: TestRun[] = [];
let stores = 0;

afterEach(async () => {
  for (const run of runs.splice(0)) await run.stop().catch(() => {});
  for (const server of servers.splice(0)) await server.close();
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function serve(id: string, options: StartOptions = {}): Promise<ExchangeServer> {
  const server = await startExchangeServer(id, { timeScale: 50, strangers: false, symbols: { linear: 2 }, ...options });
  servers.push(server);
  return server;
}

const storeName = () => join(directory, `store-${stores++}`);

/** Captures into a store until `whole` holds; resolves with the records when all of them are stored. */
async function run(
  server: ExchangeServer,
  store: string,
  options: TestOptions,
  whole: (run: TestRun) => boolean,
  isKilled = true,
) {
  const stored: AnyRecord[] = [];
  const one = await captureFrom([server], { store, ...options });
  runs.push(one);
  await one.until(() => one.live.status().isReady, 'all subscribed');
  await one.until(() => whole(one), 'all seen');
  const stopped = server.now() * MS;
  stored.push(...(await one.stop()));
  const writer = await openStoreWriter(store, { step: 'stream' });
  await writer.write(stored);
  await writer.close();
  if (!isKilled) await one.live.saveCoverage();
  return { records: stored, live: one.live, stopped };
}

const gapsOf = (records: readonly AnyRecord[], channel: string) =>
  records.filter((record): record is Gap => record.type === 'gap' && record.channel === channel);
const has = (records: readonly AnyRecord[], type: string, symbol: string) =>
  records.some((record) => record.type === type && 'symbol' in record && record.symbol === symbol);

describe.each([
  ['bitget', 'v3'],
  ['bybit', 'v5'],
])('a capture of %s that goes on in a store', (id, api) => {
  const symbolsOf = (server: ExchangeServer) =>
    server.market.symbols.filter(({ listing }) => listing.market === 'linear').map(({ listing }) => listing.symbol);
  const options: TestOptions = {
    api,
    channels: ['ticker', 'book', 'book_delta', 'liquidation'],
    polled: { types: ['open_interest'], every: 200 },
  };
  const KINDS: Readonly<Record<string, string>> = {
    ticker: 'ticker',
    book: 'book_snapshot',
    book_delta: 'book_delta',
    liquidation: 'liquidation',
    open_interest: 'open_interest',
  };

  it('tells of every feed what lies between its last record and the first thing known again', async () => {
    const server = await serve(id);
    const symbols = symbolsOf(server);
    const happen = () => {
      for (const symbol of symbols) {
        server.liquidate('linear', symbol);
        server.requote('linear', symbol);
        server.ticker('linear', symbol);
      }
    };
    const whole = (one: TestRun) => {
      happen();
      return symbols.every((symbol) => Object.values(KINDS).every((type) => has(one.records, type, symbol)));
    };
    const store = storeName();
    const first = await run(server, store, options, whole);
    for (const channel of Object.keys(KINDS)) expect(gapsOf(first.records, channel)).toEqual([]);
    const from = server.now();
    happen();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const second = await run(server, store, options, whole);
    for (const [channel, type] of Object.entries(KINDS)) {
      for (const symbol of symbols) {
        const isOwn = (record: AnyRecord) => record.type === type && 'symbol' in record && record.symbol === symbol;
        const gaps = gapsOf(second.records, channel).filter((gap) => gap.symbol === symbol);
        expect(gaps, `${channel} ${symbol}`).toHaveLength(1);
        const [gap] = gaps as [Gap];
        expect(gap).toMatchObject({ reason: 'shutdown', missing: true, repaired: 0 });
        const last = first.records.findLast((record) => isOwn(record) && (type !== 'book_snapshot' || 'depth' in record));
        expect(gap.fromTimestamp).toBe(last?.timestamp);
        expect(gap.untilTimestamp).toBeGreaterThanOrEqual(from * MS);
        const next = second.records.find(isOwn) as AnyRecord;
        expect(second.records.indexOf(gap)).toBeLessThan(second.records.indexOf(next));
        expect(gap.untilTimestamp).toBeLessThanOrEqual(next.timestamp + (channel === 'liquidation' ? SECOND : 0));
      }
    }
    // It is not of this run's making.
    expect(second.live.statistics).toMatchObject({ missingGaps: 0, incomplete: false });
  });

  it('knows that nothing is liquidated once the exchange has confirmed the subscription', async () => {
    const server = await serve(id);
    const [symbol = ''] = symbolsOf(server);
    const store = storeName();
    const only: TestOptions = { api, channels: ['ticker', 'liquidation'] };
    await run(server, store, only, (one) => {
      if (!has(one.records, 'liquidation', symbol)) server.liquidate('linear', symbol);
      return has(one.records, 'liquidation', symbol);
    });
    const second = await run(server, store, only, (one) => {
      server.ticker('linear', symbol);
      return gapsOf(one.records, 'liquidation').length > 0;
    });
    const [gap] = gapsOf(second.records, 'liquidation') as [Gap];
    expect(gap.untilTimestamp).toBeLessThanOrEqual(server.now() * MS + SECOND);
    expect(has(second.records, 'liquidation', symbol)).toBe(false);
    // Told once of each symbol: the next liquidation ends nothing any more.
    expect(gapsOf(second.records, 'liquidation').map((each) => each.symbol)).toEqual(symbolsOf(server));
  });
});

describe('liquidations, of which there may be none for days', () => {
  const only: TestOptions = { channels: ['ticker', 'liquidation'] };
  const quiet = (server: ExchangeServer) => (one: TestRun) => {
    server.ticker('linear', 'BTCUSDT');
    return one.records.filter(({ type }) => type === 'clock').length > 2;
  };
  const told = (server: ExchangeServer) => (one: TestRun) => {
    server.ticker('linear', 'BTCUSDT');
    return gapsOf(one.records, 'liquidation').length > 0;
  };

  it('are missing from the end of the run before on, where that was stopped', async () => {
    const server = await serve('bybit', { symbols: { linear: 1 } });
    const store = storeName();
    const began = server.now() * MS;
    const { stopped } = await run(server, store, only, quiet(server), false);
    const ended = server.now() * MS;
    await new Promise((resolve) => setTimeout(resolve, 100));
    const second = await run(server, store, only, told(server), false);
    const [gap] = gapsOf(second.records, 'liquidation') as [Gap];
    expect(gap).toMatchObject({ reason: 'shutdown', missing: true });
    expect(gap.fromTimestamp).toBeGreaterThan(Math.max(began, stopped - 3 * SECOND));
    expect(gap.fromTimestamp).toBeLessThanOrEqual(ended);
    expect(gap.untilTimestamp).toBeGreaterThanOrEqual(ended);
  });

  it('are missing from its beginning on, where it was killed and stored none', async () => {
    const server = await serve('bybit', { symbols: { linear: 1 } });
    const store = storeName();
    const began = server.now() * MS;
    const first = await run(server, store, only, quiet(server));
    expect(gapsOf(first.records, 'liquidation')).toEqual([]);
    const second = await run(server, store, only, told(server));
    const [gap] = gapsOf(second.records, 'liquidation') as [Gap];
    expect(gap.fromTimestamp).toBeGreaterThan(began - SECOND);
    expect(gap.fromTimestamp).toBeLessThan(began + SECOND);
  });
});

it('tells the pause in the trades too where nothing is repaired', async () => {
  const server = await serve('bybit', { symbols: { linear: 1 } });
  const store = storeName();
  const traded = (one: TestRun) => {
    server.trade('linear', 'BTCUSDT');
    return has(one.records, 'trade', 'BTCUSDT');
  };
  const first = await run(server, store, {}, traded);
  server.trade('linear', 'BTCUSDT');
  const second = await run(server, store, {}, traded);
  const last = first.records.findLast(({ type }) => type === 'trade');
  expect(gapsOf(second.records, 'trade')).toMatchObject([
    { reason: 'shutdown', missing: true, fromTimestamp: last?.timestamp, symbol: 'BTCUSDT' },
  ]);
});

it('goes on after the first snapshot of a book that has not changed since', async () => {
  const server = await serve('bybit', { symbols: { linear: 1 } });
  const store = storeName();
  const books: TestOptions = { channels: ['book_delta'] };
  const first = await run(server, store, books, (one) => has(one.records, 'book_snapshot', 'BTCUSDT'));
  expect(has(first.records, 'book_delta', 'BTCUSDT')).toBe(false);
  server.requote('linear', 'BTCUSDT');
  const second = await run(server, store, books, (one) => has(one.records, 'book_snapshot', 'BTCUSDT'));
  const last = first.records.find(({ type }) => type === 'book_snapshot');
  expect(gapsOf(second.records, 'book_delta')).toMatchObject([{ reason: 'shutdown', fromTimestamp: last?.timestamp }]);
});

it('tells a pause of weeks, of trades and of the rest', async () => {
  const server = await serve('bybit', { symbols: { linear: 1 } });
  const store = storeName();
  const ago = server.now() * MS - 20 * DAY;
  const common = { exchange: 'bybit', market: 'linear', symbol: 'BTCUSDT', timestamp: ago, localTimestamp: ago } as const;
  const writer = await openStoreWriter(store, { step: 'stream' });
  await writer.write([
    { type: 'trade', ...common, id: 'a', price: 1, amount: 1, side: 'buy' },
    { type: 'liquidation', ...common, price: 1, amount: 1, side: 'buy' },
  ]);
  await writer.close();
  const second = await run(server, store, { repair: { hold: 3 * SECOND }, channels: ['trade', 'liquidation'] }, (one) => {
    server.trade('linear', 'BTCUSDT');
    return gapsOf(one.records, 'liquidation').length + gapsOf(one.records, 'trade').length === 2;
  });
  for (const channel of ['trade', 'liquidation'])
    expect(gapsOf(second.records, channel)).toMatchObject([{ reason: 'shutdown', missing: true, fromTimestamp: ago }]);
});

it('tells candles per interval, from the end of the last closed one to the first that comes', async () => {
  const server = await serve('bybit', { symbols: { linear: 1 } });
  const store = storeName();
  const minute = 60 * SECOND;
  const now = Math.floor((server.now() * MS) / minute) * minute;
  const candle = {
    type: 'candle',
    exchange: 'bybit',
    market: 'linear',
    symbol: 'BTCUSDT',
    source: 'exchange',
    ...{ open: 1, high: 1, low: 1, close: 1, volume: 1, turnover: 1, complete: true },
  } as const;
  const writer = await openStoreWriter(store, { step: 'stream' });
  await writer.write([
    { ...candle, interval: '1m', timestamp: now - 10 * minute, localTimestamp: now, closed: true },
    { ...candle, interval: '5m', timestamp: now - 10 * minute, localTimestamp: now + 1, closed: false },
  ]);
  await writer.close();
  const second = await run(server, store, { channels: ['candle'], intervals: ['1m', '5m'] }, (one) => {
    server.trade('linear', 'BTCUSDT');
    return ['1m', '5m'].every((interval) =>
      one.records.some((record) => record.type === 'candle' && record.interval === interval),
    );
  });
  const first = (interval: string) =>
    second.records.find((record) => record.type === 'candle' && record.interval === interval)?.timestamp;
  expect(gapsOf(second.records, 'candle_exchange_1m')).toMatchObject([
    { fromTimestamp: now - 9 * minute, untilTimestamp: first('1m'), missing: true },
  ]);
  expect(gapsOf(second.records, 'candle_exchange_5m')).toMatchObject([
    { fromTimestamp: now - 10 * minute, untilTimestamp: first('5m'), missing: true },
  ]);
});

it('begins nothing when it is stopped while it still reads the store', async () => {
  const server = await serve('bybit', { symbols: { linear: 1 } });
  const store = storeName();
  const options: TestOptions = { repair: {} };
  const [first] = [await captureFrom([server], { store, ...options })];
  runs.push(first);
  // Its first step reads the store, and the stop comes before that is done.
  await first.stop();
  const query = { exchange: 'bybit', market: 'linear', symbols: ['BTCUSDT'] } as const;
  for (let i = 0; i < 3; i++) await lastTrades(store, query);
  const [pool] = first.live.pools as unknown as [ConnectionPool];
  await pool.adjust([{ market: 'linear', channel: 'trade', symbol: 'BTCUSDT' }]);
  expect(pool.connections).toEqual({ wanted: 0, open: 0 });
  expect(server.accepted).toBe(0);
});

it.each(['bitget', 'bybit'])('fetches what a killed run of %s had not noticed: a silence before its last trades', async (id) => {
  const server = await serve(id, { symbols: { linear: 1 }, history: { trades: 60, duration: 240_000 } });
  const truth = server.trades('linear', 'BTCUSDT');
  const isMissing = (at: number) => at >= 35 && at < 55;
  const missing = truth.filter((_, at) => isMissing(at)).map(({ id: tradeId }) => tradeId);
  const store = storeName();
  const writer = await openStoreWriter(store, { step: 'stream' });
  await writer.write(
    truth.flatMap(({ id: tradeId, time, price, size, side }, at) => {
      if (isMissing(at)) return [];
      const own = {
        exchange: id,
        market: 'linear',
        symbol: 'BTCUSDT',
        timestamp: time * MS,
        localTimestamp: time * MS + 1,
      } as const;
      const sequence = id === 'bitget' ? { sequence: tradeId } : {};
      return [{ type: 'trade', ...own, id: tradeId, price: Number(price), amount: Number(size), side, ...sequence }];
    }),
  );
  await writer.close();
  const { records } = await run(server, store, { repair: {} }, (one) => {
    server.trade('linear', 'BTCUSDT');
    return missing.every((tradeId) => one.records.some((record) => record.type === 'trade' && record.id === tradeId));
  });
  const ids = records.flatMap((record) => (record.type === 'trade' ? [record.id] : []));
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.filter((tradeId) => truth.some((trade) => trade.id === tradeId))).toEqual(missing);
  expect(gapsOf(records, 'trade').map(({ missing: isOpen }) => isOpen)).toEqual([false]);
});
