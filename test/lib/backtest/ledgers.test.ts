import { describe, expect, it } from 'vitest';
import { bars, bid, buy, cover, finalEquity, ledger, market, offer, run, script, sell, series, short, ticks } from './support.js';

/**
 * Ledgers worked out by hand, equal to the cent. Deposit 1000, maker fee 0.1 %, taker fee 0.2 % unless a case says otherwise.
 */
describe('ledgers by hand: orders on trades', () => {
  it('1: a market order fills at the next trade, both ways at the taker fee', () => {
    // Buy 2 at 101: fee 2 × 101 × 0.002 = 0.404. Sell 2 at 105: fee 0.42, realised 2 × 4 = 8. 1000 − 0.404 + 8 − 0.42 = 1007.176.
    const outcome = run(
      market(
        ticks([
          [0, 100],
          [1, 101],
          [2, 103],
          [3, 105],
          [4, 90],
        ]),
      ),
      script([buy(2), { ...sell(2), second: 2.5 }]),
    );
    expect(ledger(outcome)).toEqual(['1 buy 2 @ 101 fee 0.40 realised 0.00 entry', '3 sell 2 @ 105 fee 0.42 realised 8.00 exit']);
    expect(finalEquity(outcome)).toBe('1007.18');
  });

  it('2: a short earns from the fall', () => {
    // Sell 3 at 100: fee 0.6. Buy 3 at 90: fee 0.54, realised 3 × 10 = 30. 1000 + 30 − 1.14 = 1028.86.
    const outcome = run(
      market(
        ticks([
          [0, 101],
          [1, 100],
          [2, 95],
          [3, 90],
        ]),
      ),
      script([short(3), { ...cover(3), second: 2.5 }]),
    );
    expect(ledger(outcome)).toEqual(['1 sell 3 @ 100 fee 0.60 realised 0.00 entry', '3 buy 3 @ 90 fee 0.54 realised 30.00 exit']);
    expect(finalEquity(outcome)).toBe('1028.86');
  });

  it('3: a limit order fills when the price trades through it, with touch when it trades at it', () => {
    const data = market(
      ticks([
        [0, 100],
        [1, 95],
        [2, 96],
        [3, 94],
        [4, 99],
      ]),
    );
    // Through: 95 does not fill a bid at 95, 94 does: fee 0.095, at the end 4 − 0.095 = 3.905 up.
    const through = run(data, script([bid(95, 1)]));
    expect(ledger(through)).toEqual(['3 buy 1 @ 95 fee 0.10 realised 0.00 level']);
    expect(finalEquity(through)).toBe('1003.91');
    const touch = run(data, script([bid(95, 1)]), { fill: 'touch' });
    expect(ledger(touch)).toEqual(['1 buy 1 @ 95 fee 0.10 realised 0.00 level']);
  });

  it('4: the amount of a trade fills own orders once, the best price first', () => {
    // 5 traded at 90 fill the bid at 95 (3) whole and 2 of the one at 92; 1 more at 91, the last 1 at 89.
    // Fees: 0.285 + 0.184 + 0.092 + 0.092 = 0.653. Held 7 for 3 × 95 + 4 × 92 = 653; at 100: 700 − 653 − 0.653 = 46.347.
    const outcome = run(
      market(
        ticks([
          [0, 100],
          [1, 90, 5],
          [2, 91, 1],
          [3, 92, 9],
          [4, 89, 50],
          [5, 100],
        ]),
      ),
      script([bid(92, 4), bid(95, 3)]),
    );
    expect(ledger(outcome)).toEqual([
      '1 buy 3 @ 95 fee 0.29 realised 0.00 level',
      '1 buy 2 @ 92 fee 0.18 realised 0.00 level',
      '2 buy 1 @ 92 fee 0.09 realised 0.00 level',
      '4 buy 1 @ 92 fee 0.09 realised 0.00 level',
    ]);
    expect(finalEquity(outcome)).toBe('1046.35');
  });

  it('5: with volume the queue ahead is served first', () => {
    // The book shows 4 at 95 when the bid rests. At 95: 3 traded leave 1 ahead; a trade by a buyer, or by nobody knows whom, does not serve bids; 3 more
    // serve that 1 and fill 2; below 95 all that is left fills.
    const books = [
      {
        time: 0,
        bids: [
          [99, 1],
          [95, 4],
        ] as const,
        asks: [[101, 1]] as const,
      },
    ];
    const feed = ticks([
      [0, 100],
      [1, 95, 3],
      [2, 95, 9, 'buy'],
      [2.5, 95, 9, 'unknown'],
      [3, 95, 3],
      [4, 94, 8],
    ]);
    const outcome = run(market(feed, { books }), script([bid(95, 5)]), { fill: 'volume' });
    expect(ledger(outcome)).toEqual(['3 buy 2 @ 95 fee 0.19 realised 0.00 level', '4 buy 3 @ 95 fee 0.29 realised 0.00 level']);
  });

  it('6: latency delays orders and cancellations alike', () => {
    // Sent at 0 s with 2 s on the way: trades at 1 s are missed, the one at 2 s is taken.
    const feed = ticks([
      [0, 100],
      [1, 101],
      [1.9, 102],
      [2, 103],
      [3, 104],
    ]);
    const outcome = run(market(feed), script([buy(1)]), { latency: 2_000_000 });
    expect(ledger(outcome)).toEqual(['2 buy 1 @ 103 fee 0.21 realised 0.00 entry']);
  });

  it('7: slippage makes takers worse, away from the tick; makers keep their price', () => {
    // 0.1 % on 100.3 is 100.4003, up to 100.5; selling 104.4 is 104.2956, down to 104. Lot 0.5: 1.7 becomes 1.5.
    // Realised 1.5 × 3.5 = 5.25; fees 1.5 × 100.5 × 0.002 = 0.3015 and 1.5 × 104 × 0.002 = 0.312.
    const outcome = run(
      market(
        ticks([
          [0, 100],
          [1, 100.3],
          [2, 104],
          [3, 104.4],
        ]),
      ),
      script([buy(1.7), { ...sell(9), second: 2.5 }]),
      { slippage: 0.001, tickSize: 0.5, lotSize: 0.5 },
    );
    expect(ledger(outcome)).toEqual([
      '1 buy 1.5 @ 100.5 fee 0.30 realised 0.00 entry',
      '3 sell 1.5 @ 104 fee 0.31 realised 5.25 exit',
    ]);
    expect(finalEquity(outcome)).toBe('1004.64');
  });

  it('8: funding is charged at its times to what is held then', () => {
    // Long 4 from 1 s. At 2 s: 4 × 100 × 0.01 % = 0.04 paid. At 4 s, price 110: 4 × 110 × −0.02 % = 0.088 got. Nothing at 6 s, flat.
    // Entry fee 4 × 100 × 0.002 = 0.8; exit 4 × 112: fee 0.896, realised 48. 1000 + 48 − 1.696 − 0.04 + 0.088 = 1046.352.
    const fundings = series([
      [2, 0.0001],
      [4, -0.0002],
      [6, 0.5],
    ]);
    const feed = ticks([
      [0, 100],
      [1, 100],
      [3, 110],
      [5, 112],
      [7, 113],
    ]);
    const outcome = run(market(feed, { fundings }), script([buy(4), { ...sell(4), second: 4.5 }]));
    expect(outcome.fundings.map(({ amount }) => amount.toFixed(3))).toEqual(['-0.040', '0.088']);
    expect(finalEquity(outcome)).toBe('1046.35');
  });

  it('9: funding is charged on the mark price, which also tells equity', () => {
    // Long 1 at 100, mark 98 at 2 s: funding 98 × 1 % = 0.98 paid; equity at the end by the mark of 97: −3 − 0.98 − 0.2.
    const data = market(
      ticks([
        [0, 100],
        [1, 100],
        [5, 105],
      ]),
      {
        marks: series([
          [2, 98],
          [4, 97],
        ]),
        fundings: series([[3, 0.01]]),
      },
    );
    const outcome = run(data, script([buy(1)]));
    expect(finalEquity(outcome)).toBe('995.82');
    expect(outcome.tracker.relative.size).toBeCloseTo(4.18 / 1000, 10);
  });

  it('10: an isolated long is liquidated and loses its margin, not more', () => {
    // 20 at 100 with 10×: margin 200. P = (2000 − 200) / (20 × 0.995) = 90.452261…; the trade at 90.4 is the first below.
    // It is closed at the bankruptcy price, 90: the whole margin is lost. Entry fee 4. 1000 − 4 − 200 = 796.
    const feed = ticks([
      [0, 100],
      [1, 100],
      [2, 90.5],
      [3, 90.4],
      [4, 120],
    ]);
    const outcome = run(market(feed), script([buy(20), offer(110, 20)]), { leverage: 10 });
    expect(ledger(outcome)).toEqual([
      '1 buy 20 @ 100 fee 4.00 realised 0.00 entry',
      '3 sell 20 @ 90 fee 0.00 realised -200.00 liquidation',
    ]);
    expect(finalEquity(outcome)).toBe('796.00');
    expect(outcome.minDistance).toBe(0);
  });

  it('11: a price beyond bankruptcy costs the margin all the same', () => {
    // At 85 the position has lost 300: it is closed at 90, and the insurance fund covers the rest.
    const outcome = run(
      market(
        ticks([
          [0, 100],
          [1, 100],
          [2, 85],
        ]),
      ),
      script([buy(20)]),
      { leverage: 10 },
    );
    expect(ledger(outcome)).toEqual([
      '1 buy 20 @ 100 fee 4.00 realised 0.00 entry',
      '2 sell 20 @ 90 fee 0.00 realised -200.00 liquidation',
    ]);
    expect(finalEquity(outcome)).toBe('796.00');
  });

  it('12: in cross margin the whole balance stands behind a short, with the tier of its value', () => {
    // 40 short at 100: value 4000, second tier (1 %, deduction 20). Balance 1000 − fee 8 = 992.
    // P = (4000 + 992 + 20) / (40 × 1.01) = 124.0594…; 124 holds, 124.1 does not: closed at 100 + 992 / 40 = 124.8, where all of it is gone.
    const tiers = [
      { upTo: 2000, rate: 0.005, deduction: 0 },
      { rate: 0.01, deduction: 20 },
    ];
    const feed = ticks([
      [0, 100],
      [1, 100],
      [2, 124],
      [3, 124.1],
      [4, 50],
    ]);
    const outcome = run(market(feed), script([short(40)]), { leverage: 10, marginMode: 'cross', tiers });
    expect(ledger(outcome)).toEqual([
      '1 sell 40 @ 100 fee 8.00 realised 0.00 entry',
      '3 buy 40 @ 124.8 fee 0.00 realised -992.00 liquidation',
    ]);
    expect(finalEquity(outcome)).toBe('0.00');
  });

  it('13: with mark prices a trade alone does not liquidate', () => {
    const feed = ticks([
      [0, 100],
      [1, 100],
      [2, 80],
      [4, 95],
      [6, 96],
    ]);
    const data = market(feed, {
      marks: series([
        [1, 100],
        [3, 92],
        [5, 90],
      ]),
    });
    const outcome = run(data, script([buy(20)]), { leverage: 10 });
    // The mark of 90 at 5 s is below 90.45; closed at the bankruptcy price, whatever the last trade.
    expect(ledger(outcome).at(-1)).toBe('5 sell 20 @ 90 fee 0.00 realised -200.00 liquidation');
  });

  it('14: an order that the margin does not cover is rejected, one below the minimum refused', () => {
    const outcome = run(
      market(
        ticks([
          [0, 100],
          [1, 100],
          [2, 101],
        ]),
      ),
      script([buy(10.1), buy(0.05)]),
      { minNotional: 10 },
    );
    expect(outcome.fills).toEqual([]);
    expect(outcome.orders).toMatchObject({ placed: 1, rejected: 1, refused: 1 });
  });

  it('15: a limit order better than the market takes, at the price there is', () => {
    // Bid 105 while the market is at 100: taken at the next trade, 101, at the taker fee 0.202.
    const outcome = run(
      market(
        ticks([
          [0, 100],
          [1, 101],
        ]),
      ),
      script([bid(105, 1)]),
    );
    expect(ledger(outcome)).toEqual(['1 buy 1 @ 101 fee 0.20 realised 0.00 level']);
  });
});

describe('ledgers by hand: orders on candles', () => {
  it('16: a market order fills at the next opening, a stop that the opening jumps over at the opening', () => {
    // Buy 1 at 101 (fee 0.202); the stop at 95 is jumped over: 93 (fee 0.186, realised −8). 1000 − 8 − 0.388 = 991.612.
    const feed = bars([
      [100, 102, 99, 101],
      [101, 103, 100, 102],
      [93, 96, 92, 95],
    ]);
    const stop = { kind: 'stop', position: 'long', side: 'sell', price: 95, amount: 1, reason: 'stop' } as const;
    const outcome = run(market(feed), script([buy(1), { ...stop, second: 90 }]));
    expect(ledger(outcome)).toEqual([
      '60 buy 1 @ 101 fee 0.20 realised 0.00 entry',
      '120 sell 1 @ 93 fee 0.19 realised -8.00 stop',
    ]);
    expect(finalEquity(outcome)).toBe('991.61');
  });

  it('17: what a candle reaches on both sides is decided by its path, and counted', () => {
    const feed = bars([
      [100, 101, 99, 100],
      [100, 111, 89, 100],
    ]);
    const orders = [
      buy(1),
      offer(110, 1),
      { kind: 'stop', position: 'long', side: 'sell', price: 90, amount: 1, reason: 'stop' } as const,
    ];
    // Target first: +10 − 0.11 − 0.2; stop first: −10 − 0.18 − 0.2.
    const better = run(market(feed), script(orders), {}, { path: 'high-first' });
    const worse = run(market(feed), script(orders), {}, { path: 'low-first' });
    expect(ledger(better).at(-1)).toBe('119.999999 sell 1 @ 110 fee 0.11 realised 10.00 take_profit');
    expect(ledger(worse).at(-1)).toBe('119.999999 sell 1 @ 90 fee 0.18 realised -10.00 stop');
    expect([finalEquity(better), finalEquity(worse)]).toEqual(['1009.69', '989.62']);
    expect([better.undecided, worse.undecided]).toEqual([1, 1]);
  });

  it('18: a candle fills no more than it traded', () => {
    const feed = bars([
      [100, 101, 99, 100],
      [100, 100, 90, 95, 3],
      [95, 96, 90, 95, 2],
    ]);
    const outcome = run(market(feed), script([bid(98, 4), bid(96, 4)]));
    expect(ledger(outcome)).toEqual([
      '119.999999 buy 3 @ 98 fee 0.29 realised 0.00 level',
      '120 buy 1 @ 98 fee 0.10 realised 0.00 level',
      '120 buy 1 @ 96 fee 0.10 realised 0.00 level',
    ]);
  });
});
