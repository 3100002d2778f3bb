import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bitget } from '../../../../src/lib/exchanges/bitget/index.js';
import type { Channel, ConnectionPlan, PlanOptions, Subscription } from '../../../../src/lib/exchanges/exchange.js';
import { UsageError } from '../../../../src/lib/model/errors.js';
import type { Market } from '../../../../src/lib/model/records.js';

const V2: PlanOptions = { api: 'v2', depth: 15 };
const V3: PlanOptions = { api: 'v3', depth: 15 };

function argumentsOf(plans: readonly ConnectionPlan[]): Record<string, string>[] {
  return plans.flatMap(({ messages }) => messages.flatMap(({ text }) => JSON.parse(text).args));
}

function planned(subscriptions: Subscription[], options: PlanOptions): Record<string, string>[] {
  return argumentsOf(bitget.plan(subscriptions, options));
}

const of = (market: Market, channel: Channel, symbol = 'BTCUSDT', interval?: string): Subscription => ({
  market,
  channel,
  symbol,
  interval,
});

describe('what is asked for', () => {
  test.each<[string, Subscription, PlanOptions, Record<string, string>]>([
    ['trades', of('spot', 'trade'), V2, { instType: 'SPOT', channel: 'trade', instId: 'BTCUSDT' }],
    ['USDT futures', of('linear', 'ticker'), V2, { instType: 'USDT-FUTURES', channel: 'ticker', instId: 'BTCUSDT' }],
    ['USDC futures', of('linear', 'trade', 'BTCPERP'), V2, { instType: 'USDC-FUTURES', channel: 'trade', instId: 'BTCPERP' }],
    [
      'a base called PERP',
      of('linear', 'trade', 'PERPUSDT'),
      V2,
      { instType: 'USDT-FUTURES', channel: 'trade', instId: 'PERPUSDT' },
    ],
    ['inverse', of('inverse', 'trade', 'BTCUSDZ26'), V2, { instType: 'COIN-FUTURES', channel: 'trade', instId: 'BTCUSDZ26' }],
    ['a shallow book', of('spot', 'book'), V2, { instType: 'SPOT', channel: 'books15', instId: 'BTCUSDT' }],
    ['a deep book', of('spot', 'book'), { api: 'v2', depth: 16 }, { instType: 'SPOT', channel: 'books', instId: 'BTCUSDT' }],
    ['deltas', of('spot', 'book_delta'), V2, { instType: 'SPOT', channel: 'books', instId: 'BTCUSDT' }],
    [
      'hours',
      of('linear', 'candle', 'BTCUSDT', '6h'),
      V2,
      { instType: 'USDT-FUTURES', channel: 'candle6Hutc', instId: 'BTCUSDT' },
    ],
    ['v3 trades', of('linear', 'trade'), V3, { instType: 'usdt-futures', topic: 'publicTrade', symbol: 'BTCUSDT' }],
    ['v3 book', of('linear', 'book'), V3, { instType: 'usdt-futures', topic: 'books50', symbol: 'BTCUSDT' }],
    [
      'v3 deep book',
      of('linear', 'book'),
      { api: 'v3', depth: 51 },
      { instType: 'usdt-futures', topic: 'books', symbol: 'BTCUSDT' },
    ],
    [
      'v3 candles',
      of('spot', 'candle', 'BTCUSDT', '1h'),
      V3,
      { instType: 'spot', topic: 'kline', symbol: 'BTCUSDT', interval: '1H' },
    ],
    ['v3 liquidations', of('linear', 'liquidation'), V3, { instType: 'usdt-futures', topic: 'liquidation' }],
  ])('%s', (_, subscription, options, expected) => {
    const plans = bitget.plan([subscription], options);
    expect(argumentsOf(plans)).toEqual([expected]);
    expect(plans).toMatchObject([{ market: subscription.market, path: `/${options.api}/ws/public` }]);
  });

  test('book and book_delta of a symbol share one feed, other symbols keep the shallow one', () => {
    const subscriptions = [of('spot', 'book'), of('spot', 'book_delta'), of('spot', 'book', 'ETHUSDT')];
    const plans = bitget.plan(subscriptions, V2);
    expect(argumentsOf(plans).map(({ channel, instId }) => `${channel} ${instId}`)).toEqual(['books BTCUSDT', 'books15 ETHUSDT']);
    expect(plans[0]?.subscriptions).toEqual(subscriptions);
  });

  test('liquidations are asked for once per product line', () => {
    const symbols = ['BTCUSDT', 'ETHUSDT', 'BTCPERP'].map((symbol) => of('linear', 'liquidation', symbol));
    const lines = [{ instType: 'usdt-futures' }, { instType: 'usdc-futures' }];
    expect(planned(symbols, V3)).toMatchObject(lines);
    expect(planned([of('linear', 'liquidation', '')], V3)).toMatchObject(lines);
    expect(planned([of('inverse', 'liquidation', 'BTCUSD')], V3)).toEqual([{ instType: 'coin-futures', topic: 'liquidation' }]);
  });

  test.each<[Subscription, PlanOptions, RegExp]>([
    [of('linear', 'liquidation'), V2, /channel: .*use --api v3/],
    [of('spot', 'liquidation'), V3, /channel: bitget spot has trade, ticker, book, book_delta, candle with api v3/],
    [of('spot', 'candle', 'BTCUSDT', '7m'), V2, /interval: .*1m, 5m.*was "7m"/],
    [of('spot', 'candle', 'BTCUSDT', '1d'), V3, /interval/],
    [of('spot', 'candle'), V2, /interval/],
    [of('spot', 'trade'), { api: 'v9', depth: 15 }, /api: expected v2 or v3 on bitget, was "v9"/],
    [of('spot', 'trade'), { ...V2, channelsPerConnection: 0 }, /channels per connection/],
  ])('%j is refused with %j', (subscription, options, message) => {
    expect(() => bitget.plan([subscription], options)).toThrow(UsageError);
    expect(() => bitget.plan([subscription], options)).toThrow(message);
  });
});

describe('limits', () => {
  const symbols = fc.oneof(
    fc.stringMatching(/^[A-Z0-9]{1,14}(USDT|PERP|USD|USDTZ26)$/),
    fc.constantFrom('龙虾USDT', '$ALTUSDT', '1000SATSUSDT'),
    fc.stringMatching(/^[A-Z]{200}USDT$/),
  );
  const subscription = (api: string) =>
    fc.constantFrom<Market>('spot', 'linear', 'inverse').chain((market) =>
      fc.record({
        market: fc.constant(market),
        channel: fc.constantFrom(...bitget.channels(market, api)),
        symbol: symbols,
        interval: fc.constantFrom(...bitget.candleIntervals(market, api)),
      }),
    );
  const cases = fc.constantFrom(...bitget.apis).chain((api) =>
    fc.record({
      subscriptions: fc.uniqueArray(subscription(api), {
        maxLength: 200,
        selector: ({ market, channel, symbol, interval }) => `${market} ${channel} ${symbol} ${interval}`,
      }),
      options: fc.record(
        {
          api: fc.constant(api),
          depth: fc.constantFrom(1, 15, 50, 200),
          channelsPerConnection: fc.integer({ min: 1, max: 100 }),
        },
        { requiredKeys: ['api', 'depth'] },
      ),
    }),
  );

  test('messages, connections and subscriptions', () => {
    fc.assert(
      fc.property(cases, ({ subscriptions, options }) => {
        const plans = bitget.plan(subscriptions, options);
        for (const { market, messages } of plans) {
          const limit = options.channelsPerConnection ?? (market === 'spot' ? 39 : 49);
          expect(messages.reduce((sum, { topics }) => sum + topics.length, 0)).toBeLessThanOrEqual(limit);
          for (const { text, topics } of messages) {
            const { op, args } = JSON.parse(text);
            expect(op).toBe('subscribe');
            expect(args.length).toBe(topics.length);
            expect(args.length).toBeGreaterThan(0);
            expect(args.length).toBeLessThanOrEqual(19);
            expect(Buffer.byteLength(text)).toBeLessThanOrEqual(4096);
          }
        }
        const topics = plans.flatMap((plan) => plan.messages.flatMap((message) => message.topics));
        expect(new Set(topics).size).toBe(topics.length);
        const found = plans.flatMap((plan) => plan.subscriptions);
        expect(found.length).toBe(subscriptions.length);
        expect(new Set(found)).toEqual(new Set(subscriptions));
      }),
      { seed: 20261121, numRuns: 60 },
    );
  });

  test('long symbols make shorter messages', () => {
    const all = Array.from({ length: 19 }, (_, at) => of('linear', 'trade', `${'龙'.repeat(70)}${at}USDT`));
    const messages = bitget.plan(all, V2)[0]?.messages ?? [];
    expect(messages.map(({ topics }) => topics.length)).toEqual([14, 5]);
    expect(messages.every(({ text }) => Buffer.byteLength(text) <= 4096)).toBe(true);
  });

  test('500 symbols of linear fill 11 connections; the default may be overridden', () => {
    const all = Array.from({ length: 500 }, (_, at) => of('linear', 'trade', `A${at}USDT`));
    expect(bitget.plan(all, V2)).toHaveLength(11);
    expect(bitget.plan(all, { ...V2, channelsPerConnection: 100 })).toHaveLength(5);
    expect(bitget.plan(all, V2)[0]?.messages.map(({ topics }) => topics.length)).toEqual([19, 19, 11]);
  });
});
