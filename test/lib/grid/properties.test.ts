import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GridInput } from '../../../src/lib/grid/parameters.js';
import { planGrid } from '../../../src/lib/grid/plan.js';
import type { Plan } from '../../../src/lib/grid/planned.js';
import { UsageError } from '../../../src/lib/model/errors.js';
import { Exact } from '../../../src/lib/model/ticks.js';

const RUN = { seed: 8, numRuns: 100 };

const hundredths = (from: number, until: number) =>
  fc.integer({ min: from, max: until }).map((value) => new Exact(value).div(100).toString());

/** Grids as people ask for them, on instruments from fractions of a cent to BTC. */
const input: fc.Arbitrary<GridInput> = fc.record({
  price: fc.constantFrom('0.0004321', '0.5', '1.07', '333.33', '99999.9'),
  deposit: hundredths(100, 10_000_000),
  side: fc.constantFrom('long', 'short'),
  leverage: fc.integer({ min: 1, max: 125 }),
  levels: fc.integer({ min: 2, max: 20 }),
  coverage: hundredths(1, 95),
  multiplier: hundredths(50, 250),
  takeProfit: hundredths(1, 50),
  spacing: fc.constantFrom('arithmetic', 'geometric'),
  sizing: fc.constantFrom('reference', 'full'),
  marginMode: fc.constantFrom('isolated', 'cross'),
  maintenanceRate: fc.constantFrom('0', '0.004', '0.02'),
  makerFee: fc.constantFrom('0', '0.0002', '0.001'),
  takerFee: fc.constantFrom('0', '0.0006', '0.002'),
  limits: fc.record({
    tickSize: fc.constantFrom(undefined, '0.0000001', '0.0001', '0.05', '0.5'),
    lotSize: fc.constantFrom(undefined, '0.0001', '0.1', '1', '7'),
  }),
});

/** Runs `check` on plans, past the inputs whose tick is too coarse for them. */
function everyPlan(check: (plan: Plan, input: GridInput) => void): void {
  let planned = 0;
  fc.assert(
    fc.property(input, (grid) => {
      let plan: Plan;
      try {
        plan = planGrid(grid);
      } catch (error) {
        expect(error).toBeInstanceOf(UsageError);
        expect((error as Error).message).toMatch(/^tick size/);
        return;
      }
      planned++;
      check(plan, grid);
    }),
    RUN,
  );
  expect(planned).toBeGreaterThan(RUN.numRuns / 3);
}

describe('every plan', () => {
  it('has strictly monotone prices on ticks', () => {
    everyPlan(({ levels }, { side, limits }) => {
      for (const [index, { order }] of levels.entries()) {
        if (limits?.tickSize !== undefined) expect(order.price.mod(limits.tickSize).isZero()).toBe(true);
        const before = levels[index - 1]?.order.price;
        if (before !== undefined) expect(side === 'long' ? order.price.lt(before) : order.price.gt(before)).toBe(true);
      }
    });
  });

  it('has amounts on lots, never above the unrounded ones', () => {
    everyPlan(({ levels, baseAmount, grid }, { limits }) => {
      for (const { order, level } of levels) {
        if (limits?.lotSize !== undefined) expect(order.amount.mod(limits.lotSize).isZero()).toBe(true);
        const unrounded = baseAmount.times(grid.multiplier.pow(level));
        expect(order.amount.lte(unrounded.times('1.000000000000000000000001'))).toBe(true);
        expect(order.amount.gte(0)).toBe(true);
      }
    });
  });

  it('stays within deposit × leverage, and loses none of it but to rounding in full sizing', () => {
    everyPlan(({ committed, budget, levels, grid }) => {
      expect(committed.toNumber()).toBeLessThanOrEqual(budget.toNumber());
      if (grid.sizing === 'reference') return;
      const perLevel = new Exact(grid.limits.lotSize ?? 0).times(levels.at(grid.side === 'long' ? 0 : -1)?.order.price ?? 0);
      const ticks = Exact.sum(0, ...levels.map(({ order }) => order.amount.times(grid.limits.tickSize ?? 0)));
      expect(
        budget.minus(committed).lte(
          perLevel
            .times(2 * levels.length)
            .plus(ticks)
            .plus('1e-20'),
        ),
      ).toBe(true);
    });
  });

  it('breaks even between the average and the take profit, where that covers the fees', () => {
    everyPlan(({ levels, grid }) => {
      for (const { averagePrice, breakEvenPrice, takeProfitPrice, profit } of levels) {
        if (averagePrice === undefined || breakEvenPrice === undefined || takeProfitPrice === undefined) continue;
        const [low, high] = grid.side === 'long' ? [averagePrice, breakEvenPrice] : [breakEvenPrice, averagePrice];
        expect(low.lte(high)).toBe(true);
        if (profit?.lt(0)) continue;
        expect(grid.side === 'long' ? breakEvenPrice.lte(takeProfitPrice) : breakEvenPrice.gte(takeProfitPrice)).toBe(true);
      }
    });
  });

  it('is liquidated nearer to the entry with more leverage', () => {
    everyPlan(({ levels }, grid) => {
      if (grid.marginMode === 'cross') return;
      // The same position, only its margin changes: twice the leverage on half the deposit.
      const half = new Exact(grid.deposit).div(2);
      const harder = planGrid({ ...grid, deposit: half, leverage: Number(grid.leverage) * 2 });
      for (const [index, { liquidationPrice }] of levels.entries()) {
        const nearer = harder.levels[index]?.liquidationPrice;
        if (liquidationPrice === undefined) continue;
        expect(grid.side === 'long' ? nearer?.gte(liquidationPrice) : nearer?.lte(liquidationPrice)).toBe(true);
      }
    });
  });

  it('calls a level liquidated before exactly from where one before it is liquidated', () => {
    everyPlan(({ levels, grid }) => {
      let dead = false;
      for (const [index, { order, reasons }] of levels.entries()) {
        const before = levels[index - 1]?.liquidationPrice;
        dead ||= before !== undefined && (grid.side === 'long' ? before.gte(order.price) : before.lte(order.price));
        expect(reasons.includes('liquidated before')).toBe(dead);
      }
    });
  });
});
