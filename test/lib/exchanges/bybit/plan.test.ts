import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bybit } from '../../../../src/lib/exchanges/bybit/index.js';
import type { PlanOptions, Subscription } from '../../../../src/lib/exchanges/exchange.js';
import { UsageError } from '../../../../src/lib/model/errors.js';
import type { Market } from '../../../../src/lib/model/records.js';
import { samples } from '../../../support/samples.js';

const OPTIONS: PlanOptions = { api: 'v5', depth: 15 };

const of = (market: Market, symbols: readonly string[], channels: readonly Subscription['channel'][]): Subscription[] =>
  channels.flatMap((channel) =>
    symbols.map((symbol) => ({ market, channel, symbol, interval: channel === 'candle' ? '1m' : undefined })),
  );
const topics = (subscriptions: readonly Subscription[], options = OPTIONS) =>
  bybit.plan(subscriptions, options).flatMap(({ messages }) => messages.flatMap((message) => message.topics));

describe('topics', () => {
  it('of every channel', () => {
    expect(topics(of('linear', ['BTCUSDT'], ['trade', 'ticker', 'book', 'liquidation', 'candle']))).toEqual([
      'publicTrade.BTCUSDT',
      'tickers.BTCUSDT',
      'orderbook.50.BTCUSDT',
      'allLiquidation.BTCUSDT',
      'kline.1.BTCUSDT',
    ]);
  });

  it.each([
    [1, 'book', 1],
    [1, 'book_delta', 50],
    [2, 'book', 50],
    [50, 'book', 50],
    [51, 'book', 200],
    [200, 'book_delta', 200],
    [201, 'book', 1000],
    [1000, 'book_delta', 1000],
  ] as const)('for %d levels of %s come from orderbook.%d', (depth, channel, topic) => {
    expect(topics(of('spot', ['A'], [channel]), { ...OPTIONS, depth })).toEqual([`orderbook.${topic}.A`]);
  });

  it.each([1, 15, 500])('of book and book_delta are one per symbol, at depth %d', (depth) => {
    const subscriptions = [...of('linear', ['A', 'B'], ['book', 'book_delta']), ...of('linear', ['C'], ['book'])];
    const planned = bybit.plan(subscriptions, { ...OPTIONS, depth });
    expect(planned[0]?.messages[0]?.topics.map((topic) => topic.split('.')[2])).toEqual(['A', 'B', 'C']);
    expect(planned[0]?.subscriptions).toHaveLength(5);
  });

  it('of every declared candle interval differ', () => {
    const subscriptions = bybit
      .candleIntervals()
      .map((interval): Subscription => ({ market: 'linear', channel: 'candle', symbol: 'A', interval }));
    expect(topics(subscriptions).map((topic) => topic.split('.')[1])).toEqual('1 3 5 15 30 60 120 240 360 720 D W'.split(' '));
  });
});

describe('what there is not', () => {
  it.each<[string, Subscription, PlanOptions, RegExp]>([
    ['liquidations on spot', { market: 'spot', channel: 'liquidation', symbol: 'A' }, OPTIONS, /no liquidations/],
    ['an interval', { market: 'spot', channel: 'candle', symbol: 'A', interval: '1s' }, OPTIONS, /1m, 3m, .*asked for 1s$/],
    ['no interval', { market: 'spot', channel: 'candle', symbol: 'A' }, OPTIONS, /asked for no interval$/],
    ['another protocol', { market: 'spot', channel: 'trade', symbol: 'A' }, { ...OPTIONS, api: 'v3' }, /expected v5/],
    [
      'no channel per connection',
      { market: 'spot', channel: 'trade', symbol: 'A' },
      { ...OPTIONS, channelsPerConnection: 0 },
      /above 0, was 0/,
    ],
    ['a depth', { market: 'spot', channel: 'book', symbol: 'A' }, { ...OPTIONS, depth: 1001 }, /at most 1000 levels/],
  ])('is refused: %s', (_, subscription, options, message) => {
    expect(() => bybit.plan([subscription], options)).toThrow(UsageError);
    expect(() => bybit.plan([subscription], options)).toThrow(message);
  });

  it('is not declared: liquidations on spot', () => {
    expect(bybit.channels('spot')).not.toContain('liquidation');
    expect(bybit.channels('inverse')).toContain('liquidation');
  });
});

describe('messages', () => {
  it('are what Bybit expects, with an id of their own', () => {
    const [connection] = bybit.plan(of('spot', ['A', 'B'], ['trade']), OPTIONS);
    expect(connection?.path).toBe('/v5/public/spot');
    expect(connection?.messages).toEqual([
      {
        text: '{"req_id":"publicTrade.A","op":"subscribe","args":["publicTrade.A","publicTrade.B"]}',
        topics: ['publicTrade.A', 'publicTrade.B'],
        request: 'publicTrade.A',
      },
    ]);
  });

  it('are none where nothing is wanted', () => {
    expect(bybit.plan([], OPTIONS)).toEqual([]);
  });
});

describe('limits', () => {
  const symbol = fc.stringMatching(/^[A-Z0-9]{2,22}(-[0-3][0-9][A-Z]{3}2[5-9])?$/);
  const symbols = fc.uniqueArray(symbol, { minLength: 1, maxLength: 900, size: 'max' });
  const market = fc.constantFrom<Market>('spot', 'linear', 'inverse');
  const most = fc.option(fc.integer({ min: 1, max: 60 }), { nil: undefined });

  it('hold for any universe, and every subscription is planned once', () => {
    fc.assert(
      fc.property(
        symbols,
        fc.uniqueArray(market, { minLength: 1 }),
        fc.integer({ min: 1, max: 1000 }),
        most,
        (names, markets, depth, channelsPerConnection) => {
          const subscriptions = markets.flatMap((each) => of(each, names, bybit.channels(each)));
          const planned = bybit.plan(subscriptions, { api: 'v5', depth, channelsPerConnection });
          expect(new Set(planned.flatMap((connection) => connection.subscriptions))).toEqual(new Set(subscriptions));
          expect(planned.flatMap((connection) => connection.subscriptions)).toHaveLength(subscriptions.length);
          for (const { market: its, subscriptions: carried, messages, path } of planned) {
            expect(path).toBe(`/v5/public/${its}`);
            expect(carried.every((subscription) => subscription.market === its)).toBe(true);
            const args = messages.map(({ text }) => JSON.parse(text).args as string[]);
            expect(args).toEqual(messages.map((message) => message.topics));
            expect(args.map((list) => JSON.stringify(list).length).reduce((a, b) => a + b)).toBeLessThanOrEqual(21_000);
            expect(Math.max(...args.map((list) => list.length))).toBeLessThanOrEqual(its === 'spot' ? 10 : 100);
            if (channelsPerConnection) expect(args.flat().length).toBeLessThanOrEqual(channelsPerConnection);
            expect(new Set(args.flat()).size).toBe(args.flat().length);
            expect(new Set(messages.map(({ request }) => request)).size).toBe(messages.length);
          }
          const sent = planned.flatMap(({ market: its, messages }) =>
            messages.flatMap((message) => message.topics.map((topic) => `${its} ${topic}`)),
          );
          expect(new Set(sent).size).toBe(sent.length);
        },
      ),
      { seed: 20261121, numRuns: samples(12) },
    );
  });

  it('are used: 500 linear symbols with three channels fit two connections', () => {
    const names = Array.from({ length: 500 }, (_, i) => `TOKEN${i}USDT`);
    expect(bybit.plan(of('linear', names, ['trade', 'ticker', 'book']), OPTIONS)).toHaveLength(2);
  });
});
