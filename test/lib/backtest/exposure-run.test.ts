import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Account } from '../../../src/lib/backtest/account.js';
import { BAR_BLOCK, TICK_BLOCK } from '../../../src/lib/backtest/block-ranges.js';
import type { Bars } from '../../../src/lib/backtest/market-data.js';
import type { Outcome } from '../../../src/lib/backtest/outcome.js';
import { ExposureStrategy } from '../../../src/lib/backtest/strategies/exposure.js';
import { GridStrategy } from '../../../src/lib/backtest/strategies/grid.js';
import { createGridPlanner } from '../../../src/lib/backtest/strategies/grid-planner.js';
import type { Strategy } from '../../../src/lib/backtest/strategy.js';
import type { ExecutionTerms, Path } from '../../../src/lib/backtest/terms.js';
import { HOUR, SECOND } from '../../../src/lib/model/time.js';
import { seeded } from '../../support/random.js';
import { bars, market, run, series, ticks } from './support.js';

/** The same strategy seen through its callbacks alone, and woken by every candle or trade: nothing can be skipped. */
function watched(strategy: Strategy): Strategy {
  const names = ['start', 'filled', 'refused', 'woken'] as const;
  const callbacks = Object.fromEntries(names.map((name) => [name, strategy[name]?.bind(strategy)]));
  return { ...callbacks, bar: () => {}, trade: () => {} } as Strategy;
}

const keyOf = ({
  fills,
  equity,
  fundings,
  tracker,
  account,
  orders,
  exposed,
  until,
  price,
  maxLeverage,
  minDistance,
}: Outcome) => ({
  fills: fills.map((fill) => ({ ...fill })),
  equity: [...equity],
  fundings: [...fundings],
  tracker: [tracker.peak, tracker.relative, tracker.absolute],
  account: { balance: account.balance, realized: account.realized, fees: account.fees, funding: account.funding },
  orders: { ...orders },
  rest: { exposed, until, price, maxLeverage, minDistance },
});

const walk = fc.array(fc.tuple(fc.integer({ min: -30, max: 30 }), fc.integer({ min: 0, max: 20 })), {
  minLength: 5,
  maxLength: 400,
});

function barsOf(steps: readonly (readonly [number, number])[]): Bars {
  let close = 1000;
  return bars(
    steps.map(([move, reach]) => {
      // Every third candle opens away from the close before it.
      const open = Math.max(300, close + (reach % 3 === 0 ? reach - 9 : 0));
      close = Math.max(300, open + move);
      return [open / 10, (Math.max(open, close) + reach) / 10, (Math.min(open, close) - reach) / 10, close / 10];
    }),
  );
}

const paths = fc.constantFrom<Path>('high-first', 'low-first', 'worse', 'better');

describe('targets known beforehand', () => {
  it('give, without events, what the engine gives with them', () => {
    let fills = 0;
    let fast = 0;
    const targets = fc.array(fc.constantFrom(0, 1, -1, 0.5, -0.5, 3), { minLength: 1, maxLength: 40 });
    const termsArbitrary = fc.constantFrom<Partial<ExecutionTerms>>(
      { leverage: 1 },
      { leverage: 4, lotSize: 0.01, tickSize: 0.1, slippage: 0.001 },
      { leverage: 20, lotSize: 0.001, minNotional: 50 },
      { leverage: 5, marginMode: 'cross' },
    );
    fc.assert(
      fc.property(walk, targets, termsArbitrary, fc.boolean(), paths, (steps, wanted, terms, hasFunding, path) => {
        const feed = barsOf(steps);
        const exposure = Float64Array.from(feed.time, (_, index) => wanted[Math.floor(index / 3) % wanted.length] as number);
        const fundings = hasFunding
          ? series([
              [20, 0.01],
              [90, 0.001],
              [95, 0.003],
              [180, 0.002],
              [220, -0.02],
              [300.7, -0.001],
              [3600, -0.002],
              [3640, 0.005],
              [7200, 0.001],
            ])
          : undefined;
        const data = market(feed, fundings ? { fundings } : {});
        const quick = run(data, new ExposureStrategy(exposure, feed), terms, { sample: HOUR / 4, path });
        const slow = run(data, watched(new ExposureStrategy(exposure, feed)), terms, { sample: HOUR / 4, path });
        expect(keyOf(quick)).toEqual(keyOf(slow));
        fills += quick.fills.length;
        if (!(quick.account instanceof Account)) fast++;
      }),
      { seed: 7, numRuns: 250 },
    );
    expect(fills).toBeGreaterThan(1000);
    // The rest met a rejection, a liquidation or cross margin, which the engine does.
    expect(fast).toBeGreaterThan(40);
  });
});

describe('skipping blocks of prices', () => {
  const gridOf = (coverage: number) =>
    new GridStrategy({
      planner: createGridPlanner({
        levels: 8,
        coverage,
        multiplier: 1.3,
        takeProfit: 0.01,
        leverage: 3,
        limits: { tickSize: 0.01, lotSize: 0.001 },
      }),
      side: 'long',
      restart: 60 * SECOND,
    });

  it.each([1, 2, 3, 4, 5, 6])('changes nothing over trades (seed %i)', (seed) => {
    const random = seeded(seed);
    let price = 10_000;
    const feed = ticks(
      Array.from({ length: 60 * TICK_BLOCK + 17 }, (_, index) => {
        if (random() < 0.3) price += random() < 0.5 - (price - 10_000) * 2e-4 ? 3 : -3;
        return [index * 0.7, price / 100, 1e6] as const;
      }),
    );
    const data = market(feed, {
      fundings: series([
        [1000, 0.0005],
        [5000, -0.0003],
      ]),
    });
    const terms = { leverage: 3, tickSize: 0.01, lotSize: 0.001 };
    const quick = run(data, gridOf(0.03), terms, { sample: HOUR / 2 });
    const slow = run(data, watched(gridOf(0.03)), terms, { sample: HOUR / 2 });
    expect(quick.fills.length).toBeGreaterThan(3);
    expect(keyOf(quick)).toEqual(keyOf(slow));
  });

  it.each([
    [1, 'high-first'],
    [2, 'low-first'],
    [3, 'worse'],
    [4, 'better'],
  ] as const)('changes nothing over candles (seed %i, %s)', (seed, path) => {
    const random = seeded(seed);
    let close = 10_000;
    const feed = bars(
      Array.from({ length: 300 * BAR_BLOCK + 3 }, () => {
        const open = close;
        close += Math.round((random() - 0.5 - (close - 10_000) * 1e-4) * 12);
        return [open / 100, (Math.max(open, close) + 2) / 100, (Math.min(open, close) - 2) / 100, close / 100, 1e6] as const;
      }),
    );
    const terms = { leverage: 3, tickSize: 0.01, lotSize: 0.001 };
    const quick = run(market(feed), gridOf(0.03), terms, { sample: HOUR, path });
    const slow = run(market(feed), watched(gridOf(0.03)), terms, { sample: HOUR, path });
    expect(quick.fills.length).toBeGreaterThan(3);
    expect(keyOf(quick)).toEqual(keyOf(slow));
  });
});
