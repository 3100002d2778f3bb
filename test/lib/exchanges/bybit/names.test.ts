import { describe, expect, it } from 'vitest';
import { bybit } from '../../../../src/lib/exchanges/bybit/index.js';
import { nativeSymbol } from '../../../../src/lib/exchanges/bybit/names.js';
import { nativeNames } from '../../../../src/lib/exchanges/native-names.js';
import type { Market } from '../../../../src/lib/model/records.js';

describe('nativeSymbol', () => {
  it.each<[string, Market, string | undefined]>([
    ['BTCUSDT', 'linear', 'BTCUSDT'],
    [' btcusdt ', 'spot', 'BTCUSDT'],
    ['BTCUSDT-26DEC25', 'linear', 'BTCUSDT-26DEC25'],
    ['bybit:linear:BTCPERP', 'linear', 'BTCPERP'],
    ['bybit:spot:BTCUSDT', 'linear', undefined],
    ['bitget:linear:BTCUSDT', 'linear', undefined],
    ['BTC/USDT', 'spot', 'BTCUSDT'],
    ['BTC/USDT', 'linear', undefined],
    ['BTC/USDT:USDT', 'spot', undefined],
    ['BTC/USDT:USDT', 'inverse', undefined],
    ['BTC/USDT:USDT', 'linear', 'BTCUSDT'],
    ['btc/usdt:usdt', 'linear', 'BTCUSDT'],
    ['BTC/USDC:USDC', 'linear', 'BTCPERP'],
    ['BTC/USDT:USDC', 'linear', undefined],
    ['BTC/USDT:USDT-251205', 'linear', 'BTCUSDT-05DEC25'],
    ['BTC/USDC:USDC-251226', 'linear', 'BTC-26DEC25'],
    ['BTC/USDT:USDT-251326', 'linear', undefined],
    ['BTC/USDT:USDT-250026', 'linear', undefined],
    ['BTC/USD:BTC', 'inverse', 'BTCUSD'],
    ['BTC/USD:BTC', 'linear', undefined],
    ['BTC/USD:BTC-251226', 'inverse', 'BTCUSDZ25'],
    ['ETH/USD:ETH-270326', 'inverse', 'ETHUSDH27'],
    ['BTCUSDT_UMCBL', 'linear', undefined],
    ['BTC/USDT:USDT-', 'linear', undefined],
    ['BTC/', 'spot', undefined],
    ['', 'spot', undefined],
    ['BTC USDT', 'spot', undefined],
    ['龙虾USDT', 'linear', '龙虾USDT'],
    ['bybit:linear:龙虾usdt', 'linear', '龙虾USDT'],
    ['龙虾/USDT:USDT', 'linear', '龙虾USDT'],
    ['龙虾/USDC:USDC-251226', 'linear', '龙虾-26DEC25'],
  ])('%j on %s is %s', (spelling, market, expected) => {
    expect(nativeSymbol(spelling, market)).toBe(expected);
  });
});

it('names that an exchange may list in lower case are tried as typed, too', () => {
  expect(nativeNames(bybit, 'bybit:linear:kPEPEUSDT', 'linear')).toEqual(['KPEPEUSDT', 'kPEPEUSDT']);
  expect(nativeNames(bybit, 'BTCUSDT', 'linear')).toEqual(['BTCUSDT']);
  expect(nativeNames(bybit, 'BTC/USDT:USDT', 'linear')).toEqual(['BTCUSDT']);
  expect(nativeNames(bybit, 'bitget:linear:kPEPEUSDT', 'linear')).toEqual([]);
});
