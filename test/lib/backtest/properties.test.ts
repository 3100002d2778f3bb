import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { liquidationPrice } from '../../../src/lib/backtest/liquidation.js';
import { type Bars, between, type MarketData, TAKER, type Ticks } from '../../../src/lib/backtest/market-data.js';
import { Matching } from '../../../src/lib/backtest/matching.js';
import type { Outcome } from '../../../src/lib/backtest/outcome.js';
import { GridStrategy } from '../../../src/lib/backtest/strategies/grid.js';
import { createGridPlanner } from '../../../src/lib/backtest/strategies/grid-planner.js';
import { type Signal, SignalStrategy } from '../../../src/lib/backtest/strategies/signals.js';
import type { Strategy } from '../../../src/lib/backtest/strategy.js';
import { CandleColumns } from '../../../src/lib/backtest/study/candle-columns.js';
import type { ExecutionTerms } from '../../../src/lib/backtest/terms.js';
import { CandleAggregator } from '../../../src/lib/candles/aggregator.js';
import { liquidationPrice as exactLiquidationPrice } from '../../../src/lib/grid/liquidation.js';
import { gridParameters } from '../../../src/lib/grid/parameters.js';
import { parseInterval } from '../../../src/lib/model/interval.js';
import type { Candle } from '../../../src/lib/model/records.js';
import { Exact } from '../../../src/lib/model/ticks.js';
import { SECOND } from '../../../src/lib/model/time.js';
import { samples } from '../../support/samples.js';
import { bars, market, run, series, T0, ticks } from './support.js';

const SEED = { seed: 20_261_121, numRuns: 120 };

/** A walk of trades: steps in ticks of 0.1 around 100, times between 0.2 and 3 s, amounts of 0 to 9 units. */
const walk = (most = 25, length = 150) =>
  fc.array(fc.tuple(fc.integer({ min: -most, max: most }), fc.integer({ min: 2, max: 30 }), fc.integer({ min: 1, max: 90 })), {
    minLength: 20,
    maxLength: length,
  });

function ticksOf(steps: readonly (readonly [number, number, number])[]): Ticks {
  let [second, price] = [0, 1000];
  return ticks(
    steps.map(([move, wait, amount], index) => {
      second += wait / 10;
      price = Math.max(500, price + move);
      return [second, price / 10, amount / 10, index % 2 === 0 ? 'buy' : 'sell'];
    }),
  );
}

const candleWalk = fc.array(
  fc.tuple(
    fc.integer({ min: -20, max: 20 }),
    fc.integer({ min: 0, max: 15 }),
    fc.integer({ min: 0, max: 15 }),
    fc.integer({ min: -20, max: 20 }),
  ),
  { minLength: 20, maxLength: 120 },
);

function barsOf(steps: readonly (readonly [number, number, number, number])[]): Bars {
  let close = 1000;
  return bars(
    steps.map(([jump, up, down, move]) => {
      const open = Math.max(400, close + Math.trunc(jump / 5));
      close = Math.max(400, open + move);
      return [open / 10, (Math.max(open, close) + up) / 10, (Math.min(open, close) - down) / 10, close / 10];
    }),
  );
}

const signalList = fc
  .array(
    fc.record({
      second: fc.integer({ min: 0, max: 240 }),
      isLong: fc.boolean(),
      stop: fc.integer({ min: 5, max: 30 }),
      target: fc.integer({ min: 5, max: 40 }),
      trail: fc.constantFrom(0, 0.004, 0.01),
      timeout: fc.integer({ min: 5, max: 120 }),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .map((list) =>
    list.map(({ second, isLong, stop, target, trail, timeout }): Signal => {
      const sign = isLong ? 1 : -1;
      return {
        knownTimestamp: T0 + second * 15 * SECOND,
        side: isLong ? 'buy' : 'sell',
        stop: 100 - (sign * stop) / 10,
        takeProfit: 100 + (sign * target) / 10,
        trailingDistance: trail,
        trailingArm: 100 + (sign * target * 0.6) / 10,
        timeoutSeconds: timeout * 15,
      };
    }),
  );

const LIMITS = { tickSize: 0.1, lotSize: 0.01 };

const gridOf = (coverage: number, side: 'long' | 'short' = 'long'): Strategy =>
  new GridStrategy({
    planner: createGridPlanner({ side, levels: 6, coverage, multiplier: 1.4, takeProfit: 0.005, leverage: 5, limits: LIMITS }),
    side,
    restart: 2 * SECOND,
  });

const signalsOf = (signals: readonly Signal[]): Strategy => new SignalStrategy({ signals, notional: 400, tickSize: 0.1 });

/** Deposit, realised, unrealised, fees and funding from the fills alone, by average cost. */
function recount({ fills, fundings }: Outcome, price: number, deposit: number): number {
  const held = { long: { amount: 0, average: 0 }, short: { amount: 0, average: 0 } };
  let money = deposit;
  for (const fill of fills) {
    const side = held[fill.position];
    const sign = fill.position === 'long' ? 1 : -1;
    if (fill.opens) {
      side.average = (side.average * side.amount + fill.price * fill.amount) / (side.amount + fill.amount);
      side.amount += fill.amount;
    } else {
      money += sign * (fill.price - side.average) * fill.amount;
      side.amount -= fill.amount;
    }
    money -= fill.fee;
  }
  const funding = fundings.reduce((sum, { amount }) => sum + amount, 0);
  const open = held.long.amount * (price - held.long.average) - held.short.amount * (price - held.short.average);
  return money + funding + (Math.abs(held.long.amount) + Math.abs(held.short.amount) < 1e-9 ? 0 : open);
}

const terms: Partial<ExecutionTerms> = { leverage: 5, ...LIMITS };
const keyOf = ({ fills }: Outcome) =>
  fills.map(({ time, side, position, price, amount, reason }) => `${time} ${side} ${position} ${amount} @ ${price} ${reason}`);

describe('properties on trades', () => {
  it('equity is deposit + realised + unrealised − fees + funding', () => {
    const fundings = series([
      [20, 0.001],
      [60, -0.002],
      [100, 0.003],
    ]);
    fc.assert(
      fc.property(
        walk(),
        fc.constantFrom('through', 'touch'),
        fc.double({ min: 0.02, max: 0.3, noNaN: true }),
        (steps, fill, coverage) => {
          const data = market(ticksOf(steps), { fundings });
          for (const side of ['long', 'short'] as const) {
            const outcome = run(data, gridOf(coverage, side), { ...terms, fill, slippage: 0.0005 });
            const { account } = outcome;
            const last = outcome.equity.at(-1)?.equity ?? Number.NaN;
            expect(last).toBeCloseTo(recount(outcome, outcome.price, 1000), 6);
            expect(account.balance).toBeCloseTo(1000 + account.realized - account.fees + account.funding, 8);
          }
        },
      ),
      SEED,
    );
  });

  it('no fill lies outside what was traded between the two trades around it', () => {
    fc.assert(
      fc.property(walk(), signalList, fc.boolean(), (steps, signals, isGrid) => {
        const feed = ticksOf(steps);
        const { fills } = run(market(feed), isGrid ? gridOf(0.1) : signalsOf(signals), terms);
        for (const { time, price } of fills) {
          const index = feed.time.indexOf(time);
          const around = [feed.price[index] as number, feed.price[Math.max(0, index - 1)] as number];
          expect(price).toBeGreaterThanOrEqual(Math.min(...feed.price));
          expect(price).toBeLessThanOrEqual(Math.max(...feed.price));
          // A partly filled order may rest behind the market: it is still a price that was traded before.
          if (fills.length === 1) expect(Math.min(...around) <= price && price <= Math.max(...around)).toBe(true);
        }
      }),
      SEED,
    );
  });

  it('limit orders fill at no more than was traded', () => {
    fc.assert(
      fc.property(walk(), (steps) => {
        const feed = ticksOf(steps);
        const { fills } = run(market(feed), gridOf(0.1), terms);
        const made = new Map<number, number>();
        for (const fill of fills) if (fill.maker) made.set(fill.time, (made.get(fill.time) ?? 0) + fill.amount);
        for (const [time, amount] of made)
          expect(amount).toBeLessThanOrEqual((feed.amount[feed.time.indexOf(time)] as number) + 1e-9);
      }),
      SEED,
    );
  });

  it('what comes later never changes an earlier fill', () => {
    fc.assert(
      fc.property(
        walk(),
        signalList,
        fc.boolean(),
        fc.double({ min: 0.1, max: 0.9, noNaN: true }),
        (steps, signals, isGrid, share) => {
          const data = market(ticksOf(steps), {
            fundings: series([[30, 0.001]]),
            marks: series([
              [10, 100],
              [50, 99],
            ]),
          });
          const strategy = () => (isGrid ? gridOf(0.1) : signalsOf(signals));
          const cut = (data.feed.time.at(-1) as number) * share + T0 * (1 - share);
          const whole = keyOf(run(data, strategy(), terms));
          const part = keyOf(run(between(data, 0, cut), strategy(), terms));
          expect(part).toEqual(whole.slice(0, part.length));
          expect(whole.filter((line) => Number(line.split(' ')[0]) < cut)).toHaveLength(part.length);
        },
      ),
      SEED,
    );
  });

  it('a trade at a time, or skipping from bound to bound: the same outcome', () => {
    const watched = (strategy: Strategy): Strategy => Object.assign(Object.create(strategy), { trade: () => {} });
    fc.assert(
      fc.property(walk(), signalList, fc.boolean(), (steps, signals, isGrid) => {
        const data = market(ticksOf(steps), { fundings: series([[30, 0.001]]) });
        const strategy = () => (isGrid ? gridOf(0.1) : signalsOf(signals));
        const bound = <S extends Strategy>(made: S): Strategy => {
          const names = ['start', 'filled', 'refused', 'woken'] as const;
          return Object.fromEntries(names.map((name) => [name, made[name]?.bind(made)])) as Strategy;
        };
        const skipping = run(data, strategy(), terms, { sample: 10 * SECOND });
        const looking = run(data, watched(bound(strategy())), terms, { sample: 10 * SECOND });
        expect(keyOf(looking)).toEqual(keyOf(skipping));
        expect(looking.equity.map(({ equity }) => equity)).toEqual(skipping.equity.map(({ equity }) => equity));
        const { tracker, maxLeverage, minDistance } = skipping;
        expect([looking.tracker.relative, looking.tracker.absolute]).toEqual([tracker.relative, tracker.absolute]);
        expect(looking.maxLeverage).toBeCloseTo(maxLeverage, 12);
        if (Number.isFinite(minDistance)) expect(looking.minDistance).toBeCloseTo(minDistance, 12);
      }),
      SEED,
    );
  });
});

/** A candle of a second per second that traded, by the aggregator that makes all candles. */
function secondsOf(feed: Ticks): Bars {
  const aggregator = new CandleAggregator({
    intervals: [parseInterval('1s')],
    open: 'first-trade',
    empty: 'skip',
    grace: 0,
    source: 'trades',
    amountUnit: () => 'base',
  });
  const columns = new CandleColumns();
  const take = (records: Iterable<{ type: string }>) => {
    for (const record of records) if (record.type === 'candle') columns.add({ ...(record as Candle), closed: true });
  };
  for (const [index, timestamp] of feed.time.entries()) {
    const [price, amount] = [feed.price[index] as number, feed.amount[index] as number];
    const side = feed.taker[index] === TAKER.buy ? ('buy' as const) : ('sell' as const);
    const place = { exchange: 'bybit', market: 'linear', symbol: 'TESTUSDT' } as const;
    take(aggregator.add({ type: 'trade', ...place, timestamp, id: String(index), price, amount, side }));
  }
  take(aggregator.finish());
  return columns.finish('1s');
}

describe('bounds', () => {
  it('hide nothing: looking for orders and liquidations at every price gives the same outcome', () => {
    const paths = ['high-first', 'low-first', 'worse', 'better'] as const;
    const numbers = ({ orders, undecided, exposed, maxLeverage, minDistance, liquidations, equity }: Outcome) => [
      { orders, undecided, exposed, maxLeverage, minDistance, liquidations, equity },
    ];
    fc.assert(
      fc.property(
        candleWalk,
        signalList,
        fc.boolean(),
        fc.constantFrom(...paths),
        fc.constantFrom(1, 5, 60),
        fc.constantFrom('isolated', 'cross'),
        (steps, signals, isGrid, path, leverage, marginMode) => {
          const outcome = () =>
            run(market(barsOf(steps)), isGrid ? gridOf(0.15) : signalsOf(signals), { ...terms, leverage, marginMode }, { path });
          const bounded = outcome();
          const reaches = vi.spyOn(Matching.prototype, 'reaches').mockReturnValue(true);
          const looking = outcome();
          reaches.mockRestore();
          expect(looking.fills).toEqual(bounded.fills);
          expect(numbers(looking)).toEqual(numbers(bounded));
        },
      ),
      { ...SEED, numRuns: samples(200) },
    );
  });
});

describe('properties on candles', () => {
  const both = (data: MarketData, strategy: () => Strategy, paths = ['high-first', 'low-first'] as const) =>
    paths.map((path) => run(data, strategy(), terms, { path })) as [Outcome, Outcome];

  it('without an undecided candle both paths give the same fills', () => {
    let decided = 0;
    fc.assert(
      fc.property(candleWalk, signalList, fc.boolean(), (steps, signals, isGrid) => {
        const [high, low] = both(market(barsOf(steps)), () => (isGrid ? gridOf(0.15) : signalsOf(signals)));
        if (high.undecided === 0 || low.undecided === 0) {
          decided++;
          expect(keyOf(low)).toEqual(keyOf(high));
        }
      }),
      { ...SEED, numRuns: samples(200) },
    );
    expect(decided).toBeGreaterThan(60);
  });

  it('the worse path of signals never beats the better one', () => {
    let differing = 0;
    fc.assert(
      fc.property(candleWalk, signalList, (steps, signals) => {
        const runs = (['worse', 'better'] as const).map((path) =>
          run(market(barsOf(steps)), signalsOf(signals), { ...terms, deposit: 1e6 }, { path }),
        );
        const [worse, better] = runs.map(({ equity }) => equity.at(-1)?.equity ?? Number.NaN) as [number, number];
        if (worse !== better) differing++;
        expect(worse).toBeLessThanOrEqual(better + 1e-9);
      }),
      { ...SEED, numRuns: samples(200) },
    );
    expect(differing).toBeGreaterThan(10);
  });

  it('trades and their candles of a second give the same ledger where nothing is undecided', () => {
    let compared = 0;
    const fine = (outcome: Outcome) =>
      outcome.fills.map(
        ({ time, side, position, price, amount, reason }) =>
          `${Math.floor(time / SECOND)} ${side} ${position} ${amount} @ ${price} ${reason}`,
      );
    fc.assert(
      fc.property(walk(1, 400), signalList, fc.boolean(), (steps, signals, isGrid) => {
        // Amounts far above ours: a candle does not tell which of its trades went through a price.
        const feed = ticksOf(steps.map(([move, wait]) => [move, wait, 1_000_000]));
        const early = signals.map((signal) => ({
          ...signal,
          knownTimestamp: T0 + (signal.knownTimestamp - T0) / 15,
          trailingDistance: 0,
        }));
        const longWait = () =>
          new GridStrategy({
            planner: createGridPlanner({
              levels: 6,
              coverage: 0.02,
              multiplier: 1.4,
              takeProfit: 0.002,
              leverage: 5,
              limits: LIMITS,
            }),
            side: 'long',
            restart: 3600 * SECOND,
          });
        const strategy = () => (isGrid ? longWait() : signalsOf(early));
        // Both see their first event in the first second, and enter at the first trade of a later one.
        if (isGrid && Math.floor((feed.time[0] as number) / SECOND) === Math.floor((feed.time[1] as number) / SECOND)) return;
        const candles = run(market(secondsOf(feed)), strategy(), terms);
        if (candles.undecided > 0) return;
        if (candles.fills.length > 0) compared++;
        expect(fine(run(market(feed), strategy(), terms))).toEqual(fine(candles));
      }),
      { ...SEED, numRuns: 200 },
    );
    expect(compared).toBeGreaterThan(30);
  });
});

describe('liquidation', () => {
  it('is that of a grid plan, with and without tiers, on both sides', () => {
    const amount = fc.double({ min: 0.01, max: 5000, noNaN: true });
    const tiers = [
      { upTo: 20_000, rate: 0.005, deduction: 0 },
      { upTo: 100_000, rate: 0.01, deduction: 100 },
      { rate: 0.05, deduction: 4100 },
    ];
    fc.assert(
      fc.property(
        amount,
        fc.double({ min: 1, max: 400, noNaN: true }),
        fc.integer({ min: 2, max: 50 }),
        fc.boolean(),
        fc.boolean(),
        (held, price, leverage, long, isTiered) => {
          const used = isTiered ? tiers : [{ rate: 0.005, deduction: 0 }];
          const grid = gridParameters({ price: 100, deposit: 100, side: long ? 'long' : 'short', tiers: used });
          const position = { side: grid.side, amount: new Exact(held), cost: new Exact(held).times(price), fees: new Exact(0) };
          const exact = exactLiquidationPrice(position, position.cost.div(leverage), grid);
          const cost = held * price;
          const ours = liquidationPrice(long, { amount: held, cost }, cost / leverage, { tiers: used, spot: false });
          if (exact === undefined) expect(ours).toBeNaN();
          else expect(ours / exact.toNumber()).toBeCloseTo(1, 9);
        },
      ),
      { ...SEED, numRuns: samples(250) },
    );
  });
});
