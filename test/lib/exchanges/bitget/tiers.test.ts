import { describe, expect, it } from 'vitest';
import { bitget } from '../../../../src/lib/exchanges/bitget/index.js';
import type { HttpRequest } from '../../../../src/lib/exchanges/exchange.js';
import { FailureError } from '../../../../src/lib/model/errors.js';

const { tiers, lastPrice } = bitget;
const request = tiers.request('linear', 'BTCUSDT') as HttpRequest;

/** Rows in the shape of the protocol page, section 7. */
const ROWS = [
  { symbol: 'BTCUSDT', level: '2', startUnit: '150000', endUnit: '600000', leverage: '100', keepMarginRate: '0.005' },
  { symbol: 'BTCUSDT', level: '1', startUnit: '0', endUnit: '150000', leverage: '125', keepMarginRate: '0.004' },
  { symbol: 'BTCUSDT', level: '3', startUnit: '600001', endUnit: '2000000', leverage: '75', keepMarginRate: '0.01' },
];
const answer = (data: unknown, code = '00000') => JSON.stringify({ code, msg: 'success', requestTime: 1, data });
const parse = (rows: unknown) => tiers.parse(request, answer(rows));

describe('tiers', () => {
  it('are asked for by product line, and not on spot', () => {
    expect(request).toEqual({
      path: '/api/v2/mix/market/query-position-lever',
      query: { symbol: 'BTCUSDT', productType: 'USDT-FUTURES' },
    });
    expect(tiers.request('linear', 'BTCPERP')?.query.productType).toBe('USDC-FUTURES');
    expect(tiers.request('spot', 'BTCUSDT')).toBeUndefined();
  });

  it('are put in order, without deductions, and say so', () => {
    const page = parse(ROWS);
    expect(page.tiers).toEqual([
      { upTo: 150_000, rate: 0.004, deduction: 0, maxLeverage: 125 },
      { upTo: 600_000, rate: 0.005, deduction: 0, maxLeverage: 100 },
      { upTo: 2_000_000, rate: 0.01, deduction: 0, maxLeverage: 75 },
    ]);
    expect(page.withClosingFee).toBe(true);
    expect(page.notes.join()).toMatch(/no maintenance deductions/);
  });

  it.each([
    ['a hole', ROWS.filter(({ level }) => level !== '2'), /expected a tier from 150000 on, was one from 600001/],
    ['none', [], /expected tiers, found none/],
    ['no rate', [{ ...ROWS[1], keepMarginRate: '' }], /expected startUnit, endUnit, leverage and keepMarginRate/],
    ['a percentage', [{ ...ROWS[1], keepMarginRate: '0.4' }], /a fraction below 1 \/ 125, was 0.4/],
    ['a tier without width', [{ ...ROWS[1], endUnit: '0' }], /expected startUnit/],
    ['no row', [null], /expected a tier, was null/],
  ])('are refused with %s', (_, rows, message) => {
    expect(() => parse(rows)).toThrow(FailureError);
    expect(() => parse(rows)).toThrow(message);
  });

  it('are refused where the exchange refuses', () => {
    expect(() => tiers.parse(request, answer(null, '40034'))).toThrow(/query-position-lever.*refused with code "?40034/);
  });
});

describe('last price', () => {
  const linear = lastPrice.request('linear', 'BTCUSDT');

  it('is that of the symbol, with its time', () => {
    expect(linear).toEqual({ path: '/api/v2/mix/market/ticker', query: { symbol: 'BTCUSDT', productType: 'USDT-FUTURES' } });
    expect(lastPrice.request('spot', 'BTCUSDT')).toEqual({ path: '/api/v2/spot/market/tickers', query: { symbol: 'BTCUSDT' } });
    const row = { symbol: 'BTCUSDT', lastPr: '90000.1', ts: '1764000000123' };
    expect(lastPrice.parse(linear, answer([row]))).toEqual({ price: 90000.1, timestamp: 1_764_000_000_123_000 });
  });

  it.each([
    ['another symbol', [{ symbol: 'ETHUSDT', lastPr: '1' }]],
    ['no price', [{ symbol: 'BTCUSDT', lastPr: '' }]],
    ['zero', [{ symbol: 'BTCUSDT', lastPr: '0' }]],
    ['no row', []],
  ])('is refused with %s', (_, rows) => {
    expect(() => lastPrice.parse(linear, answer(rows))).toThrow(/expected the lastPr of BTCUSDT/);
  });
});
