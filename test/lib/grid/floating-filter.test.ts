import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createGridPlanner } from '../../../src/lib/backtest/strategies/grid-planner.js';
import { createLadderFilter, createTargetFilter } from '../../../src/lib/grid/floating-filter.js';
import { type GridInput, gridParameters, startedAt } from '../../../src/lib/grid/parameters.js';
import { filled, flat, takeProfitPrice } from '../../../src/lib/grid/position.js';
import { ladder } from '../../../src/lib/grid/sizing.js';
import { MdtoolError } from '../../../src/lib/model/errors.js';
import { Exact } from '../../../src/lib/model/ticks.js';
import { samples } from '../../support/samples.js';

const RUNS = { seed: 20_261_121, numRuns: samples(1500) };

/** Steps as exchanges have them: 1, 2, 2.5 or 5 times a power of ten. */
const step = (from: number, to: number) =>
  fc
    .tuple(fc.constantFrom('1', '2', '2.5', '5'), fc.integer({ min: from, max: to }))
    .map(([digit, power]) => new Exact(`${digit}e${power}`).toFixed());

const decimal = (max: number, scale: number) => fc.integer({ min: 1, max }).map((count) => count / scale);

const settings = fc.record({
  side: fc.constantFrom('long' as const, 'short' as const),
  spacing: fc.constantFrom('arithmetic' as const, 'geometric' as const),
  sizing: fc.constantFrom('reference' as const, 'full' as const),
  levels: fc.integer({ min: 2, max: 20 }),
  coverage: fc.integer({ min: 1, max: 95 }).map((percent) => String(percent / 100)),
  multiplier: fc.integer({ min: 5, max: 25 }).map((tenths) => String(tenths / 10)),
  takeProfit: fc.integer({ min: 1, max: 200 }).map((count) => String(count / 1000)),
  leverage: fc.integer({ min: 1, max: 100 }).map(String),
  distances: fc.option(
    fc
      .uniqueArray(fc.integer({ min: 1, max: 999 }), { minLength: 1, maxLength: 8 })
      .map((list) => list.sort((a, b) => a - b).map((count) => String(count / 1000))),
    { nil: undefined, freq: 4 },
  ),
  limits: fc.record({ tickSize: step(-6, 0), lotSize: step(-6, 2) }),
});

/** On cents and off them, and right beside them, where a filter has to give up. */
const price = fc.oneof(
  decimal(10_000_000, 100),
  decimal(1000, 10).map((value) => value * (1 + Number.EPSILON)),
  decimal(1000, 10).map((value) => value * (1 - Number.EPSILON)),
  fc.double({ min: 1e-3, max: 1e6, noNaN: true }),
);
/** Round deposits make amounts that lie on lots. */
const deposit = fc.oneof(decimal(100_000, 1), decimal(1_000_000, 100), fc.double({ min: 0.01, max: 1e7, noNaN: true }));

/** The orders in decimals, or the message of the refusal. */
function exactly(input: Omit<GridInput, 'price' | 'deposit'>, at: number, money: number) {
  try {
    const { orders } = ladder(startedAt(gridParameters({ ...input, price: 1, deposit: 1 }), at, money));
    return orders.map((order) => ({ price: order.price.toNumber(), amount: order.amount.toNumber() }));
  } catch (error) {
    if (error instanceof MdtoolError) return error.message;
    throw error;
  }
}

function planned(input: Omit<GridInput, 'price' | 'deposit'>, at: number, money: number) {
  try {
    return createGridPlanner(input).plan(at, money).orders;
  } catch (error) {
    if (error instanceof MdtoolError) return error.message;
    throw error;
  }
}

describe('ladders in doubles', () => {
  it('are those in decimals, to the last digit, or none', () => {
    let answered = 0;
    fc.assert(
      fc.property(settings, price, deposit, (input, at, money) => {
        const expected = exactly(input, at, money);
        const found = createLadderFilter(gridParameters({ ...input, price: 1, deposit: 1 }))(at, money);
        if (found === undefined) return;
        answered++;
        expect(found).toEqual(expected);
      }),
      RUNS,
    );
    // Most of the rest lie on ticks or lots by intent, or are refused.
    expect(answered).toBeGreaterThan(samples(400));
  });

  it('a planner gives what decimals give, refusals as well', () => {
    fc.assert(
      fc.property(settings, fc.oneof(price, fc.constantFrom(0, -1, Number.NaN, 1e300, 5e-324)), deposit, (input, at, money) => {
        expect(planned(input, at, money)).toEqual(exactly(input, at, money));
      }),
      { ...RUNS, numRuns: samples(500) },
    );
  });

  it('shorts, whose orders have to be lowered, are answered for', () => {
    const input = { side: 'short', levels: 8, coverage: '0.2', limits: { tickSize: '0.01', lotSize: '0.001' } } as const;
    const made = ladder(gridParameters({ ...input, price: 123.46, deposit: 1234.567 }));
    expect(made.lowered.size).toBeGreaterThan(0);
    expect(createLadderFilter(gridParameters({ ...input, price: 1, deposit: 1 }))(123.46, 1234.567)).toEqual(
      made.orders.map((order) => ({ price: order.price.toNumber(), amount: order.amount.toNumber() })),
    );
  });

  it('say nothing where an amount lies on a lot, and decimals keep the lot', () => {
    // The amounts are 10 × 3 / (3 × 10) and twice that, the last price is 10 × 0.9.
    const input = { levels: 2, multiplier: '2', leverage: '3', coverage: '0.1', limits: { tickSize: '0.01', lotSize: '0.1' } };
    expect(createLadderFilter(gridParameters({ ...input, price: 1, deposit: 1 }))(10, 10)).toBeUndefined();
    expect(createGridPlanner(input).plan(10, 10).orders).toEqual([
      { price: 10, amount: 1 },
      { price: 9, amount: 2 },
    ]);
  });

  it('say nothing without a tick or a lot, or where decimals refuse', () => {
    const filter = (limits: GridInput['limits']) => createLadderFilter(gridParameters({ price: 1, deposit: 1, limits }));
    expect(filter({ tickSize: '0.01' })(100, 1000.7)).toBeUndefined();
    expect(filter({ lotSize: '0.01' })(100, 1000.7)).toBeUndefined();
    expect(filter({ tickSize: '5', lotSize: '0.01' })(100, 1000.7)).toBeUndefined();
    expect(filter({ tickSize: '0.01', lotSize: '0.01' })(100, -5)).toBeUndefined();
  });
});

describe('take profits in doubles', () => {
  const fills = fc.array(fc.tuple(decimal(2_000_000, 100), decimal(100_000, 1000)), { minLength: 1, maxLength: 25 });

  it('are those in decimals, to the last digit, or none', () => {
    let [answered, asked] = [0, 0];
    fc.assert(
      fc.property(settings, fills, (input, list) => {
        const grid = gridParameters({ ...input, price: 1, deposit: 1 });
        let position = flat(grid.side);
        let [cost, amount] = [0, 0];
        for (const [at, size] of list) {
          position = filled(position, new Exact(at), new Exact(size), grid.makerFee);
          cost += at * size;
          amount += size;
        }
        const found = createTargetFilter(grid)(cost, amount);
        asked++;
        if (Number.isNaN(found)) return;
        answered++;
        expect(found).toBe(takeProfitPrice(position, grid.takeProfit, grid.limits.tickSize).toNumber());
      }),
      RUNS,
    );
    expect(answered).toBeGreaterThan(asked * 0.9);
  });

  it('say nothing where the target lies on a tick, and decimals do not push it off', () => {
    const input = { takeProfit: '0.1', levels: 2, coverage: '0.1', limits: { tickSize: '0.1', lotSize: '0.1' } };
    expect(createTargetFilter(gridParameters({ ...input, price: 1, deposit: 1 }))(3 * 0.7, 0.7)).toBeNaN();
    const grid = createGridPlanner(input).plan(3, 100);
    grid.add(3, 0.7);
    expect(grid.takeProfit()).toBe(3.3);
  });

  it('of a planned grid are those of all it was told of, also after something was taken away', () => {
    const told = fc.array(fc.tuple(fc.boolean(), decimal(20_000, 100), decimal(1000, 100)), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(settings, told, (input, list) => {
        const checked = gridParameters({ ...input, price: 1, deposit: 1 });
        const plan = planned({ ...input, limits: { tickSize: '0.000001', lotSize: '0.000001' } }, 100, 1000);
        if (typeof plan === 'string') return;
        const { limits: _, ...rest } = input;
        const grid = createGridPlanner({ ...rest, limits: { tickSize: '0.01', lotSize: '0.000001' } }).plan(100_000, 1000);
        let [cost, amount] = [new Exact(0), new Exact(0)];
        for (const [takes, at, size] of list) {
          if (takes && amount.gt(size)) {
            grid.remove(size);
            const left = amount.minus(size);
            cost = cost.times(left).div(amount);
            amount = left;
          } else {
            grid.add(at, size);
            cost = cost.plus(new Exact(size).times(at));
            amount = amount.plus(size);
          }
          const position = { ...flat(checked.side), cost, amount };
          expect(grid.takeProfit()).toBe(takeProfitPrice(position, checked.takeProfit, new Exact('0.01')).toNumber());
        }
      }),
      { ...RUNS, numRuns: samples(250) },
    );
  });
});
