import { describe, expect, it } from 'vitest';
import { bybit } from '../../../../src/lib/exchanges/bybit/index.js';
import type { HttpRequest } from '../../../../src/lib/exchanges/exchange.js';
import { FailureError } from '../../../../src/lib/model/errors.js';
import { encodeRecord } from '../../../../src/lib/model/ndjson.js';
import type { Market } from '../../../../src/lib/model/records.js';
import { tapeLines } from '../../../support/frames.js';

const AT = 1_786_310_820_000_000;
const { requests, parse } = bybit.instruments;

/** A row of the list, by nothing but JSON. */
type Row = Record<string, string> & Record<'priceFilter' | 'lotSizeFilter' | 'leverageFilter', Record<string, string>>;

const bodies = new Map(
  tapeLines('bybit-v5.tape.ndjson.gz')
    .filter(({ http }) => typeof http === 'string')
    .map(({ http, body }) => [new URL(String(http)).searchParams.get('category'), String(body)]),
);
const body = (market: Market) => bodies.get(market) as string;
const rows = (market: Market) => JSON.parse(body(market)).result.list as Row[];
const request = (market: Market, status?: string) => requests(market).find(({ query }) => query.status === status) as HttpRequest;
const listed = (market: Market, status?: string) => parse(request(market, status), body(market), AT);

describe('requests', () => {
  it('ask for contracts by status and for spot once, 1000 rows a page', () => {
    expect(requests('linear').map(({ query }) => query)).toEqual([
      { category: 'linear', status: 'Trading', limit: '1000' },
      { category: 'linear', status: 'PreLaunch', limit: '1000' },
      { category: 'linear', status: 'Delivering', limit: '1000' },
    ]);
    expect(requests('inverse').every(({ query }) => query.category === 'inverse')).toBe(true);
    expect(requests('spot')).toEqual([{ path: '/v5/market/instruments-info', query: { category: 'spot', limit: '1000' } }]);
  });
});

describe('the recorded linear list', () => {
  const { instruments, rejected, next } = listed('linear', 'Trading');

  it('gives every row with its tick, lot, limits and times', () => {
    expect(rejected).toEqual([]);
    expect(next).toBeUndefined();
    expect(instruments).toHaveLength(800);
    const got = instruments.map((i) => [i.symbol, i.tickSize, i.lotSize, i.minAmount, i.maxAmount, i.minNotional, i.maxLeverage]);
    const want = rows('linear').map(({ symbol, priceFilter, lotSizeFilter: lot, leverageFilter }) => [
      symbol,
      ...[
        priceFilter.tickSize,
        lot.qtyStep,
        lot.minOrderQty,
        lot.maxOrderQty,
        lot.minNotionalValue,
        leverageFilter.maxLeverage,
      ].map(Number),
    ]);
    expect(got).toEqual(want);
    expect(instruments.map((i) => [i.base, i.quote, i.settle, i.launchTimestamp])).toEqual(
      rows('linear').map((row) => [row.baseCoin, row.quoteCoin, row.settleCoin, Number(row.launchTime) * 1000]),
    );
  });

  it('knows perpetuals from dated futures and classes by their own word', () => {
    const count = (key: 'kind' | 'category' | 'status' | 'fundingIntervalHours' | 'amountUnit') => {
      const counts: Record<string, number> = {};
      for (const instrument of instruments) counts[String(instrument[key])] = (counts[String(instrument[key])] ?? 0) + 1;
      return counts;
    };
    expect(count('kind')).toEqual({ perpetual: 760, future: 40 });
    expect(count('category')).toEqual({ undefined: 505, innovation: 117, stock: 174, commodity: 4 });
    expect(count('fundingIntervalHours')).toEqual({ undefined: 40, 1: 1, 4: 407, 8: 352 });
    expect(count('status')).toEqual({ trading: 800 });
    expect(count('amountUnit')).toEqual({ base: 800 });
    expect(instruments.filter((i) => i.expiryTimestamp !== undefined).every((i) => i.kind === 'future')).toBe(true);
  });

  it.each([
    ['BTCUSDT', 'BTC/USDT:USDT', undefined],
    ['BTCPERP', 'BTC/USDC:USDC', undefined],
    ['SHIB1000PERP', 'SHIB1000/USDC:USDC', undefined],
    ['BTCUSDT-14AUG26', 'BTC/USDT:USDT-260814', '2026-08-14T08:00:00.000Z'],
    ['XRPUSDT-25SEP26', 'XRP/USDT:USDT-260925', '2026-09-25T08:00:00.000Z'],
  ])('names %s %s', (symbol, ccxt, expiry) => {
    const instrument = instruments.find((candidate) => candidate.symbol === symbol);
    expect(instrument).toMatchObject({ ccxt, canonical: `bybit:linear:${symbol}`, timestamp: AT });
    expect(instrument?.expiryTimestamp).toBe(expiry && Date.parse(expiry) * 1000);
    expect(instrument?.legacy).toBeUndefined();
  });

  it('leads back from every name to the symbol', () => {
    for (const { symbol, canonical, ccxt } of instruments) {
      for (const spelling of [symbol, canonical, ccxt, symbol.toLowerCase()])
        expect(bybit.nativeSymbol(spelling, 'linear'), spelling).toBe(symbol);
    }
    expect(new Set(instruments.map(({ ccxt }) => ccxt)).size).toBe(800);
  });

  it('is whole records', () => {
    expect(instruments.map(encodeRecord)[0]).toBe(
      '{"type":"instrument","exchange":"bybit","market":"linear","symbol":"0GUSDT","timestamp":1786310820000000,' +
        '"base":"0G","quote":"USDT","settle":"USDT","kind":"perpetual","status":"trading","tick_size":0.0001,"lot_size":0.1,' +
        '"min_amount":0.1,"max_amount":350000,"min_notional":5,"contract_size":1,"amount_unit":"base","max_leverage":50,' +
        '"funding_interval_hours":4,"launch_timestamp":1758175736000000,"canonical":"bybit:linear:0GUSDT","ccxt":"0G/USDT:USDT"}',
    );
  });

  it('answers the lists of other statuses with nothing, so that no row comes twice', () => {
    for (const status of ['PreLaunch', 'Delivering'])
      expect(listed('linear', status)).toMatchObject({ instruments: [], rejected: [] });
  });
});

describe('the recorded spot list', () => {
  const { instruments, rejected } = listed('spot');

  it('takes the base precision for the lot and the order amount for the least notional', () => {
    expect(rejected).toEqual([]);
    expect(instruments.map((i) => [i.symbol, i.kind, i.tickSize, i.lotSize, i.minAmount, i.maxAmount, i.minNotional])).toEqual(
      rows('spot').map(({ symbol, priceFilter, lotSizeFilter: lot }) => [
        symbol,
        'spot',
        ...[priceFilter.tickSize, lot.basePrecision, lot.minOrderQty, lot.maxLimitOrderQty, lot.minOrderAmt].map(Number),
      ]),
    );
    expect(instruments).toHaveLength(557);
  });

  it('settles in the quote asset, and names and classes pairs', () => {
    const bySymbol = new Map(instruments.map((instrument) => [instrument.symbol, instrument]));
    expect(bySymbol.get('BTCUSDT')).toMatchObject({ ccxt: 'BTC/USDT', settle: 'USDT', canonical: 'bybit:spot:BTCUSDT' });
    expect(bySymbol.get('NVDAXUSDT')?.category).toBe('xstocks');
    expect(instruments.every((i) => i.contractSize === undefined && i.maxLeverage === undefined)).toBe(true);
    for (const { symbol, ccxt } of instruments) expect(bybit.nativeSymbol(ccxt, 'spot')).toBe(symbol);
  });
});

describe('rows', () => {
  const perpetual = {
    symbol: 'BTCUSD',
    contractType: 'InversePerpetual',
    status: 'Trading',
    baseCoin: 'BTC',
    quoteCoin: 'USD',
    settleCoin: 'BTC',
    launchTime: '1542211200000',
    deliveryTime: '0',
    leverageFilter: { maxLeverage: '100.00' },
    priceFilter: { tickSize: '0.10' },
    lotSizeFilter: { maxOrderQty: '25000000', minOrderQty: '1', qtyStep: '1', minNotionalValue: '5' },
    fundingInterval: 480,
  };
  const future = {
    ...perpetual,
    symbol: 'BTCUSDZ26',
    contractType: 'InverseFutures',
    deliveryTime: '1798185600000',
    fundingInterval: 0,
  };
  const parsed = (list: unknown[], status = 'Trading', result: object = {}) =>
    parse(request('inverse', status), JSON.stringify({ retCode: 0, result: { category: 'inverse', list, ...result } }), AT);

  it('of inverse contracts count US dollars', () => {
    expect(parsed([perpetual, future])).toMatchObject({
      instruments: [
        { ccxt: 'BTC/USD:BTC', amountUnit: 'quote', kind: 'perpetual', fundingIntervalHours: 8, tickSize: 0.1, contractSize: 1 },
        { ccxt: 'BTC/USD:BTC-261225', amountUnit: 'quote', kind: 'future', expiryTimestamp: 1_798_185_600_000_000 },
      ],
      rejected: [],
    });
  });

  it('of a perpetual that will be delisted do not expire', () => {
    const [instrument] = parsed([{ ...perpetual, deliveryTime: '1798185600000' }]).instruments;
    expect(instrument).toMatchObject({ ccxt: 'BTC/USD:BTC', expiryTimestamp: undefined });
  });

  it.each([
    ['PreLaunch', 'prelisting'],
    ['Delivering', 'settling'],
  ])('with status %s are %s', (theirs, ours) => {
    expect(parsed([{ ...perpetual, status: theirs }], theirs).instruments).toMatchObject([{ status: ours }]);
  });

  it('of the older innovation zone carry its name', () => {
    expect(parsed([{ ...perpetual, innovation: '1' }]).instruments[0]?.category).toBe('innovation');
  });

  it.each([
    [{ symbol: '' }, ': expected symbol, baseCoin, quoteCoin and settleCoin'],
    [{ settleCoin: 5 }, 'BTCUSD: expected symbol, baseCoin, quoteCoin and settleCoin'],
    [{ contractType: 'LinearPerpetual' }, 'BTCUSD: expected a contractType of inverse, was LinearPerpetual'],
    [{ status: 'Sleeping' }, 'BTCUSD: expected PreLaunch, Trading, Delivering or Closed in status, was Sleeping'],
    [{ contractType: 'InverseFutures' }, 'BTCUSD: expected milliseconds in deliveryTime, was 0'],
    [{ priceFilter: { tickSize: '0' } }, 'BTCUSD: expected a tick and a lot above 0'],
    [{ lotSizeFilter: null }, 'BTCUSD: expected a tick and a lot above 0'],
  ])('with %j are rejected alone', (change, reason) => {
    const page = parsed([{ ...perpetual, ...change }, future]);
    expect(page.instruments.map(({ symbol }) => symbol)).toEqual(['BTCUSDZ26']);
    expect(page.rejected).toEqual([expect.stringContaining(reason)]);
  });

  it('that are no objects are rejected alone', () => {
    expect(parsed([null, 7, perpetual])).toMatchObject({
      instruments: [{}],
      rejected: ['null: expected an object', '7: expected an object'],
    });
  });
});

describe('pages', () => {
  const page = (first: HttpRequest, nextPageCursor: unknown) =>
    parse(first, JSON.stringify({ retCode: 0, result: { category: first.query.category, list: [], nextPageCursor } }), AT);

  it('follow the cursor as the value it is, to be encoded once', () => {
    const first = request('linear', 'Trading');
    const { next } = page(first, 'first%3D0GUSDT%26last%3DZRXUSDT');
    expect(next).toEqual({ path: first.path, query: { ...first.query, cursor: 'first%3D0GUSDT%26last%3DZRXUSDT' } });
    expect(new URLSearchParams(next?.query).toString()).toContain('cursor=first%253D0GUSDT%2526last%253DZRXUSDT');
    expect(page(next as HttpRequest, '').next).toBeUndefined();
    expect(() => page(next as HttpRequest, next?.query.cursor)).toThrow(/leads to itself/);
  });

  it('of spot are one', () => {
    expect(page(request('spot'), 'x').next).toBeUndefined();
  });
});

describe('refusals', () => {
  it.each([
    ['{"retCode":10001,"retMsg":"params error"}', /^bybit refused .*category=linear.*: retCode 10001, params error$/],
    ['{"retMsg":"OK","result":{}}', /retCode undefined/],
    ['<html>403</html>', /expected JSON, was <html>/],
    ['[]', /expected a JSON object/],
    ['{"retCode":0}', /expected a result/],
    ['{"retCode":0,"result":{"category":"spot","list":[]}}', /expected category linear, was spot/],
    ['{"retCode":0,"result":{"category":"linear"}}', /expected a list/],
  ])('%s', (answer, message) => {
    expect(() => parse(request('linear', 'Trading'), answer, AT)).toThrow(FailureError);
    expect(() => parse(request('linear', 'Trading'), answer, AT)).toThrow(message);
  });
});
