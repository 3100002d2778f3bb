import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { averageTrueRange } from '../../../src/lib/features/average-true-range.js';
import { wilder } from '../../support/plain-features.js';

/**
 * High, low, close of the ATR example of StockCharts' ChartSchool ("Average True Range", spreadsheet of QQQ, 2010), and
 * the averages printed there to two digits.
 */
const PUBLISHED = [
  [48.7, 47.79, 48.16],
  [48.72, 48.14, 48.61],
  [48.9, 48.39, 48.75],
  [48.87, 48.37, 48.63],
  [48.82, 48.24, 48.74],
  [49.05, 48.64, 49.03],
  [49.2, 48.94, 49.07],
  [49.35, 48.86, 49.32],
  [49.92, 49.5, 49.91],
  [50.19, 49.87, 50.13],
  [50.12, 49.2, 49.53],
  [49.66, 48.9, 49.5],
  [49.88, 49.43, 49.75],
  [50.19, 49.73, 50.03],
  [50.36, 49.26, 50.31],
  [50.57, 50.09, 50.52],
  [50.65, 50.3, 50.41],
  [50.43, 49.21, 49.34],
  [49.63, 48.98, 49.37],
  [50.33, 49.61, 50.23],
  [50.29, 49.2, 49.24],
  [50.17, 49.43, 49.93],
  [49.32, 48.08, 48.43],
  [48.5, 47.64, 48.18],
  [48.32, 41.55, 46.57],
  [46.8, 44.28, 45.41],
  [47.8, 47.31, 47.77],
  [48.39, 47.2, 47.72],
  [48.66, 47.9, 48.62],
  [48.79, 47.73, 47.85],
] as const;
const AVERAGES = [0.55, 0.59, 0.59, 0.57, 0.61, 0.62, 0.64, 0.67, 0.69, 0.78, 0.78, 1.21, 1.3, 1.38, 1.37, 1.34, 1.32];

const bars = PUBLISHED.map(([high, low, close]) => ({ high, low, close }));

describe('averageTrueRange', () => {
  it.each(AVERAGES.map((average, index) => [index + 14, average] as const))(
    'is that of the published table after %i bars',
    (count, average) => {
      // Prices there are rounded to cents, its averages were computed before.
      expect(averageTrueRange(bars.slice(0, count))).toBeCloseTo(average, 1.9);
    },
  );

  it('is undefined for fewer than 14 bars', () => {
    expect(averageTrueRange(bars.slice(0, 13))).toBeUndefined();
    expect(averageTrueRange([])).toBeUndefined();
  });

  it('is the plain recurrence on random bars', () => {
    const bar = fc
      .tuple(fc.integer({ min: 100, max: 200 }), fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 50 }))
      .map(([low, range, part]) => ({ low, high: low + range, close: low + Math.min(part, range) }));
    fc.assert(
      fc.property(fc.array(bar, { minLength: 14, maxLength: 220 }), (random) => {
        expect(averageTrueRange(random)).toBeCloseTo(wilder(random) as number, 9);
      }),
      { seed: 4, numRuns: 100 },
    );
  });
});
