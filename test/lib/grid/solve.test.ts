import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GridInput } from '../../../src/lib/grid/parameters.js';
import { planGrid } from '../../../src/lib/grid/plan.js';
import { solutionDetail } from '../../../src/lib/grid/records.js';
import { SOLVABLE, type Solvable, solveGrid } from '../../../src/lib/grid/solve.js';
import { samples } from '../../support/samples.js';

const EXAMPLE: GridInput = { price: '0.5', deposit: 10, limits: { tickSize: '0.0001', lotSize: '0.1' } };

const isSafe = (input: GridInput) => planGrid(input).firstUnsafe === undefined;

describe('the limit that survives', () => {
  it('of leverage is the largest', () => {
    const { limit, beyond } = solveGrid(EXAMPLE, 'leverage');
    const leverage = limit?.value.toNumber() ?? Number.NaN;
    // The one of a plain scan.
    const safe = Array.from({ length: 200 }, (_, index) => index + 1).filter((value) => isSafe({ ...EXAMPLE, leverage: value }));
    expect(leverage).toBe(safe.at(-1));
    expect(limit?.plan?.firstUnsafe).toBeUndefined();
    expect(beyond?.value.toNumber()).toBe(leverage + 1);
    expect(beyond?.plan?.firstUnsafe?.explanation).toMatch(/liquidated before/);
  });

  it('of coverage is the largest, and of the multiplier the smallest', () => {
    const coverage = solveGrid(EXAMPLE, 'coverage');
    expect(isSafe({ ...EXAMPLE, coverage: coverage.limit?.value ?? 0 })).toBe(true);
    for (let steps = 1; steps <= 5; steps++)
      expect(isSafe({ ...EXAMPLE, coverage: coverage.limit?.value.plus(0.001 * steps) ?? 0 })).toBe(false);
    const wide: GridInput = { ...EXAMPLE, deposit: 10_000, levels: 8, coverage: '0.2' };
    const multiplier = solveGrid(wide, 'multiplier');
    expect(isSafe({ ...wide, multiplier: multiplier.limit?.value ?? 1 })).toBe(true);
    for (let steps = 1; steps <= 5; steps++)
      expect(isSafe({ ...wide, multiplier: multiplier.limit?.value.minus(0.01 * steps) ?? 1 })).toBe(false);
  });

  it('of the deposit keeps the amounts and grows the cross margin', () => {
    const { limit, beyond } = solveGrid(EXAMPLE, 'deposit');
    const planned = planGrid(EXAMPLE);
    expect(limit?.plan?.orders).toEqual(planned.orders);
    // By hand: all 15 hold where the liquidation price is at most 0.2999, one tick below the last level:
    // 137.07686 − 0.2999 × 399.4 × 0.995 = 17.8957, and 0.0279 of fees.
    expect(limit?.value.toNumber()).toBe(17.93);
    expect(beyond?.value.toNumber()).toBe(17.92);
    expect(beyond?.plan?.firstUnsafe?.level).toBe(14);
    expect(limit?.plan?.grid.marginMode).toBe('cross');
    expect(limit?.plan?.budget.toNumber()).toBe(17.93 * 20);
  });

  it('is looked for no further than the instrument allows', () => {
    const { limit, beyond } = solveGrid({ ...EXAMPLE, coverage: '0.01', limits: { maxLeverage: 10 } }, 'leverage');
    expect(limit?.value.toNumber()).toBe(10);
    expect(beyond).toBeUndefined();
  });

  it('may not exist', () => {
    for (const parameter of SOLVABLE) {
      const solution = solveGrid({ ...EXAMPLE, limits: { minNotional: 1e9 } }, parameter);
      expect(solution.limit).toBeUndefined();
      expect(solutionDetail(solution)).toMatchObject({ parameter, limit: undefined, beyond: undefined });
    }
  });

  it('is refused for the coverage of a list', () => {
    expect(() => solveGrid({ ...EXAMPLE, distances: ['0.1'] }, 'coverage')).toThrow(/spacing list/);
  });

  it('is written down in the units of the flags', () => {
    const detail = solutionDetail(solveGrid(EXAMPLE, 'coverage'));
    expect(detail).toMatchObject({ parameter: 'coverage', step: 0.1, searched: [99.9, 0.1] });
    expect(detail.beyond?.value).toBeCloseTo((detail.limit ?? 0) + 0.1, 10);
    expect(detail.beyond?.reason).toMatch(/^level \d+ at /);
  });

  it('is safe there and unsafe one step beyond, for any grid', () => {
    const grids = fc.record({
      price: fc.constantFrom('0.5', '2000'),
      deposit: fc.integer({ min: 50, max: 5000 }),
      side: fc.constantFrom('long' as const, 'short' as const),
      leverage: fc.integer({ min: 1, max: 60 }),
      levels: fc.integer({ min: 2, max: 6 }),
      coverage: fc.constantFrom('0.05', '0.3', '0.6'),
      multiplier: fc.constantFrom('1', '1.3', '2'),
      spacing: fc.constantFrom('arithmetic' as const, 'geometric' as const),
      marginMode: fc.constantFrom('isolated' as const, 'cross' as const),
      limits: fc.constantFrom({ tickSize: '0.0001', lotSize: '0.001' }, { lotSize: '0.01', minNotional: 5 }),
    });
    let solved = 0;
    fc.assert(
      fc.property(grids, fc.constantFrom<Solvable>(...SOLVABLE), (grid, parameter) => {
        const { limit, beyond } = solveGrid(grid, parameter);
        if (limit === undefined) return;
        solved++;
        expect(limit.plan?.levels.every(({ reasons }) => reasons.length === 0)).toBe(true);
        if (beyond !== undefined) expect(beyond.problem ?? beyond.plan?.firstUnsafe).toBeDefined();
      }),
      { seed: 8, numRuns: samples(10) },
    );
    expect(solved).toBeGreaterThan(8);
  });
});
