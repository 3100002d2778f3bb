import { describe, expect, it } from 'vitest';
import type { ArchiveName } from '../../../../src/lib/exchanges/archive.js';
import { bybit } from '../../../../src/lib/exchanges/bybit/index.js';
import { DAY } from '../../../../src/lib/model/time.js';

const archives = bybit.archives as NonNullable<typeof bybit.archives>;
const CONTRACTS = 'timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional'.split(',');
const SPOT = 'id,timestamp,price,volume,side'.split(',');
const MIDNIGHT = Date.UTC(2026, 10, 20) * 1_000;
const named = (file: string) => archives.nameOf(file) as ArchiveName;

describe('names of archives', () => {
  it.each([
    ['BTCUSDT2026-11-20.csv.gz', 'BTCUSDT', '2026-11-20', DAY],
    ['BTCUSDT_2026-11-20.csv.gz', 'BTCUSDT', '2026-11-20', DAY],
    ['BTCUSDT-2026-11.csv.gz', 'BTCUSDT', '2026-11', 30 * DAY],
    ['BTC-25DEC262026-11-20.csv', 'BTC-25DEC26', '2026-11-20', DAY],
    ['1000PEPEUSDT2026-11-20.csv.gz', '1000PEPEUSDT', '2026-11-20', DAY],
  ])('%s', (file, symbol, label, length) => {
    const { span, ...name } = named(file);
    expect([name, span.until - span.from]).toEqual([{ symbol, label }, length]);
  });

  it.each(['trades.csv.gz', 'BTCUSDT.csv', '2026-11-20.csv', 'btcusdt2026-11-20.csv'])('%s is none', (file) => {
    expect(archives.nameOf(file)).toBeUndefined();
  });
});

describe('rows of contracts', () => {
  const layout = archives.layoutOf(CONTRACTS, named('BTCUSDT2026-11-20.csv.gz'));
  const row = (time: string, more: Partial<Record<string, string>> = {}) => {
    const cells: Record<string, string> = {
      timestamp: time,
      symbol: 'BTCUSDT',
      side: 'Sell',
      size: '0.010',
      price: '42500.10',
      tickDirection: 'PlusTick',
      trdMatchID: 'a-b-c',
      grossValue: '4.2e+11',
      homeNotional: '0.010',
      foreignNotional: '425.001',
    };
    return CONTRACTS.map((name) => ({ ...cells, ...more })[name] as string);
  };

  it('have seconds with a fraction, exact to the microsecond', () => {
    const seconds = MIDNIGHT / 1e6;
    const time = (text: string) => {
      const trade = layout?.read(row(text));
      return typeof trade === 'object' ? trade.timestamp - MIDNIGHT : trade;
    };
    expect([
      time(`${seconds}`),
      time(`${seconds}.1`),
      time(`${seconds}.0647`),
      time(`${seconds + 59}.999999`),
      time(`${seconds}.1234567`),
    ]).toEqual([0, 100_000, 64_700, 59_999_999, 123_456]);
    for (let micros = 0; micros < 1_000_000; micros += 7_919)
      expect(time(`${seconds}.${String(micros).padStart(6, '0')}`)).toBe(micros);
    expect([time('soon'), time(`${seconds}e3`), time(''), time('1')]).toEqual(
      Array.from({ length: 4 }, () => 'expected a time in timestamp'),
    );
  });

  it('are found by their header, with and without RPI, in any order', () => {
    const trade = {
      type: 'trade',
      exchange: 'bybit',
      market: 'linear',
      symbol: 'BTCUSDT',
      timestamp: MIDNIGHT,
      id: 'a-b-c',
      price: 42_500.1,
      amount: 0.01,
      side: 'sell',
      sequence: undefined,
    };
    expect(layout?.read(row(`${MIDNIGHT / 1e6}`))).toEqual(trade);
    const header = ['RPI', ...CONTRACTS].reverse();
    const cells = ['1', ...row(`${MIDNIGHT / 1e6}`)].reverse();
    expect(archives.layoutOf(header, named('BTCUSDT2026-11-20.csv.gz'))?.read(cells)).toEqual(trade);
    expect(layout?.hasPublicIds).toBe(true);
  });

  it.each([
    ['BTCUSD2026-11-20.csv.gz', 'inverse'],
    ['BTCUSDZ262026-11-20.csv.gz', 'inverse'],
    ['BTCUSDT2026-11-20.csv.gz', 'linear'],
    ['BTCPERP2026-11-20.csv.gz', 'linear'],
    ['BTC-25DEC262026-11-20.csv.gz', 'linear'],
  ])('of %s are %s', (file, market) => {
    expect(archives.layoutOf(CONTRACTS, named(file))?.market).toBe(market);
  });

  it.each([[{ symbol: 'ETHUSDT' }], [{ side: 'buy' }], [{ size: '0' }], [{ price: '' }], [{ trdMatchID: '' }]])(
    'with %j are none',
    (more) => {
      expect(layout?.read(row(`${MIDNIGHT / 1e6}`, more))).toMatch(/^expected/);
    },
  );
});

describe('rows of spot', () => {
  it('have no symbol, milliseconds, lower-case sides, and a number that is unique within the file alone', () => {
    const name = named('BTCUSDT_2026-11-20.csv.gz');
    const layout = archives.layoutOf(SPOT, name);
    const trade = {
      type: 'trade',
      exchange: 'bybit',
      market: 'spot',
      symbol: 'BTCUSDT',
      timestamp: MIDNIGHT + 1_000,
      id: '2026-11-20-17',
      price: 106_453.8,
      amount: 0.003718,
      side: 'sell',
      sequence: '17',
    };
    const cells = ['17', String((MIDNIGHT + 1_000) / 1_000), '106453.8', '0.003718', 'sell'];
    expect(layout?.read(cells)).toEqual(trade);
    expect(archives.layoutOf([...SPOT, 'rpi'], name)?.read([...cells, '0'])).toEqual(trade);
    expect(layout?.hasPublicIds).toBe(false);
    expect(
      [layout?.read(['x', ...cells.slice(1)]), layout?.read([...cells.slice(0, 4), 'Sell'])].every(
        (result) => typeof result === 'string',
      ),
    ).toBe(true);
  });

  it('of an unknown header are none', () => {
    expect(archives.layoutOf(['time', 'price'], named('BTCUSDT_2026-11-20.csv.gz'))).toBeUndefined();
  });
});
