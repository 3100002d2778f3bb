import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EquityTracker, type PositionValue } from '../../../src/lib/backtest/equity-tracker.js';
import { QuietRange } from '../../../src/lib/backtest/quiet-range.js';
import { ticks } from './support.js';

const feed = ticks([[0, 100, 1]]);

const price = fc.double({ min: 1, max: 300, noNaN: true });
const amount = fc.oneof(fc.constant(0), fc.double({ min: 0.001, max: 30, noNaN: true }));

/** Long and short amounts entered at 100 with a balance of 1000; a liquidation price on the side that is the greater. */
const positions = fc
  .tuple(amount, amount, fc.double({ min: 0.01, max: 0.9, noNaN: true }))
  .map(([long, short, away]): PositionValue => {
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

function passing(
  { peak, low, prices, isSettled, isHedged }: Past,
  later: readonly number[],
  position: PositionValue,
): EquityTracker {
  const tracker = new EquityTracker(1000, feed);
  tracker.addEquity(peak, 1);
  tracker.addEquity(low, 2);
  const take = (price: number, index: number) => {
    tracker.addEquity(position.base + position.net * price, index + 3);
    tracker.extendRange(price);
  };
  // A hedge has a leverage, but no liquidation that it comes near to.
  if (isHedged)
    tracker.restartRange(100, { ...position, base: 1000, net: 0, gross: 1e4, liquidationBelow: NaN, liquidationAbove: NaN });
  tracker.restartRange(100, position);
  prices.forEach(take);
  if (isSettled) {
    tracker.measureRange(position);
    tracker.restartRange(100, position);
  }
  later.forEach(take);
  return tracker;
}

/** All that a gauge knows once the stretch is over. */
function settled(tracker: EquityTracker, position: PositionValue): number[] {
  tracker.measureRange(position);
  const { peak, relative, absolute, maxLeverage, minDistance } = tracker;
  return [peak, ...Object.values(relative), ...Object.values(absolute), maxLeverage, minDistance];
}

describe('prices that stay calm', () => {
  it('tell a gauge nothing', () => {
    let inside = 0;
    fc.assert(
      fc.property(positions, pasts, fc.array(price, { minLength: 30, maxLength: 60 }), (position, past, prices) => {
        const quiet = new QuietRange();
        quiet.update(2, 290, position, passing(past, [], position));
        const inRange = prices.filter((price) => price > quiet.low && price < quiet.high);
        inside += inRange.length;
        expect(inRange.every((price) => price > 2 && price < 290)).toBe(true);
        expect(settled(passing(past, inRange, position), position)).toEqual(settled(passing(past, [], position), position));
      }),
      { seed: 3, numRuns: 2000 },
    );
    expect(inside).toBeGreaterThan(10_000);
  });

  it('are all between the bounds with nothing held', () => {
    const quiet = new QuietRange();
    quiet.setBounds(10, 20);
    expect([quiet.low, quiet.high]).toEqual([10, 20]);
  });
});

describe('the deepest fall', () => {
  it('is the first of equally deep ones', () => {
    const tracker = new EquityTracker(1000, feed);
    for (const [time, equity] of [1200, 900, 1100, 900, 950].entries()) tracker.addEquity(equity, time + 1);
    expect(tracker.relative).toEqual({ size: 0.25, peak: 1200, from: 1, at: 2, recoveredAt: 0 });
    expect(tracker.absolute).toEqual({ size: 300, peak: 1200, from: 1, at: 2, recoveredAt: 0 });
  });
});
