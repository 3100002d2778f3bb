import { describe, expect, it } from 'vitest';
import { metricsOf } from '../../../src/lib/backtest/metrics.js';
import { buildTerms } from '../../../src/lib/backtest/terms.js';
import { roundTrips } from '../../../src/lib/backtest/trades.js';
import { runWarnings } from '../../../src/lib/backtest/warnings.js';
import { bars, buy, cover, market, run, script, sell, short, T0, ticks } from './support.js';

const TERMS = buildTerms({ deposit: 1000, makerFee: 0.001, takerFee: 0.002 });
const RISE = ticks([
  [0, 100],
  [1, 101],
  [2, 103],
  [3, 105],
  [4, 110],
]);

function judged(outcome: ReturnType<typeof run>, deposit = 1000) {
  const trips = roundTrips(outcome.fills, outcome.fundings);
  return { trips, metrics: metricsOf(outcome, { trips, deposit, period: 3_600_000_000, figures: {} }) };
}

describe('trades', () => {
  it('have the mean prices of their entries and of their exits, and what is left after fees', () => {
    // Bought 2 at 101 and 1 at 103: mean 305 / 3; sold 3 at 110. Fees: 0.2 % of 202, 103 and 330.
    const outcome = run(market(RISE), script([buy(2), { ...buy(1), second: 1.5 }, { ...sell(3), second: 3.5 }]));
    const [trip, ...others] = judged(outcome).trips;
    expect(others).toEqual([]);
    expect(trip).toMatchObject({ position: 'long', from: T0 + 1_000_000, until: T0 + 4_000_000, fills: 3, amount: 3, exit: 110 });
    expect(trip?.entry).toBeCloseTo(305 / 3, 12);
    expect(trip?.net).toBeCloseTo(330 - 305 - 0.002 * 635, 9);
  });

  it('of a short are entered high and left low', () => {
    const falling = ticks([
      [0, 101],
      [1, 100],
      [2, 95],
      [3, 90],
    ]);
    const outcome = run(market(falling), script([short(3), { ...cover(3), second: 2.5 }]));
    expect(judged(outcome).trips).toMatchObject([{ position: 'short', entry: 100, exit: 90, amount: 3 }]);
  });
});

describe('buy and hold', () => {
  it('is the way of the price from the first trade to the last, whatever the strategy does', () => {
    expect(judged(run(market(RISE), script([short(1)]))).metrics.buy_and_hold_pct).toBeCloseTo(10, 12);
  });

  it('begins at the opening of the first candle', () => {
    const feed = bars([
      [200, 240, 190, 220],
      [220, 230, 100, 150],
    ]);
    expect(judged(run(market(feed), script([]))).metrics.buy_and_hold_pct).toBeCloseTo(-25, 12);
  });
});

describe('doubts', () => {
  const found = (profit: number) => {
    const outcome = run(market(RISE), script([buy(1), { ...sell(1), second: 3.5 }]));
    const { metrics } = judged(outcome);
    return runWarnings(outcome, { ...metrics, net_profit: profit, win_rate_pct: 100 }, TERMS);
  };

  it('call a gain of nothing but winners too good to be true, never a loss', () => {
    expect(found(5).join()).toContain('too good to be true: win_rate_pct 100');
    expect(found(-5).join()).not.toContain('too good');
  });
});
