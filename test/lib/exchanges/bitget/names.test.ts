import { describe, expect, test } from 'vitest';
import { bitget } from '../../../../src/lib/exchanges/bitget/index.js';
import { buildNames } from '../../../../src/lib/exchanges/bitget/names.js';
import { PRODUCTS } from '../../../../src/lib/exchanges/bitget/products.js';
import type { Market } from '../../../../src/lib/model/records.js';

describe('spellings of a native symbol', () => {
  test.each<[string, Market, string | undefined]>([
    ['BTCUSDT', 'spot', 'BTCUSDT'],
    ['btcusdt', 'linear', 'BTCUSDT'],
    ['龙虾USDT', 'spot', '龙虾USDT'],
    ['$ALTUSDT', 'spot', '$ALTUSDT'],
    ['BTCPERP', 'linear', 'BTCPERP'],
    ['ETHUSD_231229', 'inverse', 'ETHUSD_231229'],
    ['BTCUSD', 'inverse', 'BTCUSD'],
    ['BTCUSDT_UMCBL', 'linear', 'BTCUSDT'],
    ['btcusdt_umcbl', 'linear', 'BTCUSDT'],
    ['BTCUSDT_SPBL', 'spot', 'BTCUSDT'],
    ['BTCUSD_DMCBL', 'inverse', 'BTCUSD'],
    ['BTCPERP_CMCBL', 'linear', 'BTCPERP'],
    ['bitget:linear:BTCUSDT', 'linear', 'BTCUSDT'],
    ['BTC/USDT', 'spot', 'BTCUSDT'],
    ['BTC/USDT:USDT', 'linear', 'BTCUSDT'],
    ['BTC/USDC:USDC', 'linear', 'BTCPERP'],
    ['BTC/USD:BTC', 'inverse', 'BTCUSD'],
    ['BTC/USD:BTC-260327', 'inverse', 'BTCUSDH26'],
    ['BTC/USDT:USDT-261225', 'linear', 'BTCUSDTZ26'],
    // of another market
    ['BTCUSD', 'linear', undefined],
    ['BTCUSDT', 'inverse', undefined],
    ['BTCUSDT_UMCBL', 'spot', undefined],
    ['BTCUSDT_SPBL', 'linear', undefined],
    ['bitget:spot:BTCUSDT', 'linear', undefined],
    ['bitget:linear:BTCUSD', 'linear', undefined],
    ['BTC/USDT', 'linear', undefined],
    ['BTC/USDT:USDT', 'spot', undefined],
    ['BTC/USDT:USDT', 'inverse', undefined],
    ['BTC/USD:BTC', 'linear', undefined],
    // of another exchange, or of none
    ['bybit:linear:BTCUSDT', 'linear', undefined],
    ['BTC-27MAR26', 'inverse', undefined],
    ['BTC-USDT', 'spot', undefined],
    ['BTCUSDT_SUMCBL', 'linear', undefined],
    ['BTC/USD:BTC-261327', 'inverse', undefined],
    ['BTC/USDC:USDC-260327', 'linear', undefined],
    ['BTC/EUR:EUR', 'linear', undefined],
    ['BTC/', 'spot', undefined],
    ['a:b:c:d', 'spot', undefined],
    ['BTCUSDT,ETHUSDT', 'spot', undefined],
    ['', 'spot', undefined],
    ['  ', 'linear', undefined],
  ])('%s on %s is %s', (spelling, market, expected) => {
    expect(bitget.nativeSymbol(spelling, market)).toBe(expected);
  });
});

describe('there and back', () => {
  const product = Object.fromEntries(PRODUCTS.map((each) => [each.instType, each])) as Record<string, (typeof PRODUCTS)[number]>;
  const march = Date.UTC(2026, 2, 27, 8) * 1000;
  test.each([
    ['SPOT', 'BTCUSDT', 'BTC', 'USDT', 'USDT', undefined, 'BTC/USDT', 'BTCUSDT_SPBL'],
    ['SPOT', 'ETHBTC', 'ETH', 'BTC', 'BTC', undefined, 'ETH/BTC', 'ETHBTC_SPBL'],
    ['USDT-FUTURES', '1000SATSUSDT', '1000SATS', 'USDT', 'USDT', undefined, '1000SATS/USDT:USDT', '1000SATSUSDT_UMCBL'],
    ['USDC-FUTURES', 'BTCPERP', 'BTC', 'USDC', 'USDC', undefined, 'BTC/USDC:USDC', 'BTCPERP_CMCBL'],
    ['COIN-FUTURES', 'BTCUSD', 'BTC', 'USD', 'BTC', undefined, 'BTC/USD:BTC', 'BTCUSD_DMCBL'],
    ['COIN-FUTURES', 'BTCUSDH26', 'BTC', 'USD', 'BTC', march, 'BTC/USD:BTC-260327', undefined],
    ['USDT-FUTURES', 'ETHUSDTH26', 'ETH', 'USDT', 'USDT', march, 'ETH/USDT:USDT-260327', undefined],
  ] as const)('%s %s', (instType, symbol, base, quote, settle, expiry, ccxt, legacy) => {
    const line = product[instType] as (typeof PRODUCTS)[number];
    const names = buildNames({ product: line, symbol, base, quote, settle, expiry });
    expect(names).toEqual({ canonical: `bitget:${line.market}:${symbol}`, ccxt, legacy });
    for (const spelling of [symbol, names.canonical, ccxt, legacy ?? symbol])
      expect(bitget.nativeSymbol(spelling, line.market)).toBe(symbol);
  });
});
