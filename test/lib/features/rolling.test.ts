import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Lag, RollingMoments, RollingSum } from '../../../src/lib/features/rolling.js';
import { plainZ } from '../../support/plain-features.js';
import { seeded } from '../../support/random.js';

const SEED = 20_261_121;

type Values = readonly (number | undefined)[];

/** Distances of every value, NaN where there is none. */
function distances(values: Values, window: number, second: number): number[] {
  const moments = new RollingMoments(window);
  moments.restart(second);
  return values.map((value) => moments.push(value ?? Number.NaN));
}

function plainDistances(values: Values, window: number): number[] {
  return values.map((_, index) => {
    const tail = index + 1 >= window ? plainZ(values.slice(index + 1 - window, index + 1)) : undefined;
    return tail ?? Number.NaN;
  });
}

function greatestError(found: readonly number[], expected: readonly number[]): number {
  return Math.max(
    ...found.map((value, index) => {
      const other = expected[index] as number;
      if (Number.isNaN(value) || Number.isNaN(other))
        return Number.isNaN(value) === Number.isNaN(other) ? 0 : Number.POSITIVE_INFINITY;
      return Math.abs(value - other) / Math.max(1, Math.abs(other));
    }),
  );
}

describe('RollingMoments', () => {
  it('is the textbook z on random walks with gaps and constants, wherever the data begins', () => {
    const value = fc.oneof(
      { weight: 20, arbitrary: fc.integer({ min: -1000, max: 1000 }).map((number) => number / 8) },
      { weight: 1, arbitrary: fc.constant(undefined) },
    );
    fc.assert(
      fc.property(
        fc.array(value, { minLength: 1, maxLength: 120 }),
        fc.integer({ min: 2, max: 12 }),
        fc.integer({ min: 1_700_000_000, max: 1_700_000_100 }),
        (values, window, second) => {
          expect(greatestError(distances(values, window, second), plainDistances(values, window))).toBeLessThan(1e-9);
        },
      ),
      { seed: SEED, numRuns: 300 },
    );
  });

  it('leaves no trace of a spike of 10^6: the error stays below 1e-6 of an exact recomputation', () => {
    const random = seeded(3);
    let walk = 0;
    const values = Array.from({ length: 20_000 }, (_, index) => {
      walk += random() - 0.5;
      return index === 7_000 ? 1e6 : walk;
    });
    const found = distances(values, 300, 1_700_000_123);
    const expected = plainDistances(values, 300);
    expect(greatestError(found, expected)).toBeLessThan(1e-6);
    // A plain running sum and sum of squares fails the same comparison: the measure is one that can fail.
    expect(greatestError(subtracting(values, 300), expected)).toBeGreaterThan(1e-6);
  });

  it('gives the same digits wherever the data began', () => {
    const random = seeded(5);
    const values = Array.from({ length: 5_000 }, () => random() * 100);
    const whole = distances(values, 300, 1_700_000_000);
    for (const skipped of [1, 299, 300, 301, 1_234]) {
      const later = distances(values.slice(skipped), 300, 1_700_000_000 + skipped);
      expect(later.slice(299)).toEqual(whole.slice(skipped + 299));
    }
  });

  it('has no distance among equal values, whatever came before', () => {
    const values = [...Array.from({ length: 40 }, (_, index) => index * 0.1), ...Array.from({ length: 40 }, () => 0.3)];
    const found = distances(values, 20, 1_700_000_007);
    expect(found.slice(59)).toEqual(Array.from({ length: 21 }, () => Number.NaN));
    expect(found[58]).not.toBeNaN();
  });
});

/** What this library does not do: sums from which the value that leaves is subtracted. */
function subtracting(values: readonly number[], window: number): number[] {
  let [sum, squares] = [0, 0];
  return values.map((value, index) => {
    sum += value;
    squares += value * value;
    if (index >= window) {
      const old = values[index - window] as number;
      sum -= old;
      squares -= old * old;
    }
    if (index + 1 < window) return Number.NaN;
    return (value - sum / window) / Math.sqrt((squares - (sum * sum) / window) / (window - 1));
  });
}

describe('RollingSum', () => {
  it('is the sum of the last values, full only while none is missing', () => {
    const value = fc.option(fc.integer({ min: -9, max: 9 }), { nil: undefined, freq: 20 });
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 80 }), fc.integer({ min: 1, max: 9 }), (values, window) => {
        const rolling = new RollingSum(window);
        rolling.restart(1_700_000_003);
        for (const [index, pushed] of values.entries()) {
          rolling.push(pushed);
          const tail = values.slice(Math.max(0, index + 1 - window), index + 1);
          const isFull = tail.length === window && tail.every((item) => item !== undefined);
          expect(rolling.isFull).toBe(isFull);
          if (isFull) expect(rolling.sum).toBe((tail as number[]).reduce((sum, item) => sum + item, 0));
        }
      }),
      { seed: SEED, numRuns: 200 },
    );
  });
});

describe('Lag', () => {
  it('gives the value so many pushes ago', () => {
    const lag = new Lag(3);
    expect([1, 2, undefined, 4, 5, 6, 7].map((value) => lag.push(value))).toEqual([
      undefined,
      undefined,
      undefined,
      1,
      2,
      undefined,
      4,
    ]);
    lag.restart();
    expect(lag.push(8)).toBeUndefined();
  });
});
