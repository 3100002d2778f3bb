import { describe, expect, it } from 'vitest';
import { bybit } from '../../../../src/lib/exchanges/bybit/index.js';
import type { HistoryQuery, PageContext, PageRequest } from '../../../../src/lib/exchanges/history.js';
import { FailureError } from '../../../../src/lib/model/errors.js';
import { DAY, HOUR, MINUTE, SECOND } from '../../../../src/lib/model/time.js';

const { history, rest } = bybit;
const NOW = Date.UTC(2026, 10, 20, 12, 0, 31) * 1_000;
const MINUTE_NOW = Math.floor(NOW / MINUTE) * MINUTE;
const ms = (time: number) => String(time / 1_000);
const answer = (list: unknown, more: object = {}, time = NOW) =>
  JSON.stringify({ retCode: 0, retMsg: 'OK', result: { category: 'linear', list, ...more }, retExtInfo: {}, time: time / 1_000 });

const asked = (type: HistoryQuery['type'], query: Partial<HistoryQuery> = {}): HistoryQuery => {
  const interval = type === 'candle' ? '1m' : undefined;
  return { type, market: 'linear', symbol: 'BTCUSDT', interval, from: MINUTE_NOW - 10 * MINUTE, until: NOW, ...query };
};
const first = (query: HistoryQuery): PageRequest => history.pages(query, NOW)[0] as PageRequest;
const parse = (query: HistoryQuery, page: PageRequest, list: unknown, before: Partial<PageContext> = {}, more: object = {}) =>
  history.parse(query, page, [answer(list, more)], { now: NOW, ...before });

describe('trades', () => {
  const row = (execId: string, time: number, more: object = {}) => {
    const side = { side: 'Sell', time: ms(time), isBlockTrade: false, isRPITrade: false, seq: '753843000037' };
    return { execId, symbol: 'BTCUSDT', price: '90000.10', size: '0.004', ...side, ...more };
  };

  it('are the newest 1000, on spot 60, in one page', () => {
    const query = { category: 'linear', symbol: 'BTCUSDT', limit: '1000' };
    expect(history.pages(asked('trade'), NOW)).toEqual([[{ path: '/v5/market/recent-trade', query }]]);
    expect(first(asked('trade', { market: 'spot' }))[0]?.query).toMatchObject({ category: 'spot', limit: '60' });
    expect(history.reach('trade', 'spot', undefined, NOW)).toMatchObject({ kind: 'newest', records: 60 });
  });

  it('come newest first; what is not younger than the oldest is not vouched for, however few there are', () => {
    const query = asked('trade');
    const page = parse(query, first(query), [row('b', NOW - SECOND, { side: 'Buy' }), row('a', NOW - MINUTE)]);
    expect(page).toMatchObject({
      records: [
        {
          type: 'trade',
          exchange: 'bybit',
          market: 'linear',
          symbol: 'BTCUSDT',
          timestamp: NOW - MINUTE,
          id: 'a',
          price: 90_000.1,
          amount: 0.004,
          side: 'sell',
          sequence: '753843000037',
        },
        expect.objectContaining({ id: 'b', side: 'buy' }),
      ],
      rejected: [],
      covered: { from: NOW - MINUTE + 1_000, until: NOW },
      isExhausted: false,
    });
    const full = Array.from({ length: 1_000 }, (_, i) => row(String(i), NOW - i * 1_000));
    expect(parse(query, first(query), full).isExhausted).toBe(true);
    expect(parse(query, first(query), [])).toMatchObject({ records: [], covered: undefined, isEmpty: true });
    const enough = parse(query, first(query), [row('b', NOW - SECOND), row('a', query.from - 1_000)]);
    expect(enough.covered).toEqual({ from: query.from, until: NOW });
    const past = asked('trade', { from: NOW - DAY, until: NOW - HOUR });
    expect(parse(past, first(past), [row('b', NOW - SECOND)])).toMatchObject({ records: [], covered: undefined });
  });

  it('that cannot be read are told', () => {
    const query = asked('trade');
    const rows = [
      row('', NOW),
      row('a', NOW, { symbol: 'ETHUSDT' }),
      row('a', NOW, { side: 'buy' }),
      row('a', NOW, { price: '0' }),
      7,
    ];
    expect(parse(query, first(query), rows)).toMatchObject({ records: [], rejected: { length: 5 } });
  });
});

describe('candles', () => {
  const bar = (start: number) => [ms(start), '10', '12', '9', '11', '2', '22'];

  it('are asked for by the beginnings of bars, both of which count, within a page', () => {
    const pages = history.pages(asked('candle', { from: NOW - 2 * DAY }), NOW).map(([request]) => request?.query ?? {});
    expect(pages).toHaveLength(3);
    expect(pages[0]).toMatchObject({
      interval: '1',
      limit: '1000',
      start: ms(Math.floor((NOW - 2 * DAY) / MINUTE) * MINUTE - MINUTE),
    });
    for (const [at, { start, end }] of pages.entries()) {
      expect((Number(end) + 1 - Number(start)) / 60_000).toBeLessThanOrEqual(998);
      if (at > 0) expect(Number(start) + 60_000).toBe(Number(pages[at - 1]?.end) + 1);
    }
    expect(first(asked('candle', { interval: '1w', from: NOW - 30 * DAY }))[0]?.query).toMatchObject({ interval: 'W' });
    expect(first(asked('candle', { interval: '2h' }))[0]?.query.interval).toBe('120');
  });

  it('come newest first with the open one, which is not closed', () => {
    const query = asked('candle');
    const page = parse(query, first(query), [bar(MINUTE_NOW), ...[1, 2, 3].map((ago) => bar(MINUTE_NOW - ago * MINUTE))]);
    expect(page.records.map((record) => [record.timestamp, 'closed' in record && record.closed])).toEqual([
      [MINUTE_NOW - 3 * MINUTE, true],
      [MINUTE_NOW - 2 * MINUTE, true],
      [MINUTE_NOW - MINUTE, true],
      [MINUTE_NOW, false],
    ]);
    expect(page.records[0]).toMatchObject({ open: 10, high: 12, low: 9, close: 11, volume: 2, turnover: 22, source: 'exchange' });
    expect(page.covered).toEqual({ from: MINUTE_NOW - 3 * MINUTE, until: MINUTE_NOW });
    expect(page.next?.[0]?.query).toMatchObject({
      start: ms(query.from - MINUTE),
      end: String((MINUTE_NOW - 3 * MINUTE) / 1_000 - 1),
    });
  });

  it('with a beginning that is none are rejected', () => {
    const query = asked('candle');
    expect(parse(query, first(query), [bar(MINUTE_NOW - 1_000), 'x', ['soon']]).rejected).toHaveLength(3);
  });
});

describe('funding', () => {
  const row = (time: number) => ({ symbol: 'BTCUSDT', fundingRate: '0.0001', fundingRateTimestamp: ms(time) });

  it('names both ends, pages backwards by the end, and ends with a page that reaches the beginning or is empty', () => {
    const query = asked('funding', { from: NOW - 30 * DAY, until: NOW });
    expect(first(query)[0]).toEqual({
      path: '/v5/market/funding/history',
      query: { category: 'linear', symbol: 'BTCUSDT', startTime: ms(query.from), endTime: String(NOW / 1_000 - 1), limit: '200' },
    });
    const page = parse(query, first(query), [row(NOW - HOUR), row(NOW - 9 * HOUR)]);
    expect(page.records).toMatchObject([{ rate: 0.0001, settled: true, timestamp: NOW - 9 * HOUR }, { timestamp: NOW - HOUR }]);
    expect(page.covered).toEqual({ from: NOW - 9 * HOUR, until: NOW });
    expect(page.next?.[0]?.query).toMatchObject({ startTime: ms(query.from), endTime: String((NOW - 9 * HOUR) / 1_000 - 1) });
    const end = parse(query, page.next as PageRequest, [], { covered: page.covered });
    expect(end).toMatchObject({ records: [], covered: { from: query.from, until: NOW } });
    expect(end.next).toBeUndefined();
    expect(() => parse(query, page.next as PageRequest, [row(NOW - HOUR)])).toThrow(/expected none after/);
  });
});

describe('open interest', () => {
  const query = asked('open_interest', { from: NOW - DAY });
  const row = (time: number, more: object = {}) => ({
    openInterest: '200.5',
    singleOpenInterest: '100.25',
    timestamp: ms(time),
    ...more,
  });

  it('counts both sides and, since 2026, one; it pages by a cursor', () => {
    expect(first(query)[0]).toMatchObject({ path: '/v5/market/open-interest', query: { intervalTime: '5min', limit: '200' } });
    const cursor = 'first%3D0%26last%3D200';
    const page = parse(
      query,
      first(query),
      [row(NOW - HOUR), row(NOW - 2 * HOUR, { singleOpenInterest: undefined })],
      {},
      { nextPageCursor: cursor },
    );
    expect(page.records).toEqual([
      {
        type: 'open_interest',
        exchange: 'bybit',
        market: 'linear',
        symbol: 'BTCUSDT',
        timestamp: NOW - 2 * HOUR,
        amount: undefined,
        amountBothSides: 200.5,
      },
      expect.objectContaining({ timestamp: NOW - HOUR, amount: 100.25, amountBothSides: 200.5 }),
    ]);
    expect(page.covered).toEqual({ from: NOW - 2 * HOUR, until: NOW });
    expect(page.next?.[0]?.query.cursor).toBe(cursor);
    const last = parse(query, page.next as PageRequest, [row(NOW - 3 * HOUR)], { covered: page.covered }, { nextPageCursor: '' });
    // Nothing shows that the list does not go on before its last row.
    expect(last).toMatchObject({ covered: { from: NOW - 3 * HOUR, until: NOW } });
    expect(last.next).toBeUndefined();
    expect(() => parse(query, page.next as PageRequest, [], {}, { nextPageCursor: cursor })).toThrow(/leads to itself/);
  });
});

describe('mark and index prices', () => {
  it('are the opens of both klines, joined on their time', () => {
    const query = asked('mark_price', { from: MINUTE_NOW - 2 * MINUTE });
    const page = first(query);
    expect(page.map(({ path }) => path)).toEqual(['/v5/market/mark-price-kline', '/v5/market/index-price-kline']);
    const rows = (open: number) => [0, 1, 2].map((ago) => [ms(MINUTE_NOW - ago * MINUTE), `${open - ago}`, '1', '1', '1']);
    const read = history.parse(query, page, [answer(rows(10)), answer(rows(20))], { now: NOW });
    expect(read.records).toMatchObject([
      { timestamp: MINUTE_NOW - 2 * MINUTE, mark: 8, index: 18 },
      { timestamp: MINUTE_NOW - MINUTE, mark: 9, index: 19 },
    ]);
    expect(read).toMatchObject({ covered: { from: query.from, until: MINUTE_NOW } });
  });
});

describe('refusals', () => {
  it('stand in bodies of status 200', () => {
    const query = asked('candle');
    const body = '{"retCode":10001,"retMsg":"params error: symbol invalid","result":{},"time":1}';
    expect(() => history.parse(query, first(query), [body], { now: NOW })).toThrow(FailureError);
    expect(() => history.parse(query, first(query), [body], { now: NOW })).toThrow(/retCode 10001/);
  });

  it('are limits, faults that pass, and refusals', () => {
    const judged = (status: number, body: string, headers = {}) => rest.judge({ status, body, headers }, 1_764_000_000_000);
    expect(rest.host).toEqual({ requests: 600, within: 5_000 });
    expect(judged(200, '{"retCode":0,"result":{}}').kind).toBe('data');
    expect(judged(403, 'access too frequent, please try again in 10 minutes')).toMatchObject({
      kind: 'throttled',
      scope: 'host',
      pause: 600_000,
    });
    expect(judged(403, '<html>The Amazon CloudFront distribution is configured to block access from your country').kind).toBe(
      'refusal',
    );
    expect(judged(200, '{"retCode":10006,"retMsg":"Too many visits"}')).toMatchObject({
      kind: 'throttled',
      scope: 'endpoint',
      pause: 5_000,
    });
    expect(judged(200, '{"retCode":10006}', { 'x-bapi-limit-reset-timestamp': '1764000002500' })).toMatchObject({ pause: 2_500 });
    expect(judged(200, '{"retCode":10016,"retMsg":"server error"}').kind).toBe('fault');
    expect(judged(200, '{"retCode":10001,"retMsg":"params error"}').kind).toBe('refusal');
    expect(judged(502, 'bad gateway').kind).toBe('fault');
  });
});
