import { afterEach, describe, expect, it } from 'vitest';
import { type ExchangeServer, type StartOptions, startExchangeServer } from '../../support/exchange-server/index.js';
import { expectObedient } from '../../support/exchange-server/obedient.js';
import { type Body, get, type Row } from './wire-client.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const FREE = { rest: { most: 1e6, window: 1_000, ban: 0 } };

const servers: ExchangeServer[] = [];

async function start(id: string, options: StartOptions = {}): Promise<ExchangeServer> {
  const server = await startExchangeServer(id, { clock: 'manual', limits: FREE, timeScale: 1_000, ...options });
  servers.push(server);
  return server;
}

async function body(server: ExchangeServer, path: string): Promise<Body> {
  const answer = await get(server, path);
  expect(answer.status, path).toBe(200);
  return answer.body;
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

describe('bitget REST', () => {
  const MIX = '/api/v2/mix/market';
  const BTC = 'productType=USDT-FUTURES&symbol=BTCUSDT';

  it('lists products apart, upper or lower case, v2 and v3, with what a filter must leave out', async () => {
    const server = await start('bitget');
    const names = async (path: string) => (await body(server, path)).data.map(({ symbol }) => symbol);
    const usdt = await names(`${MIX}/contracts?productType=USDT-FUTURES`);
    expect(usdt).toEqual(expect.arrayContaining(['BTCUSDT', 'HALTUSDT', 'ENDSUSDT', 'SOONUSDT']));
    expect(await names(`${MIX}/contracts?productType=usdt-futures`)).toEqual(usdt);
    expect(await names('/api/v3/market/instruments?category=USDT-FUTURES')).toEqual(usdt);
    expect(await names(`${MIX}/contracts?productType=USDC-FUTURES`)).toEqual(['BTCPERP']);
    expect(await names(`${MIX}/contracts?productType=COIN-FUTURES`)).toEqual(['BTCUSD', 'ETHUSD', 'BTCUSDH27']);
    expect(await names('/api/v2/spot/public/symbols')).toEqual(['BTCUSDT', 'ETHUSDT', 'SOLUSDT', 'ETHBTC']);
    expectObedient(server);
  });

  it('an unknown symbol is 40034 with HTTP 400, and no fault of the client', async () => {
    const server = await start('bitget');
    expect(await get(server, `${MIX}/fills?productType=USDT-FUTURES&symbol=NOPEUSDT`)).toMatchObject({
      status: 400,
      body: { code: '40034', data: null },
    });
    expectObedient(server);
  });

  it('fills: the newest 100, lower case, in milliseconds', async () => {
    const server = await start('bitget', { symbols: { linear: 1 }, strangers: false, history: { trades: 300, duration: HOUR } });
    const { data } = await body(server, `${MIX}/fills?${BTC}&limit=100`);
    const truth = server.trades('linear', 'BTCUSDT').slice(-100).reverse();
    expect(data.map(({ tradeId, side, ts }) => [tradeId, side, Number(ts)])).toEqual(
      truth.map(({ id, side, time }) => [id, side, time]),
    );
    expect((await get(server, `${MIX}/fills?${BTC}&limit=101`)).status).toBe(400);
  });

  it('fills-history: pages by idLessThan to the beginning; sides capitalised, times in whole seconds', async () => {
    const server = await start('bitget', {
      symbols: { linear: 1 },
      strangers: false,
      history: { trades: 3_000, duration: 5 * DAY },
    });
    const rows: Row[] = [];
    for (let cursor = ''; ; cursor = `&idLessThan=${rows.at(-1)?.tradeId}`) {
      const page: Row[] = (await body(server, `${MIX}/fills-history?${BTC}&limit=1000${cursor}`)).data;
      rows.push(...page);
      if (page.length < 1_000) break;
    }
    const truth = server.trades('linear', 'BTCUSDT').reverse();
    expect(rows.map(({ tradeId }) => tradeId)).toEqual(truth.map(({ id }) => id));
    expect(new Set(rows.map(({ side }) => side))).toEqual(new Set(['Buy', 'Sell']));
    expect(rows.every(({ ts }, at) => Number(ts) === Math.floor((truth[at]?.time ?? 0) / 1_000) * 1_000)).toBe(true);
    const [from, until] = [server.now() - 2 * DAY, server.now() - DAY];
    const { data } = await body(server, `${MIX}/fills-history?${BTC}&limit=1000&startTime=${from}&endTime=${until}`);
    expect(data.map(({ tradeId }) => tradeId)).toEqual(
      truth.filter(({ time }) => time >= from && time <= until).map(({ id }) => id),
    );
    expect((await get(server, `${MIX}/fills-history?${BTC}&startTime=${until - 8 * DAY}&endTime=${until}`)).status).toBe(400);
  });

  it('fills-history keeps 90 days and gives 7 without times', async () => {
    const server = await start('bitget', {
      symbols: { linear: 1 },
      strangers: false,
      history: { trades: 200, duration: 100 * DAY },
    });
    const old = server.now() - 95 * DAY;
    const range = (from: number, until: number) => `${MIX}/fills-history?${BTC}&startTime=${from}&endTime=${until}`;
    expect((await body(server, range(old, old + 4 * DAY))).data).toEqual([]);
    expect((await body(server, range(server.now() - 89 * DAY, server.now() - 85 * DAY))).data.length).toBeGreaterThan(5);
    const { data } = await body(server, `${MIX}/fills-history?${BTC}`);
    expect(data.every(({ ts }) => Number(ts) > server.now() - 8 * DAY)).toBe(true);
  });

  it('candles ascend and include the forming bar; history-candles do not', async () => {
    const server = await start('bitget', {
      symbols: { linear: 1, spot: 1 },
      strangers: false,
      history: { trades: 4_000, duration: 12 * HOUR },
    });
    server.advance(30_000);
    server.trade('linear', 'BTCUSDT');
    const { data } = await body(server, `${MIX}/candles?${BTC}&granularity=1m&limit=1000`);
    const starts = data.map((row) => Number(row[0]));
    expect(starts.at(-1)).toBe(Math.floor(server.now() / MINUTE) * MINUTE);
    expect(starts).toEqual(starts.map((_, at) => (starts[0] as number) + at * MINUTE));
    const chained = data.every((row, at) => at === 0 || row[1] === data[at - 1]?.[4]);
    expect(chained).toBe(true);
    const history = await body(server, `${MIX}/history-candles?${BTC}&granularity=1m&limit=200`);
    expect(history.data.map((row) => Number(row[0]))).toEqual(starts.slice(-201, -1));
    const volume = data.reduce((sum, row) => sum + Number(row[5]), 0);
    const truth = server.trades('linear', 'BTCUSDT').filter(({ time }) => time >= (starts[0] as number));
    expect(volume).toBeCloseTo(
      truth.reduce((sum, { size }) => sum + Number(size), 0),
      6,
    );
    expect(data[0]).toHaveLength(7);
    expect((await body(server, '/api/v2/spot/market/candles?symbol=BTCUSDT&granularity=1min')).data[0]).toHaveLength(8);
  });

  it.each([
    `${MIX}/candles?${BTC}&granularity=1h`,
    `${MIX}/candles?${BTC}&granularity=1m&limit=1001`,
    `${MIX}/history-candles?${BTC}&granularity=1m&limit=201`,
    '/api/v2/spot/market/history-candles?symbol=BTCUSDT&granularity=1min',
    '/api/v2/spot/market/candles?symbol=BTCUSDT&granularity=1m',
    `/api/v3/market/history-candles?category=USDT-FUTURES&symbol=BTCUSDT&interval=1m&limit=101`,
  ])('refuses %s', async (path) => {
    const server = await start('bitget');
    expect(await get(server, path)).toMatchObject({ status: 400, body: { code: '400172' } });
  });

  it('mark and index candles, and prices, come from one source', async () => {
    const server = await start('bitget', { symbols: { linear: 1 }, strangers: false });
    server.advance(59_000);
    for (const [kind, field] of [
      ['mark', 'markPrice'],
      ['index', 'indexPrice'],
    ] as const) {
      const path = `${MIX}/history-${kind}-candles?${BTC}&granularity=1m&limit=2`;
      server.advance(MINUTE);
      const price = (await body(server, `${MIX}/symbol-price?${BTC}`)).data[0]?.[field];
      server.advance(1_000);
      const { data } = await body(server, path);
      expect(data).toHaveLength(2);
      expect(data.at(-1)?.[4]).toBe(price);
      server.advance(59_000 - 1_000 + 1_000);
    }
  });

  it('funding history by page, newest first, as far as the launch; current rate is the next one', async () => {
    const server = await start('bitget', { symbols: { linear: 3 }, strangers: false });
    const page = async (no: number) => (await body(server, `${MIX}/history-fund-rate?${BTC}&pageSize=100&pageNo=${no}`)).data;
    const [first, second] = [await page(1), await page(2)];
    const times = [...first, ...second].map(({ fundingTime }) => Number(fundingTime));
    expect(times).toEqual(times.map((_, at) => (times[0] as number) - at * 8 * HOUR));
    expect(times[0]).toBeLessThanOrEqual(server.now());
    expect((await page(40)).length).toBe(0);
    const before = (await body(server, `${MIX}/current-fund-rate?${BTC}`)).data[0];
    server.advance(8 * HOUR);
    expect((await page(1))[0]).toMatchObject({ fundingRate: before?.fundingRate, fundingTime: before?.nextUpdate });
  });

  it('open interest, tiers and tickers in both versions', async () => {
    const server = await start('bitget');
    const v2 = (await body(server, `${MIX}/open-interest?${BTC}`)).data.openInterestList[0];
    const v3 = (await body(server, '/api/v3/market/open-interest?category=USDT-FUTURES&symbol=BTCUSDT')).data.list[0];
    expect(v3?.openInterest).toBe(v2?.size);
    const tiers = (await body(server, `${MIX}/query-position-lever?${BTC}`)).data;
    expect(tiers[0]).toMatchObject({ level: '1', startUnit: '0', keepMarginRate: '0.004' });
    expect(tiers.every(({ startUnit }, at) => at === 0 || startUnit === tiers[at - 1]?.endUnit)).toBe(true);
    expect((await body(server, '/api/v3/market/position-tier?category=USDT-FUTURES&symbol=BTCUSDT')).data[0]).toMatchObject({
      tier: '1',
      mmr: '0.004',
    });
    expect((await body(server, '/api/v3/market/tickers?category=USDT-FUTURES')).data.length).toBeGreaterThan(4);
    expect((await body(server, `${MIX}/ticker?${BTC}`)).data).toHaveLength(1);
    const levels = (await body(server, `${MIX}/merge-depth?${BTC}`)).data as unknown as { asks: unknown[][] };
    expect(levels.asks[0]?.every((value) => typeof value === 'number')).toBe(true);
    expectObedient(server);
  });
});

describe('bybit REST', () => {
  const BTC = 'category=linear&symbol=BTCUSDT';

  it('lists 500 unless asked for more, by a cursor that is encoded once; spot comes whole', async () => {
    const server = await start('bybit', { symbols: { linear: 700, spot: 600 } });
    const path = '/v5/market/instruments-info?category=linear';
    const first = (await body(server, path)).result;
    expect(first.list).toHaveLength(500);
    expect(first.nextPageCursor).toContain('%');
    const second = (await body(server, `${path}&cursor=${encodeURIComponent(first.nextPageCursor)}`)).result;
    expect(second.nextPageCursor).toBe('');
    const names = [...first.list, ...second.list].map(({ symbol }) => symbol);
    expect(new Set(names).size).toBe(702);
    expect(names).toContain('BTCUSDT-26MAR27');
    expect(names).not.toContain('SOONUSDT');
    expect((await body(server, `${path}&status=PreLaunch`)).result.list.map(({ symbol }) => symbol)).toEqual(['SOONUSDT']);
    expect((await body(server, '/v5/market/instruments-info?category=spot&limit=3')).result.list).toHaveLength(601);
    expectObedient(server);
    expect((await body(server, `${path}&cursor=${first.nextPageCursor}`)).retCode).toBe(10001);
  });

  it('recent-trade: at most 1000, spot 60, newest first', async () => {
    const server = await start('bybit', {
      symbols: { linear: 1, spot: 1 },
      strangers: false,
      history: { trades: 3_000, duration: HOUR },
    });
    for (const [category, most] of [
      ['linear', 1_000],
      ['spot', 60],
    ] as const) {
      const path = `/v5/market/recent-trade?category=${category}&symbol=BTCUSDT`;
      const { list } = (await body(server, `${path}&limit=${most}`)).result;
      const truth = server.trades(category, 'BTCUSDT').slice(-most).reverse();
      expect(list.map(({ execId, side, time }) => [execId, side, Number(time)])).toEqual(
        truth.map(({ id, side, time }) => [id, side === 'buy' ? 'Buy' : 'Sell', time]),
      );
      expect((await body(server, `${path}&limit=${most + 1}`)).retCode).toBe(10001);
    }
  });

  it('kline descends and includes the open bar; a window is cut at its newest end', async () => {
    const server = await start('bybit', {
      symbols: { linear: 1 },
      strangers: false,
      history: { trades: 3_000, duration: 24 * HOUR },
    });
    const path = `/v5/market/kline?${BTC}&interval=1`;
    const { list } = (await body(server, `${path}&limit=1000`)).result;
    const starts = list.map((row) => Number(row[0]));
    expect(starts[0]).toBe(Math.floor(server.now() / MINUTE) * MINUTE);
    expect(starts).toEqual(starts.map((_, at) => (starts[0] as number) - at * MINUTE));
    const [from, until] = [server.now() - 5 * HOUR, server.now() - HOUR];
    const window = (await body(server, `${path}&start=${from}&end=${until}&limit=100`)).result.list.map((row) => Number(row[0]));
    expect([window.length, window[0]]).toEqual([100, Math.floor(until / MINUTE) * MINUTE]);
    const marks = (await body(server, `/v5/market/mark-price-kline?${BTC}&interval=60&limit=3`)).result.list;
    expect([marks.length, marks[0]?.length]).toEqual([3, 5]);
    expect(Number(marks[0]?.[0])).toBeGreaterThan(Number(marks[1]?.[0]));
    expectObedient(server);
    expect((await body(server, `${path}&limit=1001`)).retCode).toBe(10001);
  });

  it('inverse contracts count dollars', async () => {
    const server = await start('bybit', { symbols: { inverse: 1 }, strangers: false, history: { trades: 200, duration: HOUR } });
    const { list } = (await body(server, '/v5/market/kline?category=inverse&symbol=BTCUSD&interval=60')).result;
    const row = list.find((each) => Number(each[5]) > 0) ?? {};
    expect(Number(row[5])).toBe(Math.round(Number(row[5])));
    expect(Number(row[5]) / Number(row[6]) / Number(row[4])).toBeCloseTo(1, 1);
  });

  it('funding back to the launch by endTime, open interest by cursor, risk limits by symbol', async () => {
    const server = await start('bybit', { symbols: { linear: 3 } });
    const times: number[] = [];
    for (let until = server.now(); ; until = (times.at(-1) as number) - 1) {
      const { list } = (await body(server, `/v5/market/funding/history?${BTC}&endTime=${until}`)).result;
      times.push(...list.map(({ fundingRateTimestamp }) => Number(fundingRateTimestamp)));
      if (list.length < 200) break;
    }
    expect(times).toEqual(times.map((_, at) => (times[0] as number) - at * 8 * HOUR));
    expect(times.at(-1)).toBe(Date.UTC(2024, 0, 1));
    const path = `/v5/market/open-interest?${BTC}&intervalTime=1h&limit=200&startTime=${server.now() - 10 * DAY}`;
    const first = (await body(server, path)).result;
    const second = (await body(server, `${path}&cursor=${encodeURIComponent(first.nextPageCursor)}`)).result;
    const stamps = [...first.list, ...second.list].map(({ timestamp }) => Number(timestamp));
    expect(stamps).toHaveLength(241);
    expect(stamps).toEqual(stamps.map((_, at) => (stamps[0] as number) - at * HOUR));
    expect(first.list.every((row) => Number(row.openInterest) === 2 * Number(row.singleOpenInterest))).toBe(true);
    expect((await body(server, `/v5/market/risk-limit?${BTC}`)).result.list[0]).toMatchObject({
      initialMargin: '0.02',
      maintenanceMargin: '0.01',
      maxLeverage: '50.00',
      mmDeduction: '',
    });
    expectObedient(server);
  });

  it('business errors come with HTTP 200', async () => {
    const server = await start('bybit');
    expect((await body(server, '/v5/market/kline?category=linear&symbol=NOPEUSDT&interval=1')).retCode).toBe(10001);
    expectObedient(server);
    expect((await body(server, '/v5/market/tickers?category=nothing')).retCode).toBe(10001);
    expect((await get(server, '/v5/market/nothing')).status).toBe(404);
  });
});
