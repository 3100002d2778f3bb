import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/lib/model/errors.js';
import { compareLongs, finite, long, positive } from '../../../src/lib/model/numbers.js';
import { compareTrades } from '../../../src/lib/model/order.js';
import type { Trade } from '../../../src/lib/model/records.js';
import { formatDuration, formatTime, fromMilliseconds, parseDuration, parseTime } from '../../../src/lib/model/time.js';

const NOW = 1_786_310_817_601_629;

describe('numbers', () => {
  it.each([
    ['65114.20', 65114.2],
    ['0', 0],
    ['-1.5e-3', -0.0015],
    ['.5', 0.5],
    [7, 7],
  ])('takes %j', (value, expected) => expect(finite(value)).toBe(expected));

  it.each(['', ' ', ' 1', '1 ', '0x10', 'NaN', 'Infinity', '1e999', '1_000', '1,5', null, undefined, Number.NaN, [1], {}, true])(
    'does not take %j for a number',
    (value) => expect(finite(value)).toBeUndefined(),
  );

  it('knows where zero means none', () => {
    expect([positive('0'), positive(0), positive('-1'), positive('0.1')]).toEqual([undefined, undefined, undefined, 0.1]);
  });

  it.each([
    ['1304314508780744705', '1304314508780744705'],
    ['9223372036854775807', '9223372036854775807'],
    ['0', '0'],
    ['007', '7'],
    ['-5', '-5'],
    [42, '42'],
    ['9223372036854775808', undefined],
    ['12a', undefined],
    ['', undefined],
    ['1.0', undefined],
    [2 ** 53, undefined],
    [1.5, undefined],
  ])('keeps the long integer %j exact', (value, expected) => expect(long(value)).toBe(expected));

  it('orders long integers as integers', () => {
    fc.assert(
      fc.property(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), (a, b) => {
        expect(Math.sign(compareLongs(String(a), String(b)))).toBe(a < b ? -1 : a > b ? 1 : 0);
        expect(compareLongs(String(a), '')).toBeGreaterThan(0);
        expect(compareLongs('', String(a))).toBeLessThan(0);
      }),
      { seed: 1 },
    );
  });
});

describe('times', () => {
  it.each([
    ['2026-08-09T21:26:59Z', 1_786_310_819_000_000],
    ['2026-08-09T21:26:59.441123Z', 1_786_310_819_441_123],
    ['2026-08-09 21:26', 1_786_310_760_000_000],
    ['2026-08-09', 1_786_233_600_000_000],
    ['2026-08-09T23:26:59+02:00', 1_786_310_819_000_000],
    ['1786310819', 1_786_310_819_000_000],
    ['1786310819441', 1_786_310_819_441_000],
    ['1786310819441123', 1_786_310_819_441_123],
    ['90m', NOW - 5_400_000_000],
    ['1d', NOW - 86_400_000_000],
  ])('reads %s', (text, expected) => expect(parseTime(text, NOW)).toBe(expected));

  it.each([
    '',
    'yesterday',
    '2026-13-01',
    '2026-02-30',
    '2026-08-09T25:00',
    '12',
    '-1d',
    '2026-08-09T21:26:59.1234567Z',
    '0',
    '99999999999999999',
    '1us',
  ])('refuses the time %j', (text) => expect(() => parseTime(text, NOW, '--since')).toThrow(UsageError));

  it('names the flag and what it expected', () => {
    expect(() => parseTime('soon', NOW, '--since')).toThrow(
      '--since: expected an ISO 8601 time, an epoch of this century or a duration ago (1d, 90m), was "soon"',
    );
  });

  it('writes what it can read', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 946_684_800, max: 4_102_444_799 }),
        fc.integer({ min: 0, max: 999_999 }),
        (seconds, micros) => {
          const time = seconds * 1_000_000 + micros;
          expect(parseTime(formatTime(time), NOW)).toBe(time);
        },
      ),
      { seed: 2 },
    );
    expect(formatTime(1_786_310_819_441_000)).toBe('2026-08-09T21:26:59.441Z');
    expect(formatTime(1_786_310_819_441_007)).toBe('2026-08-09T21:26:59.441007Z');
  });

  it.each(['', '12x', '-1s', '1.2.3', 'abc', 0, -1, 1e18, '1e12', 1.5, null, Number.NaN])(
    'does not take %j for milliseconds of this century',
    (value) => expect(fromMilliseconds(value)).toBeUndefined(),
  );

  it('reads and writes durations', () => {
    expect(['100ms', '1s', '5m', '1h', '7d', '0.5s', '2w'].map((text) => parseDuration(text))).toEqual([
      100_000, 1_000_000, 300_000_000, 3_600_000_000, 604_800_000_000, 500_000, 1_209_600_000_000,
    ]);
    expect([1_000_000, 60_000_000, 900_000_000, 604_800_000_000, 100_000, 7].map(formatDuration)).toEqual([
      '1s',
      '1m',
      '15m',
      '1w',
      '100ms',
      '7us',
    ]);
    for (const text of ['', '5', 'm', '-5m', '1M', '1 m']) expect(() => parseDuration(text)).toThrow(UsageError);
  });
});

describe('order of trades', () => {
  const trade = (timestamp: number, sequence: string | undefined, localTimestamp: number | undefined, id: string): Trade => ({
    type: 'trade',
    exchange: 'b',
    market: 'spot',
    symbol: 'X',
    timestamp,
    localTimestamp,
    id,
    price: 1,
    amount: 1,
    side: 'buy',
    sequence,
  });

  it('is time, sequence as an integer, arrival, id', () => {
    const ordered = [
      trade(1, '99', 5, 'z'),
      trade(2, undefined, undefined, 'a'),
      trade(2, '9', 9, 'y'),
      trade(2, '10', 1, 'x'),
      trade(2, '10', 2, 'a'),
      trade(2, '10', 2, 'b'),
    ];
    expect([...ordered].reverse().sort(compareTrades)).toEqual(ordered);
  });
});
