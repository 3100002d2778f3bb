import { describe, expect, it } from 'vitest';
import { type GridInput, gridParameters } from '../../../src/lib/grid/parameters.js';
import { holding, planGrid } from '../../../src/lib/grid/plan.js';
import { filled, flat } from '../../../src/lib/grid/position.js';
import { levelRecords, planRecord } from '../../../src/lib/grid/records.js';
import { UsageError } from '../../../src/lib/model/errors.js';
import { decodeRecord, encodeRecord } from '../../../src/lib/model/ndjson.js';
import { Exact } from '../../../src/lib/model/ticks.js';

/** The older bot's example: 10 USDT at 20×, 15 levels over 40 %, ×1.3, at 0.50. */
const EXAMPLE: GridInput = {
  price: '0.5',
  deposit: 10,
  limits: { tickSize: '0.0001', lotSize: '0.1', minNotional: 0 },
  maintenanceRate: '0.005',
};
const AT = 1_795_000_000_000_000;

function records(input: GridInput) {
  const plan = planGrid(input);
  return { plan, levels: levelRecords(plan, { timestamp: AT }), summary: planRecord(plan, { timestamp: AT }) };
}

const column = <Row, Name extends keyof Row>(rows: readonly Row[], name: Name) => rows.map((row) => row[name]);

describe('the example of 15 levels over 40 %, ×1.3, 20×, 10 USDT at 0.50', () => {
  // Worked apart, in 50-digit decimals: price_i = 0.5 − 0.2 × i / 14 cut to 0.0001, amount_i = base × 1.3^i cut to 0.1,
  // base = 200 / (167.286… × 0.5), liquidation = average × 0.95 / 0.995 rounded up.
  const PRICES = [0.5, 0.4857, 0.4714, 0.4571, 0.4428, 0.4285, 0.4142, 0.4, 0.3857, 0.3714, 0.3571, 0.3428, 0.3285, 0.3142, 0.3];
  const AMOUNTS = [2.3, 3.1, 4, 5.2, 6.8, 8.8, 11.5, 15, 19.5, 25.3, 32.9, 42.8, 55.7, 72.4, 94.1];
  const LIQUIDATION = [
    0.4774, 0.4696, 0.4613, 0.4525, 0.443, 0.4332, 0.4228, 0.412, 0.4008, 0.3893, 0.3775, 0.3654, 0.353, 0.3405, 0.3277,
  ];

  it('has the base, prices and amounts of reference sizing', () => {
    const { levels, summary } = records(EXAMPLE);
    expect(summary.multiplierSum).toBeCloseTo(167.28631004696928, 12);
    expect(summary.baseAmount).toBeCloseTo(2.391110186408507, 14);
    expect(column(levels, 'price')).toEqual(PRICES);
    expect(column(levels, 'amount')).toEqual(AMOUNTS);
    expect(summary.committedNotional).toBe(137.07686);
    expect(summary.budgetNotional).toBe(200);
    expect(summary.utilisationPct).toBeCloseTo(68.53843, 12);
  });

  it('commits 137.34 of 200 before rounding, its last level 94.147', () => {
    const { levels, summary } = records({ ...EXAMPLE, limits: {} });
    expect(summary.committedNotional).toBeCloseTo(137.3397, 4);
    expect(levels.at(-1)?.amount).toBeCloseTo(94.147, 3);
    expect(levels.at(-1)?.price).toBe(0.3);
  });

  it('has base 3.482038 and last level 137.101 in full sizing, and no room for fees', () => {
    const rounded = records({ ...EXAMPLE, sizing: 'full' });
    expect(rounded.summary.baseAmount).toBeCloseTo(3.482038301957139, 14);
    expect(rounded.levels.at(-1)?.amount).toBe(137.1);
    expect(rounded.summary.committedNotional).toBe(199.76175);
    const unrounded = records({ ...EXAMPLE, sizing: 'full', limits: {} });
    expect(unrounded.levels.at(-1)?.amount).toBeCloseTo(137.101, 3);
    expect(unrounded.summary.committedNotional).toBe(200);
    expect(unrounded.plan.warnings.join()).toMatch(/no money is left for fees/);
  });

  it('is liquidated before the fourth level in isolated margin, and says why', () => {
    const { plan, levels, summary } = records(EXAMPLE);
    expect(column(levels, 'liquidationPrice')).toEqual(LIQUIDATION);
    expect(levels.slice(0, 3).map(({ status }) => status)).toEqual(['ok', 'ok', 'ok']);
    expect(levels.slice(3).every(({ status }) => status === 'liquidated before')).toBe(true);
    expect(summary.firstUnsafeLevel).toBe(3);
    expect(plan.firstUnsafe?.explanation).toBe(
      'level 3 at 0.4571: liquidated before: levels 0 to 2 are liquidated at 0.4613, at or above this level',
    );
    expect(summary.detail).toMatchObject({ reason: plan.firstUnsafe?.explanation });
  });

  it('has averages, targets, profits, margin and summary to the last digit', () => {
    const { levels, summary } = records(EXAMPLE);
    expect(levels[2]).toMatchObject({
      kind: 'limit',
      side: 'buy',
      notional: 1.8856,
      cumulativeAmount: 9.4,
      takeProfitPrice: 0.4928,
      profit: 0.088755282,
      margin: 0.2270635,
    });
    expect(levels[2]?.averagePrice).toBeCloseTo(0.483113829787, 12);
    expect(levels[2]?.breakEvenPrice).toBeCloseTo(0.483356059935, 12);
    expect(levels[2]?.returnPct).toBeCloseTo(0.88755282, 12);
    expect(levels[0]?.kind).toBe('market');
    expect(levels[0]?.breakEvenPrice).toBeCloseTo(0.500400080016, 12);
    expect(levels[0]?.distanceToNextPct).toBeCloseTo(2.86, 12);
    expect(levels.at(-1)?.distanceToNextPct).toBeUndefined();
    expect(summary.marginRequired).toBe(6.853843);
    expect(summary.worstLoss).toBe(17.25686);
    expect(summary.entryFees).toBe(0.027875372);
    expect(summary.reboundPct).toBeCloseTo(16.7, 12);
  });

  it('survives in NDJSON as it is', () => {
    const { levels, summary } = records(EXAMPLE);
    for (const record of [...levels, summary])
      expect(decodeRecord(encodeRecord(record))).toEqual(JSON.parse(JSON.stringify(record)));
  });
});

describe('plans worked by hand', () => {
  /**
   * Short, 100, four levels up to 130, ×2, full sizing of 300 × 5 = 1500: base = 1500 / (100 + 220 + 480 + 1040) =
   * 0.81521…, cut to 0.81, 1.63, 3.26, 6.52; isolated, 1 % maintenance: liquidation = Σap × 1.2 / (Σa × 1.01) cut to 0.5.
   */
  it('a short', () => {
    const input: GridInput = {
      side: 'short',
      price: 100,
      deposit: 300,
      leverage: 5,
      levels: 4,
      coverage: '0.3',
      multiplier: 2,
      takeProfit: '0.05',
      sizing: 'full',
      maintenanceRate: '0.01',
      makerFee: '0.001',
      takerFee: '0.002',
      limits: { tickSize: '0.5', lotSize: '0.01' },
    };
    const { levels, summary } = records(input);
    expect(column(levels, 'side')).toEqual(['sell', 'sell', 'sell', 'sell']);
    expect(column(levels, 'price')).toEqual([100, 110, 120, 130]);
    expect(column(levels, 'amount')).toEqual([0.81, 1.63, 3.26, 6.52]);
    expect(column(levels, 'takeProfitPrice')).toEqual([95, 101, 108.5, 116.5]);
    expect(column(levels, 'profit')).toEqual([3.81105, 13.27226, 31.69905, 72.46627]);
    expect(column(levels, 'liquidationPrice')).toEqual([118.5, 126.5, 135.5, 145.5]);
    expect(column(levels, 'status')).toEqual(['ok', 'ok', 'ok', 'ok']);
    expect(levels[3]?.breakEvenPrice).toBeCloseTo(122.424212448762, 12);
    expect(summary).toMatchObject({ committedNotional: 1499.1, worstLoss: 89.5, firstUnsafeLevel: undefined });
    expect(summary.reboundPct).toBeCloseTo(10.384615384615385, 12);
    // Cross: M is the deposit less the fees of the fills.
    const cross = records({ ...input, marginMode: 'cross' });
    expect(column(cross.levels, 'liquidationPrice')).toEqual([465.5, 227, 165, 145.5]);
  });

  /** Long, geometric: 1000 × 0.64^(i/2) = 1000, 800, 640; base = 600 / (4.75 × 1000); isolated 3×, 0.4 %, no fees. */
  it('a geometric one', () => {
    const { levels, summary } = records({
      price: 1000,
      deposit: 200,
      leverage: 3,
      levels: 3,
      coverage: '0.36',
      multiplier: '1.5',
      takeProfit: '0.1',
      spacing: 'geometric',
      maintenanceRate: '0.004',
      makerFee: 0,
      takerFee: 0,
      limits: { tickSize: '0.01', lotSize: '0.001' },
    });
    expect(column(levels, 'price')).toEqual([1000, 800, 640]);
    expect(column(levels, 'amount')).toEqual([0.126, 0.189, 0.284]);
    expect(column(levels, 'liquidationPrice')).toEqual([669.35, 589.03, 512.86]);
    expect(column(levels, 'takeProfitPrice')).toEqual([1100, 968, 842.84]);
    expect(column(levels, 'profit')).toEqual([12.6, 27.72, 45.90116]);
    expect(column(levels, 'breakEvenPrice')).toEqual(column(levels, 'averagePrice'));
    expect(column(levels, 'status')).toEqual(['ok', 'ok', 'ok']);
    expect(summary).toMatchObject({ committedNotional: 458.96, worstLoss: 75.6, entryFees: 0 });
  });

  it('a list of distances', () => {
    const { levels, summary } = records({ price: 200, deposit: 100, leverage: 1, distances: ['0.01', '0.025', '0.05'] });
    expect(column(levels, 'price')).toEqual([200, 198, 195, 190]);
    expect(summary).toMatchObject({ levels: 4, coveragePct: 5, spacing: 'list', distancesPct: [1, 2.5, 5] });
    expect(column(levels, 'liquidationPrice')).toEqual([undefined, undefined, undefined, undefined]);
  });

  it('three fills of the older page average 0.468960, take profit 0.478339', () => {
    const grid = gridParameters(EXAMPLE);
    const fills = [
      [0.485714, 2.8],
      [0.471429, 3.64],
      [0.457143, 4.73],
    ] as const;
    const position = fills.reduce(
      (held, [price, amount]) => filled(held, new Exact(price), new Exact(amount), grid.makerFee),
      flat('long'),
    );
    const untouched = holding(position, { ...grid, limits: {} });
    expect(untouched.averagePrice?.toNumber()).toBeCloseTo(0.46896, 6);
    // 0.4783395…: 0.478339 when it is cut, or when the rounded average is multiplied.
    expect(untouched.takeProfitPrice?.toFixed(6)).toBe('0.478339');
  });
});

describe('what an exchange would refuse', () => {
  const BASE: GridInput = {
    price: 100,
    deposit: 100,
    leverage: 2,
    levels: 3,
    coverage: '0.2',
    multiplier: 1,
    maintenanceRate: 0,
  };
  // 200 / (3 × 100) = 0.666… each: 0.66 at 100, 90 and 80.
  const limits = { tickSize: 1, lotSize: '0.01' };

  it.each([
    ['below minimum amount', { minAmount: '0.67' }, [0, 1, 2]],
    ['above maximum amount', { maxAmount: '0.65' }, [0, 1, 2]],
    ['below minimum notional', { minNotional: 59 }, [2]],
    ['outside the price band', { priceBandDown: '0.1' }, [2]],
    ['above the maximum of open orders', { maxOrders: 2 }, [2]],
    ['amount rounds to zero', { lotSize: 1 }, [0, 1, 2]],
  ])('%s', (reason, limit, unsafe) => {
    const { levels, summary } = records({ ...BASE, limits: { ...limits, ...limit } });
    expect(levels.flatMap(({ level, status }) => (status === reason ? [level] : []))).toEqual(unsafe);
    expect(levels.filter(({ status }) => status === 'ok')).toHaveLength(3 - unsafe.length);
    expect(summary.firstUnsafeLevel).toBe(unsafe[0]);
  });

  it('keeps a level of no amount, without figures that it does not have', () => {
    const { levels } = records({ ...BASE, limits: { ...limits, lotSize: 1 } });
    expect(levels[0]).toMatchObject({ amount: 0, notional: 0, averagePrice: undefined, takeProfitPrice: undefined });
  });

  it('takes zero minimums and fees', () => {
    const { levels } = records({ ...BASE, makerFee: 0, takerFee: 0, limits: { ...limits, minAmount: 0, minNotional: 0 } });
    expect(column(levels, 'status')).toEqual(['ok', 'ok', 'ok']);
  });

  it('lowers what goes beyond the budget from the last level on, and says so', () => {
    // A short in reference sizing: 0.66 × (100 + 110 + 120) = 217.8, 17.8 above 200: 0.15 of the last at 120.
    const { plan, levels, summary } = records({ ...BASE, side: 'short', limits });
    expect(column(levels, 'amount')).toEqual([0.66, 0.66, 0.51]);
    expect(summary.committedNotional).toBe(199.8);
    expect(plan.warnings.join()).toMatch(/lowered to stay within deposit × leverage.*level 2 by 0.15 to 0.51/);
  });

  it('warns of a take profit below the fees', () => {
    const { plan } = records({ ...BASE, takeProfit: '0.0005', limits: { lotSize: '0.01' } });
    expect(plan.warnings.join()).toMatch(/take profit of level 0 does not cover the fees/);
  });

  it('sees a cross position that a fill itself liquidates', () => {
    // 10 of deposit hold 1 + 9 of 100 and 99: loss 1 at 99, 9 left, maintenance 1 % of 990.
    const { levels } = records({
      price: 100,
      deposit: 10,
      leverage: 100,
      levels: 2,
      coverage: '0.01',
      multiplier: 9,
      marginMode: 'cross',
      maintenanceRate: '0.01',
      makerFee: 0,
      takerFee: 0,
      limits: { lotSize: 1 },
    });
    expect(column(levels, 'amount')).toEqual([1, 9]);
    expect(column(levels, 'status')).toEqual(['ok', 'liquidated when filled']);
  });
});

describe('absurd input', () => {
  it.each<[string, Partial<GridInput>, RegExp]>([
    ['price 0', { price: 0 }, /^price: expected a number above zero, was 0$/],
    ['negative price', { price: -1 }, /^price/],
    ['no number', { price: 'abc' }, /^price: expected a number above zero, was abc$/],
    ['infinite', { price: 'Infinity' }, /^price/],
    ['hexadecimal', { price: '0x10' }, /^price/],
    ['deposit 0', { deposit: 0 }, /^deposit/],
    ['leverage 0', { leverage: 0 }, /^leverage: expected a number at least 1, was 0$/],
    ['leverage below 1', { leverage: '0.5' }, /^leverage/],
    [
      'leverage above the instrument',
      { leverage: 60, limits: { maxLeverage: 50 } },
      /at most the 50x that the instrument allows, was 60x/,
    ],
    ['coverage 100 %', { coverage: 1 }, /^coverage: expected a number above 0 % and below 100 %, was 100 %$/],
    ['coverage 0', { coverage: 0 }, /^coverage/],
    ['one level', { levels: 1 }, /^levels: expected a whole number from 2 to 500, was 1$/],
    ['half a level', { levels: 2.5 }, /^levels/],
    ['multiplier 0', { multiplier: 0 }, /^multiplier/],
    ['multiplier beyond numbers', { multiplier: 1000, levels: 500 }, /^multiplier/],
    ['take profit 0', { takeProfit: 0 }, /^take profit/],
    ['take profit of a short 100 %', { side: 'short', takeProfit: 1 }, /^take profit/],
    ['maintenance 100 %', { maintenanceRate: 1 }, /^maintenance rate/],
    ['negative fee', { makerFee: '-0.0001' }, /^maker fee/],
    ['tick 0', { limits: { tickSize: 0 } }, /^tick size/],
    ['lot 0', { limits: { lotSize: 0 } }, /^lot size/],
    ['negative minimum', { limits: { minNotional: -5 } }, /^minimum notional/],
    [
      'tick above the step',
      { limits: { tickSize: '0.02' } },
      /^tick size: expected at most 0.014285714, the smallest distance of two levels, was 0.02/,
    ],
    ['minimum above maximum', { limits: { minAmount: 2, maxAmount: 1 } }, /^maximum amount/],
    ['no orders', { limits: { maxOrders: 0 } }, /^maximum orders/],
    ['a list that falls', { distances: ['0.02', '0.01'] }, /^spacing list: expected increasing distances, was 1 % after 2 %$/],
    ['an empty list', { distances: [] }, /^spacing list/],
    ['no tiers', { tiers: [] }, /^maintenance tiers/],
  ])('%s', (_, change, message) => {
    expect(() => planGrid({ ...EXAMPLE, ...change })).toThrow(UsageError);
    expect(() => planGrid({ ...EXAMPLE, ...change })).toThrow(message);
  });
});
