import { describe, expect, it } from 'vitest';
import { bybit } from '../../../../src/lib/exchanges/bybit/index.js';
import type { HttpRequest } from '../../../../src/lib/exchanges/exchange.js';
import { FailureError } from '../../../../src/lib/model/errors.js';

const { tiers, lastPrice } = bybit;
const request = tiers.request('linear', 'BTCUSDT') as HttpRequest;

/** Rows in the shape of the protocol page, section 5. */
const RATES = [
  {
    id: 2,
    symbol: 'BTCUSDT',
    riskLimitValue: '4000000',
    maintenanceMargin: '0.01',
    initialMargin: '0.02',
    isLowestRisk: 0,
    maxLeverage: '50.00',
    mmDeduction: '10000',
  },
  {
    id: 1,
    symbol: 'BTCUSDT',
    riskLimitValue: '2000000',
    maintenanceMargin: '0.005',
    initialMargin: '0.01',
    isLowestRisk: 1,
    maxLeverage: '100.00',
    mmDeduction: '',
  },
];
/** As the documentation's older sample writes them. */
const PERCENTAGES = RATES.map((row) => ({
  ...row,
  maintenanceMargin: String(Number(row.maintenanceMargin) * 100),
  initialMargin: String(Number(row.initialMargin) * 100),
}));
const EXPECTED = [
  { upTo: 2_000_000, rate: 0.005, deduction: 0, maxLeverage: 100 },
  { upTo: 4_000_000, rate: 0.01, deduction: 10_000, maxLeverage: 50 },
];

const answer = (list: unknown, more: object = {}) =>
  JSON.stringify({ retCode: 0, retMsg: 'OK', result: { category: 'linear', list, ...more }, retExtInfo: {}, time: 1 });
const parse = (rows: unknown) => tiers.parse(request, answer(rows));

describe('tiers', () => {
  it('are asked for by category and symbol, and not on spot', () => {
    expect(request).toEqual({ path: '/v5/market/risk-limit', query: { category: 'linear', symbol: 'BTCUSDT' } });
    expect(tiers.request('spot', 'BTCUSDT')).toBeUndefined();
  });

  it.each([
    ['rates', RATES],
    ['percentages', PERCENTAGES],
  ])('are the same from %s', (_, rows) => {
    expect(parse(rows)).toMatchObject({ tiers: EXPECTED, withClosingFee: false, notes: [], next: undefined });
  });

  it('take rounded initial margins for what they are', () => {
    const rounded = { ...RATES[1], initialMargin: '0.03', maxLeverage: '33.33', maintenanceMargin: '0.02' };
    expect(parse([rounded]).tiers[0]?.rate).toBe(0.02);
  });

  it.each([
    ['no initial margin', { initialMargin: '' }],
    ['an initial margin that fits neither', { initialMargin: '0.1' }],
    ['a maintenance in the other unit', { maintenanceMargin: '0.5' }],
  ])('are refused with %s', (_, change) => {
    expect(() => parse([{ ...RATES[1], ...change }])).toThrow(FailureError);
    expect(() => parse([{ ...RATES[1], ...change }])).toThrow(
      /unknown whether the margins of "?BTCUSDT"? are rates or percentages/,
    );
  });

  it.each([
    ['no bound', [{ ...RATES[1], riskLimitValue: '' }], /expected riskLimitValue/],
    ['a negative deduction', [{ ...RATES[1], mmDeduction: '-1' }], /expected riskLimitValue/],
    ['another symbol', [{ ...RATES[1], symbol: 'ETHUSDT' }], /expected tiers of BTCUSDT, found none/],
    ['two of a kind', [RATES[1], RATES[1]], /one tier up to 2000000, found two/],
    ['no list', undefined, /expected a list/],
  ])('are refused with %s', (_, rows, message) => {
    expect(() => parse(rows)).toThrow(message);
  });

  it('say where no deductions are named', () => {
    expect(parse(RATES.map((row) => ({ ...row, mmDeduction: '' }))).notes.join()).toMatch(/no maintenance deductions/);
  });

  it('go on where there is another page', () => {
    expect(tiers.parse(request, answer(RATES, { nextPageCursor: 'a%3D1' })).next?.query).toEqual({
      ...request.query,
      cursor: 'a%3D1',
    });
  });

  it('are refused where the exchange refuses', () => {
    const body = JSON.stringify({ retCode: 10001, retMsg: 'params error', result: {} });
    expect(() => tiers.parse(request, body)).toThrow(/retCode 10001/);
  });
});

describe('last price', () => {
  const linear = lastPrice.request('linear', 'BTCUSDT');

  it('is that of the symbol', () => {
    expect(linear).toEqual({ path: '/v5/market/tickers', query: { category: 'linear', symbol: 'BTCUSDT' } });
    expect(lastPrice.parse(linear, answer([{ symbol: 'BTCUSDT', lastPrice: '90000.10' }]))).toEqual({ price: 90000.1 });
  });

  it.each([[[{ symbol: 'ETHUSDT', lastPrice: '1' }]], [[{ symbol: 'BTCUSDT', lastPrice: '' }]], [[]]])(
    'is refused with %j',
    (rows) => {
      expect(() => lastPrice.parse(linear, answer(rows))).toThrow(/bybit tickers: expected the lastPrice of BTCUSDT/);
    },
  );
});
