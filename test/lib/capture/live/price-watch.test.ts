import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PriceWatch } from '../../../../src/lib/capture/live/price-watch.js';
import type { Candle, Ticker, Trade } from '../../../../src/lib/model/records.js';

const of = { exchange: 'bybit', market: 'linear', symbol: 'THINUSDT', timestamp: 1 } as const;
const ticker = (last: number | undefined): Ticker => ({ ...of, type: 'ticker', last, bid: 1, ask: 2 }) as Ticker;
const trade = (price: number): Trade => ({ ...of, type: 'trade', id: 'x', price, amount: 1, side: 'buy' });
const LIMIT = 60;

describe('PriceWatch', () => {
  const missing = (watch: PriceWatch, at: number) => watch.isMissing('linear', 'THINUSDT', at, LIMIT);

  it('takes the silence of a symbol that nobody trades for silence, however long', () => {
    const watch = new PriceWatch();
    for (let at = 0; at < 10_000; at += 100) watch.observe([ticker(5)], at);
    expect(missing(watch, 10_000)).toBe(false);
  });

  it('knows from a new last price that a trade was not sent, and by the next trade that all is well', () => {
    const watch = new PriceWatch();
    watch.observe([ticker(5)], 0);
    watch.observe([trade(5)], 0);
    watch.observe([ticker(6)], 100);
    expect(missing(watch, 159)).toBe(false);
    expect(missing(watch, 160)).toBe(true);
    watch.observe([ticker(7)], 150);
    expect(missing(watch, 160)).toBe(true);
    watch.observe([trade(8)], 161);
    expect(missing(watch, 999)).toBe(false);
  });

  it('knows it from a new close of a candle too, which may come late', () => {
    const candle = (close: number, interval = '1m'): Candle =>
      ({
        ...of,
        type: 'candle',
        interval,
        open: 5,
        high: 9,
        low: 1,
        close,
        volume: 1,
        source: 'exchange',
        closed: false,
      }) as Candle;
    const watch = new PriceWatch();
    watch.observe([candle(5)], 0);
    watch.observe([trade(6)], 10);
    watch.observe([candle(5), candle(6)], 20);
    expect(missing(watch, 999)).toBe(false);
    watch.observe([candle(7)], 1_000);
    watch.observe([candle(7, '5m')], 1_010);
    expect([missing(watch, 1_000 + 3 * LIMIT), missing(watch, 1_000 + 4 * LIMIT)]).toEqual([false, true]);
    watch.observe([trade(7)], 1_300);
    expect(missing(watch, 9_999)).toBe(false);
    expect(watch.lastActive('linear', 'THINUSDT')).toBe(1_300);
  });

  it('is not misled by what comes first, by a ticker without a price, or by a trade that moves no ticker', () => {
    const watch = new PriceWatch();
    watch.observe([ticker(undefined)], 0);
    watch.observe([ticker(5)], 1);
    watch.observe([trade(9)], 2);
    watch.observe([ticker(5)], 3);
    expect(missing(watch, 999)).toBe(false);
    expect(new PriceWatch().isMissing('spot', 'X', 9, 1)).toBe(false);
  });

  it('never suspects a feed that delivers every trade, whichever of the two connections is ahead', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.boolean()), { minLength: 1, maxLength: 50 }), (trades) => {
        const watch = new PriceWatch();
        watch.observe([ticker(1)], 0);
        trades.forEach(([price, tickerFirst], index) => {
          const both = [ticker(price), trade(price)];
          for (const event of tickerFirst ? both : both.reverse()) watch.observe([event], index);
        });
        expect(missing(watch, 1e6)).toBe(false);
      }),
    );
  });
});
