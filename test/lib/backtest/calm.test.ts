import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Calm } from '../../../src/lib/backtest/calm.js';
import { Gauge, type Stake } from '../../../src/lib/backtest/gauge.js';
import { ticks } from './support.js';

const feed = ticks([[0, 100, 1]]);

const price = fc.double({ min: 1, max: 300, noNaN: true });
const amount = fc.oneof(fc.constant(0), fc.double({ min: 0.001, max: 30, noNaN: true }));

/** Long and short amounts entered at 100 with a balance of 1000; a liquidation price on the side that is the greater. */
const stakes = fc.tuple(amount, amount, fc.double({ min: 0.01, max: 0.9, noNaN: true })).map(([long, short, away]): Stake => {
  const net = long - short;
  return {
    base: 1000 - long * 100 + short * 100,
    net,
    gross: long + short,
    liquidationBelow: net > 0 ? 100 * (1 - away) : Number.NaN,
    liquidationAbove: net < 0 ? 100 * (1 + away) : Number.NaN,
  };
});

type Past = {
  readonly peak: number;
  readonly low: number;
  readonly prices: readonly number[];
  readonly isSettled: boolean;
  readonly isHedged: boolean;
};

/** What came before: a peak and a fall, perhaps a hedge, then a stretch whose extremes have been taken into account already, or not yet. */
const pasts = fc.record({
  peak: fc.double({ min: 1000, max: 9000, noNaN: true }),
  low: fc.double({ min: 1, max: 999, noNaN: true }),
  prices: fc.array(price, { minLength: 1, maxLength: 5 }),
  isSettled: fc.boolean(),
  isHedged: fc.boolean(),
});

function passing({ peak, low, prices, isSettled, isHedged }: Past, later: readonly number[], stake: Stake): Gauge {
  const gauge = new Gauge(1000, feed);
  gauge.note(peak, 1);
  gauge.note(low, 2);
  const take = (price: number, index: number) => {
    gauge.note(stake.base + stake.net * price, index + 3);
    gauge.extend(price);
  };
  // A hedge has a leverage, but no liquidation that it comes near to.
  if (isHedged) gauge.restart(100, { ...stake, base: 1000, net: 0, gross: 1e4, liquidationBelow: NaN, liquidationAbove: NaN });
  gauge.restart(100, stake);
  prices.forEach(take);
  if (isSettled) {
    gauge.settle(stake);
    gauge.restart(100, stake);
  }
  later.forEach(take);
  return gauge;
}

/** All that a gauge knows once the stretch is over. */
function settled(gauge: Gauge, stake: Stake): number[] {
  gauge.settle(stake);
  const { peak, worst, worstAt, worstFrom, recoveredAt, maxLeverage, leastDistance } = gauge;
  return [peak, worst, worstAt, worstFrom, recoveredAt, maxLeverage, leastDistance];
}

describe('prices that stay calm', () => {
  it('tell a gauge nothing', () => {
    let inside = 0;
    fc.assert(
      fc.property(stakes, pasts, fc.array(price, { minLength: 30, maxLength: 60 }), (stake, past, prices) => {
        const calm = new Calm();
        calm.find(2, 290, stake, passing(past, [], stake));
        const quiet = prices.filter((price) => price > calm.low && price < calm.high);
        inside += quiet.length;
        expect(quiet.every((price) => price > 2 && price < 290)).toBe(true);
        expect(settled(passing(past, quiet, stake), stake)).toEqual(settled(passing(past, [], stake), stake));
      }),
      { seed: 3, numRuns: 2000 },
    );
    expect(inside).toBeGreaterThan(10_000);
  });

  it('are all between the bounds with nothing held', () => {
    const calm = new Calm();
    calm.within(10, 20);
    expect([calm.low, calm.high]).toEqual([10, 20]);
  });
});

describe('the deepest fall', () => {
  it('is the first of equally deep ones', () => {
    const gauge = new Gauge(1000, feed);
    for (const [time, equity] of [1200, 900, 1100, 900, 950].entries()) gauge.note(equity, time + 1);
    expect([gauge.worst, gauge.worstPeak, gauge.worstFrom, gauge.worstAt, gauge.recoveredAt]).toEqual([0.25, 1200, 1, 2, 0]);
  });
});
