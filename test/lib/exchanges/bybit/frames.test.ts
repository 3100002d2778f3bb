import { describe, expect, it } from 'vitest';
import { bybit } from '../../../../src/lib/exchanges/bybit/index.js';
import type { FeedEvent, Frame } from '../../../../src/lib/exchanges/exchange.js';
import type { Market } from '../../../../src/lib/model/records.js';
import { singleFrames } from '../../../support/frames.js';

const AT = 1_786_310_820_000_000;

function reader(market: Market = 'linear') {
  const created = bybit.createReader(`wss://stream.bybit.com/v5/public/${market}`);
  if (!created) throw new Error('no reader');
  return (frame: unknown, at = AT) => created.read(typeof frame === 'string' ? frame : JSON.stringify(frame), at);
}

function eventsOf(frame: Frame): readonly FeedEvent[] {
  if (frame.kind !== 'data') throw new Error(`expected data, was ${JSON.stringify(frame)}`);
  return frame.events;
}

describe('connection', () => {
  it.each([
    ['wss://stream.bybit.com/v5/public/spot', true],
    ['ws://127.0.0.1:9001/v5/public/linear', true],
    ['wss://stream-testnet.bybit.com/v5/public/inverse?x=1', true],
    ['wss://stream.bybit.com/v5/public/option', false],
    ['wss://stream.bybit.com/v5/private', false],
    ['wss://stream.bybit.com/v5/public/linearx', false],
    ['no address', false],
  ])('%s has a reader: %s', (url, expected) => {
    expect(bybit.createReader(url) !== undefined).toBe(expected);
  });
});

describe('recorded frames', () => {
  it('all map, and the one option is silent', () => {
    const frames = singleFrames('bybit');
    expect(frames).toHaveLength(19);
    const kinds = frames.map(({ url, at, text }) => {
      const frame = bybit.createReader(url)?.read(text, at) as Frame;
      if (frame.kind !== 'data') return frame;
      expect(frame.rejected).toEqual([]);
      return frame.events.map(({ type }) => type).join(' ');
    });
    expect(kinds).toEqual([
      'trade trade trade',
      'book_message',
      'book_message',
      'ticker mark_price open_interest funding',
      'ticker mark_price open_interest',
      'ticker mark_price open_interest funding',
      'liquidation',
      'liquidation',
      'trade trade trade trade',
      'book_message',
      'book_message',
      'ticker',
      { kind: 'silent', what: 'tickers of an option' },
      'ticker mark_price open_interest funding',
      'ticker mark_price',
      'ticker mark_price open_interest funding',
      'ticker',
      'ticker mark_price open_interest funding',
      'ticker',
    ]);
  });

  const frameOf = (topic: string, product: string) =>
    singleFrames('bybit')
      .filter(({ url, text }) => url.endsWith(product) && text.includes(`"topic":"${topic}"`))
      .map(({ url, at, text }) => bybit.createReader(url)?.read(text, at) as Frame);

  it('reads a spot trade', () => {
    const [frame] = frameOf('publicTrade.BTCUSDT', 'spot');
    expect(frame).toMatchObject({ kind: 'data', market: 'spot', pushTimestamp: 1_680_652_847_526_000, rejected: [] });
    expect(eventsOf(frame as Frame)[1]).toEqual({
      type: 'trade',
      exchange: 'bybit',
      market: 'spot',
      symbol: 'BTCUSDT',
      timestamp: 1_680_652_847_524_000,
      id: '2290000000050703790',
      price: 28165.38,
      amount: 0.008513,
      side: 'sell',
      sequence: undefined,
    });
  });

  it('reads both kinds of liquidation as the side of the forced order', () => {
    const identity = { type: 'liquidation', exchange: 'bybit' };
    expect(eventsOf(frameOf('liquidation.XRPUSD', 'inverse')[0] as Frame)).toEqual([
      {
        ...identity,
        market: 'inverse',
        symbol: 'XRPUSD',
        timestamp: 1_680_673_944_093_000,
        side: 'buy',
        price: 0.5149,
        amount: 6949,
      },
    ]);
    expect(eventsOf(frameOf('allLiquidation.PIPPINUSDT', 'linear')[0] as Frame)).toEqual([
      {
        ...identity,
        market: 'linear',
        symbol: 'PIPPINUSDT',
        timestamp: 1_740_480_207_110_000,
        side: 'buy',
        price: 0.02456,
        amount: 2846,
      },
    ]);
  });

  it('takes the empty funding of a dated future for none', () => {
    const [frame] = frameOf('tickers.BTCUSDU23', 'inverse');
    expect(eventsOf(frame as Frame)[2]).toMatchObject({ type: 'open_interest', amountBothSides: 4_547_176, amount: undefined });
  });

  it('takes the symbol from the data where the topic writes it otherwise', () => {
    expect(eventsOf(frameOf('tickers.BTC-USDT', 'linear')[0] as Frame)[0]).toMatchObject({ type: 'ticker', symbol: 'BTCUSDT' });
  });

  it('gives a ticker whose push time is none the time of its arrival', () => {
    const frame = frameOf('tickers.BTCPERP', 'linear')[1] as Frame;
    expect(frame).toMatchObject({ pushTimestamp: undefined });
    expect(eventsOf(frame)[0]).toMatchObject({ symbol: 'BTCPERP', timestamp: AT, bid: 61909.5 });
  });
});

describe('trades', () => {
  const row = { T: 1764000000101, s: 'BTCUSDT', S: 'Buy', v: '0.004', p: '90000.1', i: 'id', BT: false, RPI: false, seq: 98765 };
  const frame = (...data: unknown[]) => ({ topic: 'publicTrade.BTCUSDT', type: 'snapshot', ts: 1764000000110, data });

  it('carry the sequence', () => {
    expect(eventsOf(reader()(frame(row)))[0]).toMatchObject({ side: 'buy', sequence: '98765', timestamp: 1_764_000_000_101_000 });
  });

  it.each([
    [{ s: '' }, 'a symbol in s'],
    [{ s: 5 }, 'a symbol in s'],
    [{ i: '' }, 'an id in i'],
    [{ T: 0 }, 'milliseconds in T'],
    [{ T: '2026' }, 'milliseconds in T'],
    [{ p: '0' }, 'a price above 0 in p'],
    [{ p: '-1' }, 'a price above 0 in p'],
    [{ p: 'NaN' }, 'a price above 0 in p'],
    [{ p: '1e999' }, 'a price above 0 in p'],
    [{ p: '' }, 'a price above 0 in p'],
    [{ p: null }, 'a price above 0 in p'],
    [{ v: '0' }, 'an amount above 0 in v'],
    [{ v: 'Infinity' }, 'an amount above 0 in v'],
    [{ v: '0x10' }, 'an amount above 0 in v'],
    [{ S: 'buy' }, 'Buy or Sell in S'],
    [{ S: 'constructor' }, 'Buy or Sell in S'],
  ])('with %j reject that row and keep its neighbours', (change, expected) => {
    const read = reader()(frame(row, { ...row, ...change }, { ...row, i: 'other' }));
    expect(read).toMatchObject({ kind: 'data', rejected: [`publicTrade: expected ${expected}`] });
    expect(eventsOf(read).map((event) => 'id' in event && event.id)).toEqual(['id', 'other']);
  });

  it('that are no objects are rejected one by one', () => {
    expect(reader()(frame(row, null, 'x', [row]))).toMatchObject({
      events: [{ id: 'id' }],
      rejected: Array(3).fill('publicTrade: expected objects in data'),
    });
  });
});

describe('tickers', () => {
  const frame = (type: string, data: object, ts = 1764000000000) => ({
    topic: 'tickers.BTCUSDT',
    type,
    ts,
    data: { symbol: 'BTCUSDT', ...data },
  });

  it('merge deltas, and a snapshot forgets', () => {
    const read = reader();
    read(frame('snapshot', { lastPrice: '100', bid1Price: '99', bid1Size: '1', volume24h: '7' }));
    expect(eventsOf(read(frame('delta', { bid1Price: '98' })))[0]).toMatchObject({
      last: 100,
      bid: 98,
      bidAmount: 1,
      volume24h: 7,
    });
    expect(eventsOf(read(frame('snapshot', { lastPrice: '101' })))[0]).toMatchObject({ last: 101, bid: undefined });
  });

  it.each(['', '0'])('take a bid of %j for none, also where one was known', (gone) => {
    const read = reader();
    read(frame('snapshot', { lastPrice: '100', bid1Price: '99', ask1Price: '101' }));
    const next = read(frame('delta', { bid1Price: gone }));
    expect(next).toMatchObject({ rejected: [] });
    expect(eventsOf(next)[0]).toMatchObject({ last: 100, bid: undefined, ask: 101 });
  });

  it.each(['NaN', 'x', {}, null, '-1', 'Infinity'])(
    'tell of a bid %j that cannot be read, and forget the one known',
    (broken) => {
      const read = reader();
      read(frame('snapshot', { lastPrice: '100', bid1Price: '99' }));
      const next = read(frame('delta', { bid1Price: broken, lastPrice: '102' }));
      expect(next).toMatchObject({ rejected: ['tickers: expected a number in bid1Price'] });
      expect(eventsOf(next)[0]).toMatchObject({ last: 102, bid: undefined });
    },
  );

  it('count open interest of both sides apart from that of one', () => {
    const events = eventsOf(reader()(frame('snapshot', { openInterest: '59891.732', singleOpenInterest: '29945.866' })));
    expect(events).toMatchObject([{ type: 'open_interest', amount: 29945.866, amountBothSides: 59891.732 }]);
  });

  it('give funding with its time and interval', () => {
    const funding = { fundingRate: '-0.0001', nextFundingTime: '1786320000000', fundingIntervalHour: '8' };
    expect(eventsOf(reader()(frame('snapshot', funding)))).toMatchObject([
      { type: 'funding', rate: -0.0001, nextFundingTimestamp: 1_786_320_000_000_000, intervalHours: 8 },
    ]);
  });

  it.each([
    [{ topic: 'tickers.A', type: 'snapshot', data: [] }, 'an object in data'],
    [{ topic: 'tickers.A', type: 'snapshot', data: {} }, 'a symbol'],
    [{ topic: 'tickers.A', type: 'update', data: { symbol: 'A' } }, 'snapshot or delta in type'],
  ])('%j are rejected', (wrong, expected) => {
    expect(reader()(wrong)).toEqual({ kind: 'rejected', reason: `tickers: expected ${expected}` });
  });
});

describe('books', () => {
  const book = (depth: number | string, type: string, data: object, more: object = {}) => ({
    topic: `orderbook.${depth}.BTCUSDT`,
    type,
    ts: 1764000000203,
    cts: 1764000000200,
    data: { s: 'BTCUSDT', b: [['90000.10', '0.5']], a: [['90000.2', '0']], u: 1854, seq: 7961, ...data },
    ...more,
  });

  it('keep the texts, the engine time and the rule of u', () => {
    expect(eventsOf(reader()(book(50, 'delta', {})))).toEqual([
      {
        type: 'book_message',
        exchange: 'bybit',
        market: 'linear',
        symbol: 'BTCUSDT',
        timestamp: 1_764_000_000_200_000,
        action: 'delta',
        bids: [['90000.10', '0.5']],
        asks: [['90000.2', '0']],
        sequence: '1854',
        previousSequence: '1853',
        maxLevels: 50,
      },
    ]);
  });

  it('use the push time where the engine time is not given', () => {
    expect(eventsOf(reader()(book(200, 'snapshot', {}, { cts: undefined })))[0]).toMatchObject({
      timestamp: 1_764_000_000_203_000,
      action: 'snapshot',
      maxLevels: 200,
      sequence: '1854',
    });
  });

  it('take u 1 for a snapshot, whatever it is called', () => {
    const [event] = eventsOf(reader()(book(50, 'delta', { u: 1 })));
    expect(event).toMatchObject({ action: 'snapshot', sequence: '1', previousSequence: undefined });
  });

  it('keep u exact up to 2^53', () => {
    expect(eventsOf(reader()(book(50, 'delta', { u: Number.MAX_SAFE_INTEGER })))[0]).toMatchObject({
      sequence: '9007199254740991',
      previousSequence: '9007199254740990',
    });
  });

  it('drop the repeat of a best quote by symbol, and only that', () => {
    const read = reader();
    const kinds = [
      book(1, 'snapshot', { u: 7 }),
      book(1, 'snapshot', { u: 7 }),
      book(1, 'snapshot', { s: 'ETHUSDT', u: 7 }),
      book(1, 'snapshot', { u: 8 }),
      book(1, 'snapshot', { u: 1 }),
      book(1, 'snapshot', { u: 1 }),
      book(50, 'snapshot', { u: 8 }),
      book(50, 'snapshot', { u: 8 }),
    ].map((frame) => read(frame).kind);
    expect(kinds).toEqual(['data', 'silent', 'data', 'data', 'data', 'data', 'data', 'data']);
  });

  it('take the first best quote after a subscription for news', () => {
    const read = reader();
    read(book(1, 'snapshot', { u: 7 }));
    read({ success: true, op: 'subscribe', ret_msg: '', req_id: 'orderbook.1.BTCUSDT' });
    expect(read(book(1, 'snapshot', { u: 7 })).kind).toBe('data');
  });

  it.each([
    [book(50, 'delta', { s: '' }), 'a symbol in s'],
    [book(50, 'delta', { u: '1854' }), 'an integer above 0 in u'],
    [book(50, 'delta', { u: 1.5 }), 'an integer above 0 in u'],
    [book(50, 'delta', { u: 2 ** 60 }), 'an integer above 0 in u'],
    [book(50, 'delta', { u: 0 }), 'an integer above 0 in u'],
    [book(50, 'delta', { b: undefined }), 'lists of two texts in b and a'],
    [book(50, 'delta', { b: [['1']] }), 'lists of two texts in b and a'],
    [book(50, 'delta', { b: [['1', '2', '3']] }), 'lists of two texts in b and a'],
    [book(50, 'delta', { b: ['12'] }), 'lists of two texts in b and a'],
    [book(50, 'delta', { a: [[1, 2]] }), 'lists of two texts in b and a'],
    [book(50, 'delta', {}, { ts: 1, cts: 1 }), 'milliseconds in cts or ts'],
    [book(50, 'update', {}), 'snapshot or delta in type'],
    [book(1, 'delta', {}), 'a snapshot at depth 1'],
  ])('%j are refused whole', (wrong, expected) => {
    expect(reader()(wrong)).toEqual({ kind: 'rejected', reason: `orderbook: expected ${expected}` });
  });
});

describe('candles', () => {
  const row = { start: 1764000000000, interval: '60', open: '1', high: '3', low: '0.5', close: '2', volume: '0', turnover: '0' };
  const frame = (interval: string, more: object) => ({ topic: `kline.${interval}.BTCUSDT-26DEC25`, data: [{ ...row, ...more }] });

  it('take symbol and interval from the topic', () => {
    expect(eventsOf(reader()(frame('60', { confirm: true })))).toEqual([
      {
        type: 'candle',
        exchange: 'bybit',
        market: 'linear',
        symbol: 'BTCUSDT-26DEC25',
        timestamp: 1_764_000_000_000_000,
        interval: '1h',
        open: 1,
        high: 3,
        low: 0.5,
        close: 2,
        volume: 0,
        turnover: 0,
        source: 'exchange',
        closed: true,
      },
    ]);
  });

  it.each([
    [{ confirm: 'true' }, 'true or false in confirm'],
    [{ confirm: true, start: '' }, 'milliseconds in start'],
    [{ confirm: true, low: '0' }, 'prices above 0 in open, high, low, close'],
    [{ confirm: true, volume: '' }, 'a volume of 0 or more'],
    [{ confirm: true, volume: '-1' }, 'a volume of 0 or more'],
    [{ confirm: true, turnover: 'x' }, 'a turnover of 0 or more'],
  ])('with %j are rejected', (more, expected) => {
    expect(reader()(frame('1', more))).toMatchObject({ events: [], rejected: [`kline: expected ${expected}`] });
  });
});

describe('what is no data', () => {
  const answer = { conn_id: 'c', op: 'subscribe' };
  const refusal = 'error:already subscribed,topic:publicTrade.BTCUSDT';
  it.each([
    [
      { ...answer, success: true, ret_msg: '', req_id: 'a' },
      { kind: 'acknowledged', request: 'a' },
    ],
    [
      { ...answer, success: true, ret_msg: 'subscribe', req_id: '' },
      { kind: 'acknowledged', request: undefined },
    ],
    [
      { ...answer, success: false, ret_msg: refusal, req_id: 'a' },
      { kind: 'refused', request: 'a', topic: 'publicTrade.BTCUSDT', reason: refusal },
    ],
    [
      { ...answer, success: false },
      { kind: 'refused', request: undefined, topic: undefined, reason: 'no reason given' },
    ],
    [{ success: true, ret_msg: 'pong', conn_id: 'c', op: 'ping' }, { kind: 'pong' }],
    [{ op: 'pong', args: ['1764000000000'] }, { kind: 'pong' }],
    [
      { op: 'auth', success: true },
      { kind: 'unknown', what: 'answer auth' },
    ],
    [{}, { kind: 'unknown', what: 'answer without op' }],
    [{ topic: 'orderbook.rpi.BTCUSDT' }, { kind: 'silent', what: 'orderbook.rpi' }],
    [{ topic: 'orderbook.full.BTCUSDT' }, { kind: 'silent', what: 'orderbook.full' }],
    [{ topic: 'orderbook.7.BTCUSDT' }, { kind: 'unknown', what: 'topic orderbook.7' }],
    [{ topic: 'orderbook' }, { kind: 'unknown', what: 'topic orderbook.' }],
    [{ topic: 'kline.M.BTCUSDT' }, { kind: 'silent', what: 'kline.M' }],
    [{ topic: 'kline.2.BTCUSDT' }, { kind: 'unknown', what: 'topic kline.2' }],
    [{ topic: 'priceLimit.BTCUSDT' }, { kind: 'silent', what: 'priceLimit' }],
    [{ topic: 'adlAlert.USDT' }, { kind: 'silent', what: 'adlAlert' }],
    [{ topic: 'insurance.USDT' }, { kind: 'silent', what: 'insurance' }],
    [{ topic: 'publicTrade.BTC-28JUN24-60000-P' }, { kind: 'silent', what: 'publicTrade of an option' }],
    [{ topic: 'news.BTC' }, { kind: 'unknown', what: 'topic news' }],
    [{ topic: '__proto__' }, { kind: 'unknown', what: 'topic __proto__' }],
    [
      { topic: 'publicTrade.A', data: {} },
      { kind: 'rejected', reason: 'publicTrade: expected a list in data' },
    ],
    ['{"topic":', { kind: 'rejected', reason: 'expected JSON' }],
    ['', { kind: 'rejected', reason: 'expected JSON' }],
    ['[]', { kind: 'rejected', reason: 'expected a JSON object' }],
    ['null', { kind: 'rejected', reason: 'expected a JSON object' }],
  ])('%j', (frame, expected) => {
    expect(reader()(frame)).toEqual(expected);
  });
});
