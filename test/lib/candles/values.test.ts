import { Decimal } from 'decimal.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OpenGaps } from '../../../src/lib/candles/open-gaps.js';
import { ExactSum, roundSum } from '../../../src/lib/model/exact-sum.js';
import { bucketStart, isMadeOf, parseInterval, parseIntervals } from '../../../src/lib/model/interval.js';
import { formatTime, parseTime } from '../../../src/lib/model/time.js';
import { gapRecord } from '../../support/records.js';

describe('intervals', () => {
  it.each([
    ['1s', '1s', 1_000_000],
    ['60s', '1m', 60_000_000],
    ['90s', '90s', 90_000_000],
    ['0.5m', '30s', 30_000_000],
    ['7d', '1w', 604_800_000_000],
  ])('%s is %s', (text, name, size) => expect(parseInterval(text)).toEqual({ name, size }));

  it.each(['0s', '500ms', '1.5s', '8d', '2w', '1M', '1', '', 'x'])('%j is refused', (text) => {
    expect(() => parseInterval(text)).toThrow(/interval: expected/);
  });

  it('come the shortest first, each once', () => {
    expect(parseIntervals(['1h', '60s', '1m']).map(({ name }) => name)).toEqual(['1m', '1h']);
    expect(() => parseIntervals([])).toThrow(/at least one/);
  });

  it.each([
    ['1w', '2026-11-20T12:00:00Z', '2026-11-16T00:00:00.000Z'],
    ['1w', '2026-11-16T00:00:00Z', '2026-11-16T00:00:00.000Z'],
    ['1w', '2026-11-15T23:59:59.999999Z', '2026-11-09T00:00:00.000Z'],
    ['1d', '2026-11-20T23:59:59.999999Z', '2026-11-20T00:00:00.000Z'],
    ['15m', '2026-11-20T12:14:59Z', '2026-11-20T12:00:00.000Z'],
    ['1m', '2026-11-20T12:15:00Z', '2026-11-20T12:15:00.000Z'],
  ])('the %s bucket of %s begins at %s', (interval, time, start) => {
    expect(formatTime(bucketStart(parseInterval(interval).size, parseTime(time, 0)))).toBe(start);
  });

  it.each([
    ['1m', '1s', true],
    ['1w', '1d', true],
    ['1w', '12h', true],
    ['1m', '1m', false],
    ['90s', '1m', false],
    ['1s', '1m', false],
    // 24 × 7 h are a week, but no multiple of 7 h since the epoch is a Monday's midnight.
    ['1w', '7h', false],
  ])('%s is made of %s: %s', (big, small, made) => {
    expect(isMadeOf(parseInterval(big), parseInterval(small))).toBe(made);
  });
});

describe('sums', () => {
  const sumOf = (values: readonly number[]) => {
    const sum = new ExactSum();
    for (const value of values) sum.add(value);
    return sum.value;
  };

  it('are the decimal sums, where doubles are not', () => {
    expect(sumOf([0.1, 0.2])).toBe(0.3);
    expect(sumOf(Array(10_000).fill(0.001))).toBe(10);
    expect(sumOf([1e9, 1e-6, -1e9])).toBe(1e-6);
    expect(sumOf([])).toBe(0);
  });

  it('do not depend on the order, nor on how they are split', () => {
    const lots = fc.array(fc.integer({ min: 1, max: 99_999_999 }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(lots, fc.integer({ min: 0, max: 200 }), (drawn, at) => {
        const values = drawn.map((lot) => lot / 1e6);
        const exact = drawn.reduce((total, lot) => total + lot, 0) / 1e6;
        expect(sumOf(values)).toBe(exact);
        expect(sumOf([...values].reverse())).toBe(exact);
        const [left, right] = [new ExactSum(), new ExactSum()];
        for (const [index, value] of values.entries()) (index < at ? left : right).add(value);
        left.addSum(right);
        expect(left.value).toBe(exact);
      }),
      { seed: 5, numRuns: 300 },
    );
  });

  it('have 15 significant digits', () => {
    const anyPositive = fc.double({ min: 1e-7, max: 1e30, noNaN: true });
    fc.assert(
      fc.property(anyPositive, (value) => {
        const rounded = roundSum(value);
        expect(rounded).toBe(Number(rounded.toPrecision(15)));
        expect(new Decimal(rounded).minus(value).abs().div(value).toNumber()).toBeLessThan(5.1e-15);
      }),
      { seed: 5, numRuns: 2_000 },
    );
    for (const value of [1, 9.99999999999999, 1e14, 1e15, 123456789012345, 1e22, 1e-7, 1000, 0.001])
      expect(roundSum(value)).toBe(value);
  });
});

describe('gaps', () => {
  const gap = (from: number, until: number, missing = true, known = 1) => ({
    ...gapRecord,
    fromTimestamp: from,
    untilTimestamp: until,
    localTimestamp: known,
    missing,
  });
  const overlaps = (from: number, until: number, start: number, end: number) => {
    const openGaps = new OpenGaps();
    openGaps.add(gap(from, until));
    return openGaps.overlapping(start, end) !== undefined;
  };

  it.each([
    [5, 15, 10, 20, true],
    [5, 10, 10, 20, false],
    [19, 25, 10, 20, true],
    [20, 25, 10, 20, false],
    [5, 25, 10, 20, true],
    [12, 13, 10, 20, true],
    // The exchange's times are too coarse to tell where trades are missing.
    [10, 10, 10, 20, true],
    [20, 20, 10, 20, false],
  ])('from %i until %i in [%i, %i): %s', (from, until, start, end, expected) => {
    expect(overlaps(from, until, start, end)).toBe(expected);
  });

  it('end when a later repair covers them', () => {
    const openGaps = new OpenGaps();
    openGaps.add(gap(10, 20));
    openGaps.add(gap(30, 40));
    openGaps.add(gap(10, 25, false));
    expect(openGaps.overlapping(10, 20)).toBeUndefined();
    expect(openGaps.overlapping(30, 40)).toBeDefined();
    openGaps.add(gap(31, 40, false));
    expect(openGaps.overlapping(30, 40)).toBeDefined();
  });

  it('are told by the one that was known first', () => {
    const openGaps = new OpenGaps();
    openGaps.add(gap(10, 20, true, 9));
    openGaps.add(gap(12, 22, true, 7));
    expect(openGaps.overlapping(15, 16)?.known).toBe(7);
  });

  it('are forgotten once nothing can overlap them', () => {
    const openGaps = new OpenGaps();
    openGaps.add(gap(10, 20));
    openGaps.forget(20);
    expect(openGaps.overlapping(10, 20)).toBeDefined();
    openGaps.forget(21);
    expect(openGaps.overlapping(10, 20)).toBeUndefined();
  });
});
