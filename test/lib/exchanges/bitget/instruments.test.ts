import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { bitget } from '../../../../src/lib/exchanges/bitget/index.js';
import type { HttpRequest } from '../../../../src/lib/exchanges/exchange.js';
import { FailureError } from '../../../../src/lib/model/errors.js';
import type { Instrument, Market } from '../../../../src/lib/model/records.js';

const AT = 1790358274804000;
const recorded = JSON.parse(readFileSync('fixtures/bitget/rest-v2-recorded.json', 'utf8'));
const { requests, parse } = bitget.instruments;

function urlOf({ path, query }: HttpRequest): string {
  const text = new URLSearchParams(query).toString();
  return `GET ${path}${text && `?${text}`}`;
}

/** Every instrument of the recorded lists that make up a market. */
function recordedInstruments(market: Market): Instrument[] {
  return requests(market).flatMap((request) => {
    const page = parse(request, JSON.stringify(recorded[urlOf(request)]), AT);
    expect(page.rejected).toEqual([]);
    expect(page.next).toBeUndefined();
    return [...page.instruments];
  });
}

describe('requests', () => {
  test.each<[Market, string[]]>([
    ['spot', ['GET /api/v2/spot/public/symbols']],
    [
      'linear',
      ['GET /api/v2/mix/market/contracts?productType=USDT-FUTURES', 'GET /api/v2/mix/market/contracts?productType=USDC-FUTURES'],
    ],
    ['inverse', ['GET /api/v2/mix/market/contracts?productType=COIN-FUTURES']],
  ])('%s', (market, urls) => expect(requests(market).map(urlOf)).toEqual(urls));
});

describe('recorded bodies', () => {
  test('spot', () => {
    const instruments = recordedInstruments('spot');
    expect(instruments.map(({ symbol, tickSize, lotSize, ccxt }) => [symbol, tickSize, lotSize, ccxt])).toEqual([
      ['XRPUSDT', 0.0001, 0.0001, 'XRP/USDT'],
      ['BTCUSDT', 0.01, 0.000001, 'BTC/USDT'],
      ['ETHUSDT', 0.01, 0.0001, 'ETH/USDT'],
    ]);
    expect(instruments[1]).toEqual({
      type: 'instrument',
      exchange: 'bitget',
      market: 'spot',
      symbol: 'BTCUSDT',
      timestamp: AT,
      base: 'BTC',
      quote: 'USDT',
      settle: 'USDT',
      kind: 'spot',
      status: 'trading',
      tickSize: 0.01,
      lotSize: 0.000001,
      minNotional: 1,
      makerFee: 0.002,
      takerFee: 0.002,
      priceBandUp: 0.02,
      priceBandDown: 0.02,
      maxOrders: 200,
      amountUnit: 'base',
      launchTimestamp: 1532454360000000,
      canonical: 'bitget:spot:BTCUSDT',
      ccxt: 'BTC/USDT',
      legacy: 'BTCUSDT_SPBL',
    });
    expect(instruments[2]?.minAmount).toBe(0.0005);
  });

  test('linear: USDT and USDC', () => {
    const instruments = recordedInstruments('linear');
    expect(
      instruments.map(({ symbol, tickSize, lotSize, settle, ccxt, legacy }) => [symbol, tickSize, lotSize, settle, ccxt, legacy]),
    ).toEqual([
      ['BTCUSDT', 0.1, 0.0001, 'USDT', 'BTC/USDT:USDT', 'BTCUSDT_UMCBL'],
      ['ETHUSDT', 0.01, 0.01, 'USDT', 'ETH/USDT:USDT', 'ETHUSDT_UMCBL'],
      ['XRPUSDT', 0.0001, 1, 'USDT', 'XRP/USDT:USDT', 'XRPUSDT_UMCBL'],
      ['BTCPERP', 0.1, 0.0001, 'USDC', 'BTC/USDC:USDC', 'BTCPERP_CMCBL'],
    ]);
    expect(instruments[0]).toMatchObject({
      kind: 'perpetual',
      status: 'trading',
      minAmount: 0.0001,
      maxAmount: 1200,
      minNotional: 5,
      maxLeverage: 150,
      makerFee: 0.0002,
      takerFee: 0.0006,
      priceBandUp: 0.05,
      priceBandDown: 0.05,
      maxOrders: 200,
      fundingIntervalHours: 8,
      category: undefined,
      launchTimestamp: undefined,
      expiryTimestamp: undefined,
    });
  });

  test('the sample of the documentation', () => {
    const body = readFileSync('fixtures/bitget/rest-doc-contracts.json', 'utf8');
    const page = parse(requests('linear')[0] as HttpRequest, body, AT);
    expect(page.instruments).toMatchObject([
      { symbol: 'BTCUSDT', tickSize: 0.1, lotSize: 0.01, minAmount: 0.01, maxAmount: undefined },
    ]);
  });

  test('every name leads back to the symbol', () => {
    for (const market of ['spot', 'linear'] as const)
      for (const { symbol, canonical, ccxt, legacy } of recordedInstruments(market))
        for (const spelling of [symbol, canonical, ccxt, legacy as string])
          expect(bitget.nativeSymbol(spelling, market)).toBe(symbol);
  });
});

const CONTRACT = {
  symbol: 'BTCUSDT',
  baseCoin: 'BTC',
  quoteCoin: 'USDT',
  priceEndStep: '1',
  pricePlace: '1',
  sizeMultiplier: '0.001',
  minTradeNum: '0',
  minTradeUSDT: '0',
  symbolType: 'perpetual',
  symbolStatus: 'normal',
  fundInterval: '8',
};
const LINEAR = requests('linear')[0] as HttpRequest;
const INVERSE = requests('inverse')[0] as HttpRequest;
const SPOT = requests('spot')[0] as HttpRequest;

function page(request: HttpRequest, ...rows: unknown[]) {
  return parse(request, JSON.stringify({ code: '00000', msg: 'success', data: rows }), AT);
}

describe('rows', () => {
  test.each([
    ['1', '1', 0.1],
    ['5', '1', 0.5],
    ['3', '1', 0.3],
    ['25', '2', 0.25],
    ['1', '0', 1],
    ['1', '8', 0.00000001],
    ['7', '15', 0.000000000000007],
    ['', '1', undefined],
    ['1', '', undefined],
    ['0', '1', undefined],
    [5, 2, 0.05],
  ])('a step of %s at %s places is a tick of %s', (priceEndStep, pricePlace, tickSize) => {
    expect(page(LINEAR, { ...CONTRACT, priceEndStep, pricePlace }).instruments[0]?.tickSize).toBe(tickSize);
  });

  test('a zero is no limit', () => {
    expect(page(LINEAR, CONTRACT).instruments[0]).toMatchObject({ minAmount: undefined, minNotional: undefined });
  });

  test('a minimum in USDT is no notional of a pair quoted in BTC', () => {
    const row = { symbol: 'ETHBTC', baseCoin: 'ETH', quoteCoin: 'BTC', status: 'online', minTradeUSDT: '1' };
    expect(page(SPOT, row).instruments[0]?.minNotional).toBeUndefined();
  });

  test('a dated future settles in the coin, expires, and is not funded', () => {
    const dated = {
      ...CONTRACT,
      symbol: 'BTCUSDH26',
      quoteCoin: 'USD',
      symbolType: 'delivery',
      deliveryTime: '1774598400000',
      isRwa: 'YES',
    };
    const { instruments } = page(INVERSE, dated);
    expect(instruments[0]?.legacy).toBeUndefined();
    expect(instruments).toMatchObject([
      {
        market: 'inverse',
        kind: 'future',
        settle: 'BTC',
        amountUnit: 'base',
        category: 'rwa',
        expiryTimestamp: 1774598400000000,
        fundingIntervalHours: undefined,
        ccxt: 'BTC/USD:BTC-260327',
      },
    ]);
  });

  test.each([
    ['normal', 'trading'],
    ['listed', 'prelisting'],
    ['maintain', 'halted'],
    ['restrictedAPI', 'halted'],
    ['limit_open', 'settling'],
    ['off', 'closed'],
  ])('a contract that is %s is %s', (symbolStatus, status) => {
    expect(page(LINEAR, { ...CONTRACT, symbolStatus }).instruments).toMatchObject([{ status }]);
  });

  test.each([
    ['online', 'trading'],
    ['gray', 'prelisting'],
    ['halt', 'halted'],
    ['offline', 'closed'],
  ])('a pair that is %s is %s', (status, ours) => {
    const row = { symbol: 'ETHUSDT', baseCoin: 'ETH', quoteCoin: 'USDT', status };
    expect(page(SPOT, row).instruments).toMatchObject([{ status: ours }]);
  });

  test.each<[string, unknown]>([
    ['symbol', { ...CONTRACT, symbol: '' }],
    ['baseCoin', { ...CONTRACT, baseCoin: undefined }],
    ['quoteCoin', { ...CONTRACT, quoteCoin: 5 }],
    ['symbolType', { ...CONTRACT, symbolType: 'option' }],
    ['symbolStatus', { ...CONTRACT, symbolStatus: 'sleeping' }],
    ['symbolStatus', { ...CONTRACT, symbolStatus: 'toString' }],
    ['deliveryTime', { ...CONTRACT, symbolType: 'delivery', deliveryTime: '' }],
    ['row', null],
  ])('a bad %s rejects that row alone', (field, bad) => {
    const { instruments, rejected } = page(LINEAR, bad, CONTRACT);
    expect(instruments).toHaveLength(1);
    expect(rejected).toEqual([expect.stringContaining(`expected ${field}`)]);
  });
});

describe('v3 lists', () => {
  const unified = (category: string): HttpRequest => ({ path: '/api/v3/market/instruments', query: { category } });
  test('contracts give their steps, spot its precisions', () => {
    const contract = {
      symbol: 'BTCUSDT',
      category: 'USDT-FUTURES',
      baseCoin: 'BTC',
      quoteCoin: 'USDT',
      pricePrecision: '1',
      priceMultiplier: '0.5',
      quantityPrecision: '4',
      quantityMultiplier: '0.0002',
      minOrderQty: '0.0001',
      minOrderAmount: '5',
      maxLeverage: '125',
      symbolType: 'perpetual',
      status: 'online',
      fundInterval: '4',
    };
    expect(page(unified('USDT-FUTURES'), contract).instruments).toMatchObject([
      {
        market: 'linear',
        tickSize: 0.5,
        lotSize: 0.0002,
        minNotional: 5,
        maxLeverage: 125,
        fundingIntervalHours: 4,
        ccxt: 'BTC/USDT:USDT',
      },
    ]);
    // Newer rows have the kind in `type`, beside a kind of asset.
    const { symbolType: _, ...others } = contract;
    const newer = { ...others, type: 'perpetual', symbolType: 'crypto' };
    expect(page(unified('USDT-FUTURES'), newer).instruments).toMatchObject([{ kind: 'perpetual' }]);
    expect(page(unified('USDT-FUTURES'), { ...others, symbolType: 'crypto' }).instruments).toEqual([]);
    const pair = {
      symbol: 'ETHUSDT',
      category: 'SPOT',
      baseCoin: 'ETH',
      quoteCoin: 'USDT',
      pricePrecision: '2',
      quantityPrecision: '4',
      status: 'online',
    };
    expect(page(unified('SPOT'), pair).instruments).toMatchObject([{ kind: 'spot', tickSize: 0.01, lotSize: 0.0001 }]);
  });

  test('margin is none of ours', () => {
    expect(() => page(unified('MARGIN'))).toThrow(FailureError);
  });
});

describe('bodies that are no list', () => {
  test.each<[string, RegExp]>([
    ['{"code":"30032","msg":"The V1 API has been decommissioned","data":null}', /refused with code 30032: The V1 API/],
    ['{"code":0,"msg":"ok","data":[]}', /refused with code 0/],
    ['{"code":"00000","msg":"success","data":null}', /expected data to be a list/],
    ['', /expected JSON, was empty/],
    ['<html>', /expected JSON, was <html>/],
    ['[]', /expected \{code, msg, data\}/],
  ])('%s', (body, message) => {
    expect(() => parse(LINEAR, body, AT)).toThrow(FailureError);
    expect(() => parse(LINEAR, body, AT)).toThrow(message);
    expect(() => parse(LINEAR, body, AT)).toThrow('bitget GET /api/v2/mix/market/contracts?productType=USDT-FUTURES');
  });

  test('another path is refused', () => {
    expect(() => parse({ path: '/api/v2/public/time', query: {} }, '{}', AT)).toThrow(FailureError);
  });
});
