import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { bitget } from '../../../../src/lib/exchanges/bitget/index.js';
import type { HttpRequest } from '../../../../src/lib/exchanges/exchange.js';
import type { HistoryQuery, PageContext, PageRequest } from '../../../../src/lib/exchanges/history.js';
import { FailureError } from '../../../../src/lib/model/errors.js';
import { DAY, floorToSecond, HOUR, MINUTE, SECOND } from '../../../../src/lib/model/time.js';
import { fixture } from '../../../support/frames.js';

const { history, rest } = bitget;
const NOW = Date.UTC(2026, 10, 20, 12, 0, 31) * 1_000;
const ms = (time: number) => String(time / 1_000);
const answer = (data: unknown, time = NOW) => JSON.stringify({ code: '00000', msg: 'success', requestTime: time / 1_000, data });

const trades = (query: Partial<HistoryQuery> = {}): HistoryQuery => {
  return { type: 'trade', market: 'linear', symbol: 'BTCUSDT', from: NOW - 10 * MINUTE, until: NOW, ...query };
};
const first = (query: HistoryQuery): PageRequest => history.pages(query, NOW)[0] as PageRequest;
const parse = (query: HistoryQuery, page: PageRequest, data: unknown, before: Partial<PageContext> = {}) =>
  history.parse(query, page, [answer(data)], { now: NOW, ...before });
const recent = (id: number, time: number, side = 'buy') => {
  return { tradeId: `148743802441${id}`, price: '90000.1', size: '0.004', side, ts: ms(time), symbol: 'BTCUSDT' };
};

describe('trades', () => {
  it('of late are asked of fills, 100 of contracts and 500 of spot, and of fills-history where these do not reach', () => {
    expect(first(trades())).toEqual([
      { path: '/api/v2/mix/market/fills', query: { symbol: 'BTCUSDT', productType: 'USDT-FUTURES', limit: '100' } },
    ]);
    expect(first(trades({ market: 'spot' }))).toEqual([
      { path: '/api/v2/spot/market/fills', query: { symbol: 'BTCUSDT', limit: '500' } },
    ]);
    const query = trades({ from: NOW - 3 * DAY + 1, until: NOW - 2 * DAY - 1 });
    expect(first(query)[0]).toMatchObject({
      path: '/api/v2/mix/market/fills-history',
      query: { limit: '1000', startTime: ms(NOW - 3 * DAY - SECOND), endTime: ms(NOW - 2 * DAY) },
    });
  });

  it('of fills are newest first, lower case, in milliseconds; fills-history starts a chain of its own that shares trades with them', () => {
    const query = trades();
    const oldest = NOW - 5 * MINUTE - 900_000 + 123_000;
    const page = parse(query, first(query), [recent(9, NOW - SECOND, 'sell'), recent(8, oldest)]);
    expect(page.records).toMatchObject([
      { id: '1487438024418', sequence: '1487438024418', side: 'buy', timestamp: oldest, price: 90_000.1, amount: 0.004 },
      { side: 'sell', timestamp: NOW - SECOND },
    ]);
    // Another trade of the oldest millisecond may have been cut off.
    expect(page.covered).toEqual({ from: oldest + 1_000, until: NOW });
    expect(page.next?.[0]).toMatchObject({
      path: '/api/v2/mix/market/fills-history',
      query: { startTime: ms(floorToSecond(query.from) - SECOND), endTime: ms(Math.ceil(query.until / SECOND) * SECOND) },
    });
    expect(page.next?.[0]?.query.idLessThan).toBeUndefined();
    expect(page.startsChain).toBe(true);
    // The list may lag: it covers nothing after its newest trade.
    const older = parse(query, page.next as PageRequest, [
      recent(8, NOW - 2 * MINUTE, 'Buy'),
      recent(7, NOW - 3 * MINUTE, 'Buy'),
    ]);
    expect(older.covered).toEqual({ from: NOW - 3 * MINUTE + SECOND, until: NOW - 2 * MINUTE });
    expect(parse(query, page.next as PageRequest, [])).toMatchObject({ isEmpty: true, covered: undefined });
  });

  it('need no second page where the first reaches beyond the query', () => {
    const query = trades();
    const page = parse(query, first(query), [recent(9, NOW - SECOND), recent(8, query.from - 1_000)]);
    expect(page).toMatchObject({ records: [{ timestamp: NOW - SECOND }], covered: { from: query.from, until: NOW } });
    expect(page.next).toBeUndefined();
  });

  it('of fills-history say Buy and Sell and whole seconds: the seconds that the query touches are whole', () => {
    const query = trades({ from: NOW - 3 * DAY + 400_000, until: NOW - 2 * DAY + 400_000 });
    const rows = [
      recent(9, NOW - 2 * DAY, 'Sell'),
      recent(8, NOW - 3 * DAY + SECOND, 'Buy'),
      recent(7, NOW - 3 * DAY, 'Buy'),
      recent(6, NOW - 3 * DAY - SECOND, 'Buy'),
    ];
    const page = parse(query, first(query), rows);
    expect(page.records).toMatchObject([
      { timestamp: NOW - 3 * DAY, side: 'buy' },
      { timestamp: NOW - 3 * DAY + SECOND, side: 'buy' },
      { timestamp: NOW - 2 * DAY, side: 'sell' },
    ]);
  });

  it('page below the least id until a page is empty, then in the seven days before, and not beyond what is kept', () => {
    const query = trades({ from: NOW - 200 * DAY, until: NOW - 80 * DAY });
    const page = first(query);
    expect(page[0]?.query).toMatchObject({ startTime: ms(NOW - 87 * DAY), endTime: ms(NOW - 80 * DAY) });
    const full = parse(query, page, [recent(9, NOW - 81 * DAY), recent(8, NOW - 82 * DAY)]);
    expect(full.covered).toEqual({ from: NOW - 82 * DAY + SECOND, until: query.until });
    expect(full.next).toEqual([{ ...page[0], query: { ...page[0]?.query, idLessThan: '1487438024418' } }]);
    const empty = parse(query, full.next as PageRequest, [], { covered: full.covered });
    expect(empty.covered).toEqual({ from: NOW - 87 * DAY, until: query.until });
    expect(empty.next?.[0]?.query).toMatchObject({
      startTime: ms(NOW - 90 * DAY + 5 * MINUTE),
      endTime: ms(NOW - 87 * DAY + SECOND),
    });
    expect(empty.next?.[0]?.query).not.toHaveProperty('idLessThan');
    const last = parse(query, empty.next as PageRequest, [], { covered: empty.covered });
    expect(last.covered).toEqual({ from: NOW - 90 * DAY + 5 * MINUTE, until: query.until });
    expect(last.next).toBeUndefined();
    expect(history.pages(trades({ from: NOW - 200 * DAY, until: NOW - 91 * DAY }), NOW)).toEqual([]);
    expect(history.reach('trade', 'linear', undefined, NOW)).toMatchObject({ kind: 'since', from: NOW - 90 * DAY + 5 * MINUTE });
  });

  it('are refused where pages do not go on, and where the exchange refuses', () => {
    const query = trades({ from: NOW - 3 * DAY, until: NOW - 2 * DAY });
    const page = [{ ...first(query)[0], query: { ...first(query)[0]?.query, idLessThan: '1487438024418' } }] as PageRequest;
    expect(() => parse(query, page, [recent(8, NOW - 3 * DAY)])).toThrow(/expected trades below 1487438024418/);
    const refused = '{"code":"40034","msg":"Parameter NOPE does not exist","data":null}';
    expect(() => history.parse(query, page, [refused], { now: NOW })).toThrow(FailureError);
  });

  it('that cannot be read are told, and neither is a trade of another symbol believed', () => {
    const query = trades();
    const rows = [
      recent(9, NOW - SECOND),
      { ...recent(8, NOW - 2 * SECOND), symbol: 'ETHUSDT' },
      { ...recent(7, NOW - 2 * SECOND), price: '' },
      null,
    ];
    const { records, rejected } = parse(query, first(query), rows);
    expect(records).toHaveLength(1);
    expect(rejected).toHaveLength(3);
  });

  it('keep ids that exceed 2^53 when they come unquoted', () => {
    const query = trades();
    const body = answer([recent(9, NOW - SECOND)]).replace('"1487438024419"', '1487438024419123457');
    const { records } = history.parse(query, first(query), [body], { now: NOW });
    expect(records).toMatchObject([{ id: '1487438024419123457' }]);
  });
});

const candles = (query: Partial<HistoryQuery> = {}): HistoryQuery => {
  return { type: 'candle', market: 'linear', symbol: 'BTCUSDT', interval: '1m', from: NOW - HOUR, until: NOW, ...query };
};
const bar = (start: number, ...volumes: string[]) => [ms(start), '10', '12', '9', '11', ...volumes];
const MINUTE_NOW = Math.floor(NOW / MINUTE) * MINUTE;

describe('candles', () => {
  it.each([
    ['linear', '1h', '1H'],
    ['linear', '6h', '6Hutc'],
    ['linear', '3d', '3Dutc'],
    ['linear', '3m', '3m'],
    ['spot', '1m', '1min'],
    ['spot', '4h', '4h'],
    ['spot', '1d', '1Dutc'],
    ['spot', '1w', '1Wutc'],
  ] as const)('of %s %s are called %s', (market, interval, granularity) => {
    for (const page of history.pages(candles({ market, interval, from: NOW - 80 * DAY }), NOW))
      expect(page[0]?.query.granularity).toBe(granularity);
  });

  it('are asked for between aligned ends, two fewer than fit, of candles of late and of history-candles before', () => {
    const pages = history.pages(candles({ from: NOW - 29 * DAY }), NOW).map(([request]) => request as HttpRequest);
    const paths = pages.map(({ path }) => path.replace('/api/v2/mix/market/', ''));
    const older = paths.filter((path) => path === 'history-candles').length;
    expect(paths).toEqual([
      ...Array.from({ length: older }, () => 'history-candles'),
      ...Array.from({ length: paths.length - older }, () => 'candles'),
    ]);
    for (const [at, { query }] of pages.entries()) {
      expect(Number(query.startTime) % 60_000).toBe(0);
      expect(Number(query.endTime) % 60_000).toBe(0);
      expect(Number(query.endTime) - Number(query.startTime)).toBeLessThanOrEqual((Number(query.limit) - 2) * 60_000);
      if (at > 0) expect(Number(query.startTime) + 60_000).toBe(Number(pages[at - 1]?.query.endTime));
    }
    expect(Number(pages[older]?.query.startTime) * 1_000).toBeGreaterThanOrEqual(NOW - 30 * DAY);
    expect(pages[0]?.query.startTime).toBe(ms(Math.floor((NOW - 29 * DAY) / MINUTE) * MINUTE - MINUTE));
  });

  it('are asked for in windows of 90 days at most; history of spot names the end alone', () => {
    for (const [request] of history.pages(candles({ interval: '1d', from: NOW - 500 * DAY }), NOW))
      expect(Number(request?.query.endTime) - Number(request?.query.startTime)).toBeLessThanOrEqual((90 * DAY) / 1_000);
    const [page] = history.pages(candles({ market: 'spot', interval: '1d', from: NOW - 500 * DAY, until: NOW - 100 * DAY }), NOW);
    expect(page?.[0]).toMatchObject({ path: '/api/v2/spot/market/history-candles', query: { limit: '200' } });
    expect(page?.[0]?.query).not.toHaveProperty('startTime');
  });

  it('carry the turnover in the seventh column of contracts and the eighth of spot', () => {
    const contract = candles();
    const [linear] = parse(contract, first(contract), [bar(MINUTE_NOW - MINUTE, '2', '22')]).records;
    expect(linear).toMatchObject({ volume: 2, turnover: 22, source: 'exchange', interval: '1m', open: 10, close: 11 });
    const pair = candles({ market: 'spot', symbol: 'ETHBTC' });
    const [spot] = parse(pair, first(pair), [bar(MINUTE_NOW - MINUTE, '2', '2000000', '22')]).records;
    expect(spot).toMatchObject({ volume: 2, turnover: 22 });
  });

  it('that are being formed or still settle are not closed, by the clock of the exchange', () => {
    const query = candles();
    const rows = [bar(MINUTE_NOW - MINUTE, '1', '1'), bar(MINUTE_NOW, '1', '1')];
    const closed = (time: number, now: number) =>
      history
        .parse(query, first(query), [answer(rows, time)], { now })
        .records.map((record) => 'closed' in record && record.closed);
    expect(closed(NOW, NOW)).toEqual([true, false]);
    expect(closed(MINUTE_NOW + 4 * SECOND, NOW)).toEqual([false, false]);
    // The local clock is an hour fast, or ten seconds slow.
    expect(closed(NOW, NOW + HOUR)).toEqual([true, false]);
    expect(closed(MINUTE_NOW + 6 * SECOND, MINUTE_NOW - 4 * SECOND)).toEqual([false, false]);
    expect(history.parse(query, first(query), [answer(rows)], { now: NOW }).covered?.until).toBe(MINUTE_NOW);
  });

  it('one too early is left out; a head that is missing is asked for again until it is empty', () => {
    const query = candles({ from: MINUTE_NOW - 10 * MINUTE, until: MINUTE_NOW });
    const whole = parse(query, first(query), [bar(query.from - MINUTE, '1', '1'), bar(query.from, '1', '1')]);
    expect(whole.records).toHaveLength(1);
    expect(whole).toMatchObject({ covered: { from: query.from, until: query.until } });
    expect(whole.next).toBeUndefined();
    const cut = parse(query, first(query), [bar(query.from + 5 * MINUTE, '1', '1')]);
    expect(cut.covered).toEqual({ from: query.from + 5 * MINUTE, until: query.until });
    expect(cut.next?.[0]?.query).toMatchObject({ startTime: ms(query.from - MINUTE), endTime: ms(query.from + 5 * MINUTE) });
    const empty = parse(query, cut.next as PageRequest, [], { covered: cut.covered });
    expect(empty).toMatchObject({ records: [], covered: { from: query.from, until: query.until } });
    expect(empty.next).toBeUndefined();
  });

  it('whose buckets are not ours are rejected', () => {
    const query = candles({ interval: '1d', from: NOW - 5 * DAY });
    const { records, rejected } = parse(query, first(query), [bar(Math.floor(NOW / DAY) * DAY - 8 * HOUR, '1', '1')]);
    expect(records).toEqual([]);
    expect(rejected).toEqual([expect.stringContaining('the beginning of 1d in UTC')]);
  });

  it.each(['GET /api/v2/spot/market/history-candles BTCUSDT 1min', 'GET /api/v2/mix/market/history-candles BTCUSDT 1m'])(
    'of the recorded %s are read',
    (key) => {
      const recorded = JSON.parse(readFileSync(fixture('bitget/rest-v2-recorded.json'), 'utf8')) as Record<
        string,
        { data: string[][] }
      >;
      const rows = recorded[key]?.data ?? [];
      const from = Number(rows[0]?.[0]) * 1_000;
      const query = candles({ market: key.includes('/spot/') ? 'spot' : 'linear', from, until: from + HOUR });
      const page = history.pages(query, from + 40 * DAY)[0] as PageRequest;
      const read = history.parse(query, page, [answer(rows, from + DAY)], { now: from + DAY });
      expect(read.rejected).toEqual([]);
      expect(read.records).toHaveLength(rows.length);
      expect(read.records[0]).toMatchObject({
        open: Number(rows[0]?.[1]),
        volume: Number(rows[0]?.[5]),
        turnover: Number(rows[0]?.[6]),
        closed: true,
      });
    },
  );
});

describe('mark and index prices', () => {
  const query: HistoryQuery = {
    type: 'mark_price',
    market: 'linear',
    symbol: 'BTCUSDT',
    from: MINUTE_NOW - 3 * MINUTE,
    until: NOW,
  };
  const price = (start: number, open: string) => [ms(start), open, '99', '1', '50', '0', '0'];

  it('are the opens of two candles of one minute, asked for together', () => {
    expect(first(query).map(({ path, query: { kLineType, granularity } }) => [path, kLineType, granularity])).toEqual([
      ['/api/v2/mix/market/candles', 'MARK', '1m'],
      ['/api/v2/mix/market/candles', 'INDEX', '1m'],
    ]);
    const older = history.pages({ ...query, from: NOW - 60 * DAY, until: NOW - 60 * DAY + HOUR }, NOW)[0];
    expect(older?.map(({ path }) => path)).toEqual([
      '/api/v2/mix/market/history-mark-candles',
      '/api/v2/mix/market/history-index-candles',
    ]);
  });

  it('are joined on their time; the open bar waits, and so does a mark before the first index', () => {
    const marks = [3, 2, 1, 0].map((ago) => price(MINUTE_NOW - ago * MINUTE, `${10 - ago}`));
    const indexes = [2, 1, 0].map((ago) => price(MINUTE_NOW - ago * MINUTE, `${20 - ago}`));
    const page = history.parse(query, first(query), [answer(marks), answer(indexes)], { now: NOW });
    expect(page.records).toEqual([
      {
        type: 'mark_price',
        exchange: 'bitget',
        market: 'linear',
        symbol: 'BTCUSDT',
        timestamp: MINUTE_NOW - 2 * MINUTE,
        mark: 8,
        index: 18,
      },
      {
        type: 'mark_price',
        exchange: 'bitget',
        market: 'linear',
        symbol: 'BTCUSDT',
        timestamp: MINUTE_NOW - MINUTE,
        mark: 9,
        index: 19,
      },
    ]);
    expect(page.covered).toEqual({ from: MINUTE_NOW - 2 * MINUTE, until: MINUTE_NOW });
    const head = history.parse(query, page.next as PageRequest, [answer(marks.slice(0, 1)), answer([])], {
      now: NOW,
      covered: page.covered,
    });
    expect(head.records).toMatchObject([{ timestamp: MINUTE_NOW - 3 * MINUTE, mark: 7 }]);
    expect(head.records[0]).not.toHaveProperty('index', expect.anything());
    expect(head).toMatchObject({ covered: { from: query.from, until: MINUTE_NOW } });
    expect(head.next).toBeUndefined();
  });
});

describe('funding', () => {
  const query: HistoryQuery = { type: 'funding', market: 'linear', symbol: 'BTCUSDT', from: NOW - 2 * DAY, until: NOW };
  const row = (time: number, fundingRate = '0.000078') => ({ symbol: 'BTCUSDT', fundingRate, fundingTime: ms(time) });

  it('pages by number, newest first, until it is old enough or a page is empty; its rates were paid', () => {
    expect(first(query)).toEqual([
      {
        path: '/api/v2/mix/market/history-fund-rate',
        query: { symbol: 'BTCUSDT', productType: 'USDT-FUTURES', pageSize: '100', pageNo: '1' },
      },
    ]);
    const page = parse(query, first(query), [row(NOW - 31 * SECOND, '-0.0001'), row(NOW - 8 * HOUR)]);
    expect(page.records).toEqual([
      {
        type: 'funding',
        exchange: 'bitget',
        market: 'linear',
        symbol: 'BTCUSDT',
        timestamp: NOW - 8 * HOUR,
        rate: 0.000078,
        settled: true,
      },
      {
        type: 'funding',
        exchange: 'bitget',
        market: 'linear',
        symbol: 'BTCUSDT',
        timestamp: NOW - 31 * SECOND,
        rate: -0.0001,
        settled: true,
      },
    ]);
    expect(page.next?.[0]?.query.pageNo).toBe('2');
    expect(page.covered).toEqual({ from: NOW - 8 * HOUR, until: NOW });
    const end = parse(query, page.next as PageRequest, [], { covered: page.covered });
    expect(end).toMatchObject({ records: [], rejected: [], covered: { from: query.from, until: NOW } });
    const enough = parse(query, page.next as PageRequest, [row(NOW - 3 * DAY)], { covered: page.covered });
    expect(enough.next).toBeUndefined();
    expect(enough.covered).toEqual({ from: query.from, until: NOW });
  });
});

describe('what there is not', () => {
  it.each([
    ['open_interest', 'linear', /no open_interest history on linear: capture it/],
    ['funding', 'spot', /no funding history on spot/],
    ['mark_price', 'spot', /no mark_price history on spot/],
  ] as const)('%s of %s is told', (type, market, note) => {
    expect(history.reach(type, market, undefined, NOW)).toEqual({ kind: 'none', note: expect.stringMatching(note) });
    expect(history.pages({ type, market, symbol: 'BTCUSDT', from: 0, until: NOW }, NOW)).toEqual([]);
  });
});

describe('rules of REST', () => {
  const judged = (status: number, body: string) => rest.judge({ status, headers: {}, body }, 0);

  it('are 20 requests a second to an endpoint, 10 to three of them, 6000 a minute to all', () => {
    const limit = (path: string) => rest.limit({ path, query: {} })?.requests;
    expect(rest.host).toEqual({ requests: 6_000, within: 60_000 });
    expect(limit('/api/v2/mix/market/fills')).toBe(20);
    expect(limit('/api/v2/spot/market/fills')).toBe(10);
    expect(limit('/api/v2/mix/market/fills-history')).toBe(10);
  });

  it.each([
    [200, '{"code":"00000","data":[]}', 'data'],
    [429, '{"code":"429","msg":"Too many requests"}', 'throttled'],
    [400, '{"code":"40034","msg":"Parameter NOPE does not exist"}', 'refusal'],
    [200, '{"code":"40034","msg":"Parameter NOPE does not exist"}', 'refusal'],
    [400, '{"code":"45001","msg":"Unknown error"}', 'fault'],
    [200, '{"code":"40725","msg":"service return an error"}', 'fault'],
    [502, '<html>', 'fault'],
    [200, '', 'fault'],
    [404, 'not here', 'refusal'],
  ])('%s %s is %s', (status, body, kind) => {
    expect(judged(status, body).kind).toBe(kind);
  });

  it('a 429 pauses its endpoint for the five minutes that Bitget names', () => {
    expect(judged(429, '{"code":"429"}')).toMatchObject({ scope: 'endpoint', pause: 300_000 });
    expect(rest.judge({ status: 429, headers: { 'retry-after': '7' }, body: '{"code":"429"}' }, 0)).toMatchObject({
      pause: 7_000,
    });
  });
});
