import { describe, expect, it } from 'vitest';
import { liquidationPrice } from '../../../src/lib/grid/liquidation.js';
import { gridParameters } from '../../../src/lib/grid/parameters.js';
import { planGrid } from '../../../src/lib/grid/plan.js';
import { filled, flat } from '../../../src/lib/grid/position.js';
import type { MaintenanceTier } from '../../../src/lib/model/maintenance-tier.js';
import { Exact } from '../../../src/lib/model/ticks.js';

function liquidated(side: 'long' | 'short', amount: number, price: number, margin: number, tiers: readonly MaintenanceTier[]) {
  const grid = gridParameters({ price, deposit: 1, tiers });
  const position = filled(flat(side), new Exact(price), new Exact(amount), new Exact(0));
  return liquidationPrice(position, new Exact(margin), grid)?.toNumber();
}

const flatRate = (rate: number): readonly MaintenanceTier[] => [{ rate, deduction: 0 }];

describe('liquidation price', () => {
  it('is the example of Bybit: 1 BTC at 20,000, 50×, 0.5 %, maintenance at the mark price', () => {
    expect(liquidated('long', 1, 20_000, 400, flatRate(0.005))).toBeCloseTo(19_698.49, 2);
    expect(liquidated('short', 1, 20_000, 400, flatRate(0.005))).toBeCloseTo(20_298.51, 2);
  });

  it('is absent where the margin covers a fall to zero, and for nothing held', () => {
    expect(liquidated('long', 1, 100, 100, flatRate(0.005))).toBeUndefined();
    expect(liquidationPrice(flat('long'), new Exact(1), gridParameters({ price: 1, deposit: 1 }))).toBeUndefined();
  });

  // 0.5 % up to 1000, 1 % above. Deduction 5 makes both agree at 1000.
  const PROGRESSIVE: MaintenanceTier[] = [
    { upTo: 1000, rate: 0.005, deduction: 0 },
    { rate: 0.01, deduction: 5 },
  ];
  const STEPWISE: MaintenanceTier[] = [
    { upTo: 1000, rate: 0.005, deduction: 0 },
    { rate: 0.01, deduction: 0 },
  ];

  it('takes rate and deduction of the tier of the notional', () => {
    // Long 20 at 100 = 2000: (2000 − 100 − 5) / (20 × 0.99).
    expect(liquidated('long', 20, 100, 100, PROGRESSIVE)).toBeCloseTo(1895 / 19.8, 12);
    expect(liquidated('long', 20, 100, 100, STEPWISE)).toBeCloseTo(1900 / 19.8, 12);
    // 1000 exactly is still the first tier.
    expect(liquidated('long', 10, 100, 50, STEPWISE)).toBeCloseTo(950 / 9.95, 12);
  });

  it('follows a long down into a tier that weighs more than the formula of the higher one', () => {
    // 11 at 100 = 1100, margin 400: the upper formula gives (1100 − 400 − 5) / 10.89 = 63.82, value 702 in the lower tier,
    // whose own (1100 − 400) / (11 × 0.995) = 63.96 comes first.
    expect(liquidated('long', 11, 100, 400, PROGRESSIVE)).toBeCloseTo(700 / 10.945, 12);
    // Without deductions the lower tier would be kinder; it never relaxes the tier of the notional.
    expect(liquidated('long', 11, 100, 400, STEPWISE)).toBeCloseTo(700 / 10.89, 12);
  });

  it('follows a short up into higher tiers', () => {
    // 9 at 100 = 900, margin 180: the lower formula gives 1080 / 9.045 = 119.4, value 1074 in the upper tier.
    expect(liquidated('short', 9, 100, 180, PROGRESSIVE)).toBeCloseTo(1085 / 9.09, 12);
    expect(liquidated('short', 9, 100, 180, STEPWISE)).toBeCloseTo(1080 / 9.09, 12);
    // Margin 104: (900 + 104) / 9.045 = 111.0003 is just below the edge 1000 / 9 = 111.11, so the edge does not matter.
    expect(liquidated('short', 9, 100, 104, STEPWISE)).toBeCloseTo(1004 / 9.045, 12);
    // Margin 106: 111.22 lies above the edge, the upper rate would have liquidated at 110.67: at the edge itself.
    expect(liquidated('short', 9, 100, 106, STEPWISE)).toBeCloseTo(1000 / 9, 12);
  });

  it('says which levels their tier does not allow', () => {
    const tiers: MaintenanceTier[] = [
      { upTo: 100, rate: 0.01, deduction: 0, maxLeverage: 10 },
      { upTo: 150, rate: 0.02, deduction: 0, maxLeverage: 5 },
    ];
    const { levels } = planGrid({
      price: 10,
      deposit: 20,
      leverage: 10,
      levels: 4,
      coverage: '0.03',
      multiplier: 1,
      tiers,
      limits: { lotSize: 1 },
    });
    // 5 each: 50, 99.5, 148.5, 197.
    expect(levels.map(({ reasons }) => reasons.join('; '))).toEqual([
      '',
      '',
      'leverage above the maximum of its tier',
      'position above the highest tier; leverage above the maximum of its tier',
    ]);
    expect(levels[2]?.explanation).toBe('level 2 at 9.8: a position of 148.5 allows at most 5x, leverage is 10x');
  });
});
