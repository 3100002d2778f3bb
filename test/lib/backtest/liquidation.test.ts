import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MarketData } from '../../../src/lib/backtest/market-data.js';
import type { OrderRequest } from '../../../src/lib/backtest/orders.js';
import { GridStrategy } from '../../../src/lib/backtest/strategies/grid.js';
import { createGridPlanner } from '../../../src/lib/backtest/strategies/grid-planner.js';
import type { Strategy } from '../../../src/lib/backtest/strategy.js';
import type { ExecutionTerms } from '../../../src/lib/backtest/terms.js';
import { DAY, SECOND } from '../../../src/lib/model/time.js';
import { bars, bid, buy, finalEquity, ledger, market, offer, run, script, sell, series, short, T0, ticks } from './support.js';

/** An entry at 100 on the second event, then one price more: as trades, or as candles that open there. */
const jump = (to: number): readonly (readonly [string, MarketData])[] => [
  [
    'trades',
    market(
      ticks([
        [0, 100],
        [1, 100],
        [2, to],
        [3, 100],
      ]),
    ),
  ],
  [
    'candles',
    market(
      bars([
        [100, 100, 100, 100],
        [100, 100, 100, 100],
        [to, to, to, to],
        [100, 100, 100, 100],
      ]),
    ),
  ],
  [
    'a wick',
    market(
      bars([
        [100, 100, 100, 100],
        [100, 100, 100, 100],
        [100, Math.max(100, to), Math.min(100, to), 100],
        [100, 100, 100, 100],
      ]),
    ),
  ],
];

describe('a liquidation is booked at the bankruptcy price', () => {
  // 20 at 100 with 10×: margin 200, so that 10 away from the entry all of it is gone. Entry fee 4.
  const cases: [string, OrderRequest, number, string][] = [
    ['long', buy(20), 90.4, 'sell 20 @ 90 fee 0.00 realised -200.00 liquidation'],
    ['long', buy(20), 70, 'sell 20 @ 90 fee 0.00 realised -200.00 liquidation'],
    ['short', short(20), 109.6, 'buy 20 @ 110 fee 0.00 realised -200.00 liquidation'],
    ['short', short(20), 140, 'buy 20 @ 110 fee 0.00 realised -200.00 liquidation'],
  ];
  for (const [side, order, price, line] of cases)
    it.each(jump(price))(`isolated ${side}, ${price}: %s`, (_, data) => {
      const outcome = run(data, script([order]), { leverage: 10 });
      expect(ledger(outcome)[1]?.replace(/^\S+ /, '')).toBe(line);
      expect([finalEquity(outcome), outcome.account.fees.toFixed(2)]).toEqual(['796.00', '4.00']);
    });

  // In cross margin the whole balance of 992 stands behind 40 at 100 (entry fee 8): gone at 100 ∓ 24.8.
  const cross: [string, OrderRequest, number, string][] = [
    ['long', buy(40), 70, 'sell 40 @ 75.2 fee 0.00 realised -992.00 liquidation'],
    ['short', short(40), 140, 'buy 40 @ 124.8 fee 0.00 realised -992.00 liquidation'],
  ];
  for (const [side, order, price, line] of cross)
    it.each(jump(price))(`cross ${side}: %s`, (_, data) => {
      const outcome = run(data, script([order]), { leverage: 10, marginMode: 'cross' });
      expect(ledger(outcome)[1]?.replace(/^\S+ /, '')).toBe(line);
      expect([finalEquity(outcome), outcome.account.fees.toFixed(2)]).toEqual(['0.00', '8.00']);
    });
});

describe('a liquidation cancels the orders of its position at once', () => {
  const feed = ticks([
    [0, 100],
    [1, 100],
    [3, 90.4],
    [3.2, 88],
    [3.4, 120],
    [9, 100],
  ]);
  const orders = [buy(20), bid(89, 5), { ...short(1), second: 2.8 }, { ...buy(1), second: 2.9 }];

  it('isolated: those of the side, whatever the latency', () => {
    const outcome = run(market(feed), script(orders), { leverage: 10, latency: 500_000 });
    expect(ledger(outcome).map((line) => line.replace(/ fee.* /, ' '))).toEqual([
      '1 buy 20 @ 100 entry',
      '3 sell 20 @ 90 liquidation',
      // The other side keeps its order.
      '3.4 sell 1 @ 120 entry',
    ]);
  });

  it('cross: all', () => {
    const wide = ticks([
      [0, 100],
      [1, 100],
      [3, 70],
      [3.2, 60],
      [3.4, 120],
      [9, 100],
    ]);
    const outcome = run(market(wide), script([buy(40), bid(65, 5), { ...short(1), second: 2.8 }]), {
      leverage: 10,
      latency: 500_000,
      marginMode: 'cross',
    });
    expect(outcome.fills.map(({ reason }) => reason)).toEqual(['entry', 'liquidation']);
  });
});

describe('leverage and the distance to liquidation', () => {
  it.each([
    ['isolated', buy(9), [95, 92, 50]],
    ['cross', buy(9), [95, 92, 50]],
    ['isolated', short(9), [105, 108, 150]],
    ['cross', short(9), [105, 108, 150]],
  ] as const)('include the moments before a liquidation: %s %o', (marginMode, order, [one, two, end]) => {
    const rows = (prices: readonly number[]) => ticks(prices.map((price, second) => [second, price] as const));
    const terms = { deposit: 100, leverage: 10, marginMode } as const;
    const alive = run(market(rows([100, 100, one, two])), script([order]), terms);
    const dead = run(market(rows([100, 100, one, two, end])), script([order]), terms);
    expect(alive.maxLeverage).toBeGreaterThan(25);
    expect(dead.liquidations).toHaveLength(1);
    // At the liquidation price it is greater still.
    expect(dead.maxLeverage).toBeGreaterThan(alive.maxLeverage);
    expect(dead.minDistance).toBe(0);
  });
});

describe('equity', () => {
  const orders = fc.array(
    fc.record({
      isLong: fc.boolean(),
      opens: fc.boolean(),
      amount: fc.integer({ min: 1, max: 200 }),
      second: fc.integer({ min: 0, max: 60 }),
    }),
    { minLength: 1, maxLength: 12 },
  );
  const prices = fc.array(fc.integer({ min: 20, max: 250 }), { minLength: 10, maxLength: 60 });

  it('does not fall below zero, and no fee is negative, whatever the price does', () => {
    let liquidated = 0;
    fc.assert(
      fc.property(
        orders,
        prices,
        fc.constantFrom(1, 3, 10, 50),
        fc.constantFrom('isolated' as const, 'cross' as const),
        fc.boolean(),
        (requests, path, leverage, marginMode, isCandles) => {
          const feed = isCandles
            ? bars(
                path.map((price, index) => [
                  path[index - 1] ?? price,
                  Math.max(price, path[index - 1] ?? price) + 1,
                  Math.min(price, path[index - 1] ?? price) - 1,
                  price,
                ]),
              )
            : ticks(path.map((price, second) => [second, price] as const));
          const placed = requests.map(({ isLong, opens, amount, second }) => ({
            ...({
              kind: 'market',
              position: isLong ? 'long' : 'short',
              side: isLong === opens ? 'buy' : 'sell',
              amount,
              reason: opens ? 'entry' : 'exit',
            } as OrderRequest),
            second: isCandles ? second * 60 : second,
          }));
          const fundings = series([
            [15, 0.05],
            [1200, -0.05],
          ]);
          const outcome = run(market(feed, { fundings }), script(placed), { leverage, marginMode });
          liquidated += outcome.liquidations.length;
          for (const { fee, price } of outcome.fills) expect([fee >= 0, price >= 0]).toEqual([true, true]);
          for (const { equity } of outcome.equity) expect(equity).toBeGreaterThanOrEqual(-1e-6);
          expect(outcome.tracker.relative.size).toBeLessThanOrEqual(1 + 1e-9);
        },
      ),
      { seed: 5, numRuns: 300 },
    );
    expect(liquidated).toBeGreaterThan(50);
  });

  it('pays the entry fee from the margin when nothing else is left: a full position ends at zero', () => {
    // 10 at 100 with 1×: margin 1000, fee 2. Balance 998 is all that it can lose.
    const feed = ticks([
      [0, 100],
      [1, 100],
      [2, 100],
      [3, 1],
    ]);
    const outcome = run(market(feed), script([short(10)]), { leverage: 1, deposit: 1000 });
    expect(finalEquity(outcome)).toBe('1988.00');
    const high = ticks([
      [0, 100],
      [1, 100],
      [2, 500],
    ]);
    const lost = run(market(high), script([short(10)]), { leverage: 1, deposit: 1000 });
    expect([finalEquity(lost), lost.account.fees.toFixed(2)]).toEqual(['0.00', '2.00']);
  });

  it('is valued at the last traded price, not at that of an own limit order', () => {
    // 10 held at 100; trades at 120 fill an offer at 110 by 2 each: the rest is worth 120 all the time.
    const feed = ticks([
      [0, 100],
      [1, 100],
      [2, 120, 2],
      [3, 120, 2],
      [4, 120, 2],
    ]);
    const seen: number[] = [];
    const strategy = script([buy(10), offer(110, 10)]);
    const outcome = run(
      market(feed),
      { ...strategy, filled: (_, broker) => seen.push(broker.price, broker.equity) },
      { takerFee: 0, makerFee: 0 },
    );
    // 1000 + 20 + 8 × 20 = 1180, then 1160, then 1140: it falls by 40 from the peak, at 4 s.
    expect(seen).toEqual([100, 1000, 120, 1180, 120, 1160, 120, 1140]);
    const { absolute } = outcome.tracker;
    expect([absolute.size, absolute.peak, (absolute.from - T0) / 1e6, (absolute.at - T0) / 1e6]).toEqual([40, 1180, 2, 4]);
  });

  it('counts a loss that is closed between two mark prices', () => {
    const feed = ticks([
      [0, 100],
      [1, 100],
      [2, 80],
      [3, 80],
    ]);
    const data = market(feed, {
      marks: series([
        [0, 100],
        [20, 100],
      ]),
    });
    const sold = { kind: 'market', position: 'long', side: 'sell', amount: 5, reason: 'exit', second: 1.5 } as const;
    const outcome = run(data, script([buy(5), sold]), { takerFee: 0 });
    expect(outcome.tracker.absolute.size).toBeCloseTo(100, 9);
  });
});

describe('the drawdown', () => {
  it('in value and in per cent are two, each with its own dates', () => {
    // 10 long: 1000 → 600 is 40 % and 400; then up to 6000 and down by 900, which is 15 %.
    const prices = [100, 100, 60, 600, 510, 700];
    const outcome = run(market(ticks(prices.map((price, second) => [second, price] as const))), script([buy(10)]), {
      takerFee: 0,
      leverage: 1,
    });
    const { relative, absolute } = outcome.tracker;
    const dates = ({ from, at, recoveredAt }: typeof relative) => [from, at, recoveredAt].map((time) => (time - T0) / 1e6);
    expect([relative.size, relative.peak, ...dates(relative)]).toEqual([0.4, 1000, 1, 2, 3]);
    expect([absolute.size, absolute.peak, ...dates(absolute)]).toEqual([900, 6000, 3, 4, 5]);
  });

  const drawdown = (
    path: 'high-first' | 'low-first' | 'worse' | 'better',
    order: OrderRequest,
    terms: Partial<ExecutionTerms> = {},
  ) => {
    const feed = bars([
      [100, 100, 100, 100],
      [100, 100, 100, 100],
      [100, 120, 90, 110],
    ]);
    return run(market(feed), script([order]), { takerFee: 0, ...terms }, { path }).tracker.absolute.size;
  };

  it('follows the extremes of the path through a candle', () => {
    // Long 1. High first: 120 → 90. Low first: 100 → 90, then 120 → 110.
    expect([drawdown('high-first', buy(1)), drawdown('low-first', buy(1))]).toEqual([30, 10]);
    expect([drawdown('worse', buy(1)), drawdown('better', buy(1))]).toEqual([10, 30]);
    // Short 1. High first: 100 → 120. Low first: 90 → 120.
    expect([drawdown('high-first', short(1)), drawdown('low-first', short(1))]).toEqual([20, 30]);
    expect([drawdown('worse', short(1)), drawdown('better', short(1))]).toEqual([20, 30]);
  });
});

describe('funding on candles', () => {
  const feed = bars([
    [100, 100, 100, 100],
    [100, 100, 100, 100],
    [110, 130, 105, 120],
    [120, 120, 120, 120],
  ]);

  it.each([
    ['at the opening', 120],
    ['within its first second', 120.9],
  ])('%s takes the price of the opening and the position before the candle', (_, second) => {
    const fundings = series([[second, 0.01]]);
    // Long 1 from 60 s. Pays 1 % of 110, the opening, not of 100, the close before, nor of 120, its own.
    const held = run(market(feed, { fundings }), script([buy(1)]));
    expect(held.fundings.map(({ amount }) => amount)).toEqual([-1.1]);
    // Bought at that opening: not held before it.
    expect(run(market(feed, { fundings }), script([{ ...buy(1), second: 90 }])).fundings).toEqual([]);
    // Sold at that opening: held before it.
    const sold = { kind: 'market', position: 'long', side: 'sell', amount: 1, reason: 'exit', second: 90 } as const;
    expect(run(market(feed, { fundings }), script([buy(1), sold])).fundings.map(({ amount }) => amount)).toEqual([-1.1]);
    const covered = run(market(feed, { fundings }), script([short(1)]));
    expect(covered.fundings.map(({ amount }) => amount)).toEqual([1.1]);
  });

  it('inside a candle takes the price of the opening and the position after it', () => {
    // 30 s into the candle from 120 s to 180 s; its close of 120 and its path to 130 come later.
    const fundings = series([[150, 0.01]]);
    const charged = (...orders: Parameters<typeof script>[0]) =>
      run(market(feed, { fundings }), script(orders)).fundings.map(({ time, position, amount }) => [
        (time - T0) / SECOND,
        position,
        amount,
      ]);
    expect(charged(buy(1))).toEqual([[150, 'long', -1.1]]);
    expect(charged(short(2))).toEqual([[150, 'short', 2.2]]);
    // Bought at that opening: held 30 s later. Sold at that opening: not held any more.
    expect(charged({ ...buy(1), second: 90 })).toEqual([[150, 'long', -1.1]]);
    expect(charged(buy(1), { ...sell(1), second: 90 })).toEqual([]);
    // A take profit at 128 fills later inside the candle, so the position pays first.
    // 1000 − 0.2 entry − 1.1 + 28 − 0.128 = 1026.572.
    const taken = run(market(feed, { fundings }), script([buy(1), offer(128, 1)]));
    expect(taken.fundings.map(({ amount }) => amount)).toEqual([-1.1]);
    expect(finalEquity(taken)).toBe('1026.57');
  });

  it('inside a candle takes the mark price of that time, unless it is old', () => {
    const charged = (...marks: [number, number][]) =>
      run(market(feed, { fundings: series([[150, 0.01]]), marks: series(marks) }), script([buy(1)])).fundings.map(
        ({ amount }) => amount,
      );
    expect(charged([100, 105], [140, 108], [160, 115])).toEqual([-1.08]);
    expect(charged([10, 105])).toEqual([-1.1]);
  });

  it('charges each settlement of a candle of a day once, at its opening, and none beyond the end of the run', () => {
    // Long 2 from the second day on, opening at 110. At 00:00 nothing is held yet; 08:00 and 16:00 take the opening.
    const days = bars(
      [
        [100, 100, 100, 100],
        [110, 150, 90, 140],
        [140, 140, 140, 140],
      ],
      DAY,
    );
    const hours = (hour: number) => hour * 3600;
    const fundings = series([24, 32, 40, 48].map((hour) => [hours(hour), 0.01]));
    const outcome = run(market(days, { fundings }), script([buy(2)]));
    expect(outcome.fundings.map(({ amount }) => amount.toFixed(2))).toEqual(['-2.20', '-2.20', '-2.80']);
    const halted = run(market(days, { fundings }), script([buy(2)]), {}, { until: T0 + hours(36) * SECOND });
    expect(halted.fundings.map(({ amount }) => amount)).toEqual([-2.2]);
  });
});

describe('grids with a latency', () => {
  const walk = fc.array(fc.tuple(fc.integer({ min: -60, max: 60 }), fc.integer({ min: 0, max: 30 })), {
    minLength: 40,
    maxLength: 120,
  });

  it('leave no order of a liquidated position behind, on either side, margin mode and feed', () => {
    let liquidated = 0;
    fc.assert(
      fc.property(
        walk,
        fc.constantFrom('long' as const, 'short' as const),
        fc.constantFrom('isolated' as const, 'cross' as const),
        fc.constantFrom(0, 500_000, 90_000_000),
        fc.boolean(),
        (steps, side, marginMode, latency, isCandles) => {
          let close = 1000;
          const rows = steps.map(([move, reach]) => {
            const open = close;
            close = Math.max(200, close + move);
            return [open, Math.max(open, close) + reach, Math.min(open, close) - reach, close].map((price) => price / 10);
          });
          const feed = isCandles
            ? bars(rows as unknown as Parameters<typeof bars>[0])
            : ticks(rows.flatMap((row, index) => row.map((price, part) => [index * 4 + part, price] as const)));
          const terms = { leverage: 25, lotSize: 0.001, tickSize: 0.1, marginMode, latency };
          const planner = createGridPlanner({
            ...{ side, levels: 5, coverage: 0.2, multiplier: 1.5, takeProfit: 0.01, leverage: 25 },
            limits: { tickSize: 0.1, lotSize: 0.001 },
          });
          const grid = new GridStrategy({ planner, side, restart: 0 });
          const left: number[] = [];
          const strategy: Strategy = {
            start: (broker) => grid.start(broker),
            woken: (broker) => grid.woken(broker),
            filled: (fill, broker) => {
              if (fill.reason === 'liquidation') left.push(broker.orders.length);
              grid.filled(fill, broker);
            },
          };
          const outcome = run(market(feed), strategy, terms);
          liquidated += outcome.liquidations.length;
          expect(left.every((count) => count === 0)).toBe(true);
          for (const { equity } of outcome.equity) expect(equity).toBeGreaterThanOrEqual(-1e-6);
          for (const { fee } of outcome.fills) expect(fee).toBeGreaterThanOrEqual(0);
          expect(outcome.maxLeverage).toBeGreaterThan(0);
        },
      ),
      { seed: 9, numRuns: 150 },
    );
    expect(liquidated).toBeGreaterThan(50);
  });
});
