import { describe, expect, it } from 'vitest';
import { ExposureStrategy } from '../../../src/lib/backtest/strategies/exposure.js';
import { GridStrategy } from '../../../src/lib/backtest/strategies/grid.js';
import { createGridPlanner, type GridSettings } from '../../../src/lib/backtest/strategies/grid-planner.js';
import { type Signal, SignalStrategy } from '../../../src/lib/backtest/strategies/signals.js';
import { SECOND } from '../../../src/lib/model/time.js';
import { bars, finalEquity, ledger, market, run, T0, type TickRow, ticks } from './support.js';

function signal(second: number, more: Partial<Signal> = {}): Signal {
  return {
    knownTimestamp: T0 + second * SECOND,
    side: 'buy',
    stop: 98,
    takeProfit: 104,
    trailingDistance: 0.01,
    trailingArm: 102,
    timeoutSeconds: 600,
    ...more,
  };
}

const signals = (...given: Signal[]) => new SignalStrategy({ signals: given, notional: 500 });

describe('ledgers by hand: signals', () => {
  it('19: enters when the signal is known and takes its profit as a maker', () => {
    // Known at 2 s, last price 100: 5 units, filled at the next trade, 100.5: fee 1.005. Target 104: through at 104.5, fee 0.52.
    // 5 × 3.5 = 17.5. 1000 + 17.5 − 1.525 = 1015.975. The trade at 103.9 armed the trailing stop, 102.861, never reached.
    const feed = ticks([
      [0, 101],
      [1, 100],
      [2.5, 100.5],
      [3, 103.9],
      [4, 104.5],
      [5, 90],
    ]);
    const outcome = run(market(feed), signals(signal(2)));
    expect(ledger(outcome)).toEqual([
      '2.5 buy 5 @ 100.5 fee 1.01 realised 0.00 entry',
      '4 sell 5 @ 104 fee 0.52 realised 17.50 take_profit',
    ]);
    expect(finalEquity(outcome)).toBe('1015.98');
  });

  it('20: the trailing stop follows from where it is armed', () => {
    // Armed at 102: trigger 100.98; best 103: trigger 101.97. 102 stays, 101.5 sells 5 there: +7.5, fees 1 + 1.015.
    const feed = ticks([
      [0, 100],
      [1, 100],
      [2, 102],
      [3, 103],
      [4, 102],
      [5, 101.5],
      [6, 104.5],
    ]);
    const outcome = run(market(feed), signals(signal(0)));
    expect(ledger(outcome).at(-1)).toBe('5 sell 5 @ 101.5 fee 1.02 realised 7.50 trailing');
    expect(finalEquity(outcome)).toBe('1005.49');
  });

  it('21: a short is stopped by a rise, and a second signal meanwhile is passed over', () => {
    // Short 5 at 100; stop at 102 is jumped over: 102.5: −12.5, fees 1 + 1.025.
    const sold = { side: 'sell', stop: 102, takeProfit: 96, trailingArm: 98 } as const;
    const outcome = run(
      market(
        ticks([
          [0, 100],
          [1, 100],
          [2, 101.9],
          [3, 102.5],
          [4, 90],
        ]),
      ),
      signals(signal(0, sold), signal(2, sold)),
    );
    expect(ledger(outcome)).toEqual([
      '1 sell 5 @ 100 fee 1.00 realised 0.00 entry',
      '3 buy 5 @ 102.5 fee 1.02 realised -12.50 stop',
    ]);
    expect(finalEquity(outcome)).toBe('985.48');
  });

  it('22: leaves at the market when its time is over', () => {
    // Filled at 1 s, 60 s: due at 61 s, out at the trade of 70 s: 101, +5 − 1 − 1.01 = +2.99.
    const feed = ticks([
      [0, 100],
      [1, 100],
      [60.5, 100.5],
      [70, 101],
      [80, 103],
    ]);
    const outcome = run(market(feed), signals(signal(0, { timeoutSeconds: 60 })));
    expect(ledger(outcome).at(-1)).toBe('70 sell 5 @ 101 fee 1.01 realised 5.00 timeout');
    expect(finalEquity(outcome)).toBe('1002.99');
  });

  it('23: long and short are positions of their own', () => {
    const sold = { side: 'sell', stop: 103, takeProfit: 97, trailingArm: 98.5 } as const;
    const feed = ticks([
      [0, 100],
      [1, 100],
      [2, 104.5],
      [3, 96],
    ]);
    // Long +20 at its target; the short's stop at 103 triggers at 104.5: −22.5. Fees 1 + 1 + 0.52 + 1.045.
    const outcome = run(market(feed), signals(signal(0), signal(0, sold)), { leverage: 2 });
    expect(ledger(outcome).slice(2)).toEqual([
      '2 buy 5 @ 104.5 fee 1.05 realised -22.50 stop',
      '2 sell 5 @ 104 fee 0.52 realised 20.00 take_profit',
    ]);
    expect(finalEquity(outcome)).toBe('993.94');
  });

  it('24: on candles the worse path stops each side before its target', () => {
    const sold = { side: 'sell', stop: 102, takeProfit: 97, trailingDistance: 0 } as const;
    const bought = { takeProfit: 103, trailingDistance: 0 } as const;
    const feed = bars([
      [100, 100, 100, 100],
      [100, 104, 96, 100],
    ]);
    // Known at 60 s, filled at that opening. Worse: 98 and 102, −10 each; better: 103 and 97, +15 each.
    const both = () => signals(signal(60, bought), signal(60, sold));
    const worse = run(market(feed), both(), { leverage: 2 }, { path: 'worse' });
    const better = run(market(feed), both(), { leverage: 2 }, { path: 'better' });
    expect(
      ledger(worse)
        .slice(2)
        .map((line) => line.split(' ').at(-1)),
    ).toEqual(['stop', 'stop']);
    // Fees: 2 × 1.00 in; out worse 0.98 + 1.02, better 0.515 + 0.485.
    expect([finalEquity(worse), finalEquity(better)]).toEqual(['976.00', '1027.00']);
    expect([worse.undecided, better.undecided]).toEqual([1, 1]);
  });
});

const LADDER: GridSettings = {
  levels: 3,
  coverage: '0.1',
  multiplier: '2',
  takeProfit: '0.02',
  leverage: '1',
  limits: { tickSize: '0.1', lotSize: '0.1' },
};

const grid = (more: Partial<GridSettings> = {}, restart = 60 * SECOND, fixedDeposit?: number) =>
  new GridStrategy({ planner: createGridPlanner({ ...LADDER, ...more }), side: more.side ?? 'long', restart, fixedDeposit });

describe('ledgers by hand: grid', () => {
  // Start at 100 with 1000: S = 7, base 1000 / 700 = 1.428… → 1.4; levels 100, 95, 90 with 1.4, 2.8, 5.7 (5.714 down).
  const descent: readonly TickRow[] = [
    [0, 100],
    [1, 100],
    [2, 94.9],
    [3, 89.9],
    [4, 95.2],
  ];

  it('25: renews the take profit after every fill and leaves with all of it', () => {
    // After 0 and 1: (140 + 266) / 4.2 = 96.667, target 98.6. With level 2: (406 + 513) / 9.9 = 92.828, target 94.685 → 94.7.
    // Out at 94.7: 9.9 × 94.7 = 937.53 − 919 = 18.53. Fees 0.28 + 0.266 + 0.513 + 0.93753 = 1.99653. 1016.53347.
    const outcome = run(market(ticks(descent)), grid());
    expect(ledger(outcome)).toEqual([
      '1 buy 1.4 @ 100 fee 0.28 realised 0.00 entry',
      '2 buy 2.8 @ 95 fee 0.27 realised 0.00 level',
      '3 buy 5.7 @ 90 fee 0.51 realised 0.00 level',
      '4 sell 9.9 @ 94.7 fee 0.94 realised 18.53 take_profit',
    ]);
    expect(finalEquity(outcome)).toBe('1016.53');
  });

  it('26: begins again after 60 s at the price of then, with the equity then held', () => {
    // At 64 s, last price 50: 1016.53347 / (7 × 50) = 2.904 → 2.9, taken at the trade of 65 s. With a fixed deposit 2.8.
    const feed = ticks([...descent, [63.9, 50], [65, 51], [66, 52]]);
    const own = run(market(feed), grid());
    expect(ledger(own).at(-1)).toBe('65 buy 2.9 @ 51 fee 0.30 realised 0.00 entry');
    const fixed = run(market(feed), grid({}, 60 * SECOND, 1000));
    expect(ledger(fixed).at(-1)).toBe('65 buy 2.8 @ 51 fee 0.29 realised 0.00 entry');
    // 51 × 1.02 = 52.02 → 52.1: not reached at 52.
    expect(ledger(own)).toHaveLength(5);
  });

  it('27: a short grid is the mirror', () => {
    // Levels 100, 105, 110 with 1.4, 2.8, 5.7 are 1061 of 1000: the last is lowered by 0.6 to 5.1 (61 / 110 → 0.6).
    // After 0 and 1: (140 + 294) / 4.2 = 103.333, target 101.266 → 101.2 (down). Through at 101.1: 4.2 × 2.1333 = 8.96.
    // Fees 0.28 + 0.294 + 4.2 × 101.2 × 0.001 = 0.42504. 1000 + 8.96 − 0.99904 = 1007.96096.
    const feed = ticks([
      [0, 100],
      [1, 100],
      [2, 105.1],
      [3, 101.2],
      [4, 101.1],
    ]);
    const outcome = run(market(feed), grid({ side: 'short' }));
    expect(ledger(outcome)).toEqual([
      '1 sell 1.4 @ 100 fee 0.28 realised 0.00 entry',
      '2 sell 2.8 @ 105 fee 0.29 realised 0.00 level',
      '4 buy 4.2 @ 101.2 fee 0.43 realised 8.96 take_profit',
    ]);
    expect(finalEquity(outcome)).toBe('1007.96');
  });

  it('28: the three fills of the design average 0.468960 and leave at 0.478339', () => {
    const planned = createGridPlanner({}).plan(0.5, 10);
    for (const [amount, price] of [
      [2.8, 0.485714],
      [3.64, 0.471429],
      [4.73, 0.457143],
    ] as const)
      planned.add(price, amount);
    expect(Math.trunc(planned.takeProfit() * 1e6)).toBe(478_339);
    expect(planned.takeProfit() / 1.02).toBeCloseTo(0.46896, 6);
  });

  it('29: the take profit in part keeps the rest at its price, and a fill in between moves it', () => {
    // 1.4 at 100; 0.5 leave at 102 for the 0.5 that trade above it. Then level 1 fills: 0.9 at 100 and 2.8 at 95 are
    // 356 / 3.7 = 96.216…, target 98.140… → 98.2.
    const feed = ticks([
      [0, 100],
      [1, 100],
      [2, 102.1, 0.5],
      [3, 94.9],
      [4, 98.3],
    ]);
    const outcome = run(market(feed), grid());
    expect(ledger(outcome).slice(1)).toEqual([
      '2 sell 0.5 @ 102 fee 0.05 realised 1.00 take_profit',
      '3 buy 2.8 @ 95 fee 0.27 realised 0.00 level',
      '4 sell 3.7 @ 98.2 fee 0.36 realised 7.34 take_profit',
    ]);
  });

  it('30: a level that fills before its cancellation arrives is looked after', () => {
    // Latency 1 s. Out at 102 at 3 s; the level at 95 fills at 3.5 s, before the cancellation; its target 96.9 is sold at 6 s.
    const feed = ticks([
      [0, 100],
      [1, 100],
      [3, 102.1],
      [3.5, 94.9],
      [5, 96],
      [6, 97],
      [7, 80],
    ]);
    const outcome = run(market(feed), grid(), { latency: SECOND });
    expect(ledger(outcome)).toEqual([
      '1 buy 1.4 @ 100 fee 0.28 realised 0.00 entry',
      '3 sell 1.4 @ 102 fee 0.14 realised 2.80 take_profit',
      '3.5 buy 2.8 @ 95 fee 0.27 realised 0.00 level',
      '6 sell 2.8 @ 96.9 fee 0.27 realised 5.32 take_profit',
    ]);
  });
});

describe('exposure', () => {
  it('31: holds what is wanted from the next opening on', () => {
    // +1 after the first candle: 1000 / 100 = 10, filled at 102, fee 2.04.
    const feed = bars([
      [99, 101, 98, 100],
      [102, 104, 101, 103],
      [104, 106, 103, 105],
      [106, 106, 106, 106],
    ]);
    const wish = Float64Array.from([1, 1, -1, -1]);
    const outcome = run(market(feed), new ExposureStrategy(wish, feed), { leverage: 2 });
    // Closed at 106: +40 − 2.12; equity 1035.84; the short: 1035.84 / 106 = 9.772…
    expect(ledger(outcome).slice(0, 2)).toEqual([
      '60 buy 10 @ 102 fee 2.04 realised 0.00 entry',
      '180 sell 10 @ 106 fee 2.12 realised 40.00 exit',
    ]);
    expect(outcome.fills[2]?.amount).toBeCloseTo(1035.84 / 106, 10);
  });

  it('32: an order that the margin does not cover any more is sent again for the price of then', () => {
    // 10 at 102 need 1020 of margin at 1×; 1000 / 102 = 9.803… do not. Fee 2.
    const feed = bars([
      [99, 101, 98, 100],
      [102, 104, 101, 103],
    ]);
    const outcome = run(market(feed), new ExposureStrategy(Float64Array.from([1, 1]), feed));
    expect(outcome.fills.map(({ price, amount, fee }) => [price, amount.toFixed(3), fee.toFixed(2)])).toEqual([
      [102, '9.804', '2.00'],
    ]);
    expect(outcome.orders).toMatchObject({ placed: 2, rejected: 1 });
  });
});
