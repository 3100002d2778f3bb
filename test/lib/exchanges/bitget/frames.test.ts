import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { bitget } from '../../../../src/lib/exchanges/bitget/index.js';
import type { FeedEvent, Frame, FrameReader } from '../../../../src/lib/exchanges/exchange.js';

type Recorded = { source: string; api: string; frame: { arg: Record<string, string>; data?: unknown[]; event?: string } };

const recorded: Recorded[] = readFileSync('fixtures/bitget/frames-bitget.ndjson', 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line));

function reader(api = 'v2'): FrameReader {
  return bitget.createReader(`wss://ws.bitget.com/${api}/ws/public`) as FrameReader;
}

function eventsOf(frame: Frame): readonly FeedEvent[] {
  if (frame.kind !== 'data') throw new Error(`expected data, was ${JSON.stringify(frame)}`);
  expect(frame.rejected).toEqual([]);
  return frame.events;
}

function eventsIn(message: unknown, api = 'v2'): readonly FeedEvent[] {
  return eventsOf(reader(api).read(JSON.stringify(message), 1));
}

/** The recorded frame of a channel, and what it maps to. */
function recordedEvents(api: string, channel: string, symbol: string | undefined, nth = 0): readonly FeedEvent[] {
  const matching = recorded.filter(
    ({ api: its, frame: { arg, data } }) =>
      its === api && data && (arg.channel ?? arg.topic) === channel && (arg.instId ?? arg.symbol) === symbol,
  );
  const { frame } = matching[nth] as Recorded;
  return eventsIn(frame, api);
}

describe('recorded frames', () => {
  test.each(recorded.map(({ api, frame }) => [`${api} ${JSON.stringify(frame).slice(0, 110)}`, api, frame] as const))(
    '%s',
    (_, api, frame) => {
      const read = reader(api).read(JSON.stringify(frame), 1);
      const expected = frame.data ? 'data' : { subscribe: 'acknowledged', error: 'refused' }[frame.event as string];
      expect(read.kind).toBe(expected);
      if (read.kind === 'data') {
        expect(read.rejected).toEqual([]);
        expect(read.events.length).toBeGreaterThanOrEqual((frame.data as unknown[]).length);
      }
    },
  );

  test('v2 trade', () => {
    expect(recordedEvents('v2', 'trade', 'BTCUSDT')).toEqual([
      {
        type: 'trade',
        exchange: 'bitget',
        market: 'spot',
        symbol: 'BTCUSDT',
        timestamp: 1730332858796000,
        id: '1235671058980749319',
        price: 72389.99,
        amount: 0.001373,
        side: 'buy',
        sequence: '1235671058980749319',
      },
    ]);
  });

  test('v3 trade, COIN-FUTURES in v2', () => {
    expect(recordedEvents('v3', 'publicTrade', 'BTCUSDT', 1)).toMatchObject([
      { market: 'linear', id: '1432912492051054592', price: 76631.3, amount: 0.01, side: 'buy', timestamp: 1777358881008000 },
    ]);
    expect(recordedEvents('v2', 'trade', 'DOGEUSD')).toMatchObject([{ market: 'inverse', symbol: 'DOGEUSD', amount: 447 }]);
  });

  test('liquidations: the position was long, so the order sold; rows in order of time', () => {
    expect(recordedEvents('v3', 'liquidation', undefined)).toEqual([
      {
        type: 'liquidation',
        exchange: 'bitget',
        market: 'linear',
        symbol: 'IPUSDT',
        timestamp: 1777358876983000,
        side: 'sell',
        price: 0.500280739469,
        amount: 143.330431857868,
      },
      expect.objectContaining({ symbol: 'APEUSDT', side: 'sell', price: 0.1649, amount: 13.70319 }),
    ]);
  });

  test('futures ticker fans out', () => {
    expect(recordedEvents('v2', 'ticker', 'BTCUSDT', 1)).toMatchObject([
      { type: 'ticker', last: 83692.3, bid: 83692.3, bidAmount: 1.2043, ask: 83692.4, askAmount: 4.5377, volume24h: 30736.4509 },
      { type: 'mark_price', mark: 83692.3, index: 83720.9225 },
      { type: 'open_interest', amount: 31911.34559999996 },
      { type: 'funding', rate: 0.0001, nextFundingTimestamp: 1790380800000000 },
    ]);
  });

  test('a delivery has no funding, though its row says rate 0', () => {
    const types = recordedEvents('v2', 'ticker', 'BTCUSDZ24').map(({ type }) => type);
    expect(types).toEqual(['ticker', 'mark_price', 'open_interest']);
  });

  test('a spot ticker is a ticker alone', () => {
    const events = recordedEvents('v2', 'ticker', 'BTCUSDT');
    expect(events).toMatchObject([
      { type: 'ticker', market: 'spot', timestamp: 1790358774065000, turnover24h: 225237773.321358 },
    ]);
  });

  test('books: checksum of an update, none of snapshots and top-N feeds', () => {
    expect(recordedEvents('v2', 'books', 'LMWRUSDT')).toEqual([
      {
        type: 'book_message',
        exchange: 'bitget',
        market: 'spot',
        symbol: 'LMWRUSDT',
        timestamp: 1730332859981000,
        action: 'delta',
        bids: [['0.12306', '3326.85']],
        asks: [],
        checksum: 1073441524,
      },
    ]);
    expect(recordedEvents('v2', 'books', 'BTCUSDT')).toMatchObject([
      { action: 'delta', sequence: '850169288983', previousSequence: '850169286126', checksum: undefined, topLevels: undefined },
    ]);
    expect(recordedEvents('v2', 'books15', 'YGGUSDT')).toMatchObject([
      { action: 'snapshot', topLevels: 15, checksum: undefined },
    ]);
    expect(recordedEvents('v3', 'books1', 'BTCUSDT')).toMatchObject([
      { topLevels: 1, sequence: '451057506670', previousSequence: undefined, bids: [['76671.22', '0.531211']] },
    ]);
    expect(recordedEvents('v3', 'books', 'BTCUSDT')).toMatchObject([{ action: 'snapshot', topLevels: undefined }]);
  });

  test('candles of the first frame: history is closed, the last is not', () => {
    const candles = recordedEvents('v2', 'candle1m', 'BTCUSDT');
    expect(candles.map((candle) => 'closed' in candle && candle.closed)).toEqual([true, true, false]);
    expect(candles[1]).toEqual({
      type: 'candle',
      exchange: 'bitget',
      market: 'spot',
      symbol: 'BTCUSDT',
      timestamp: 1790358720000000,
      interval: '1m',
      open: 83738.85,
      high: 83738.85,
      low: 83715.68,
      close: 83715.7,
      volume: 0.100386,
      turnover: 8404.36639961,
      source: 'exchange',
      closed: true,
    });
  });
});

describe('answers', () => {
  const argument = { instType: 'SPOT', channel: 'trade', instId: 'XUSDT' };
  test.each<[string, unknown, Frame]>([
    ['confirmation', { event: 'subscribe', arg: argument }, { kind: 'acknowledged', topic: 'SPOT/trade/XUSDT' }],
    [
      'refusal, code as number',
      { event: 'error', arg: argument, code: 30001, msg: 'no such symbol' },
      { kind: 'refused', topic: 'SPOT/trade/XUSDT', reason: '30001 no such symbol' },
    ],
    [
      'refusal that names the argument in its message alone',
      { event: 'error', code: '30001', msg: "instType:SPOT,channel:trade,instId:XUSDT doesn't exist" },
      { kind: 'refused', topic: 'SPOT/trade/XUSDT', reason: "30001 instType:SPOT,channel:trade,instId:XUSDT doesn't exist" },
    ],
    [
      'refusal of the connection',
      { event: 'error', code: 30007, msg: 'request over limit' },
      { kind: 'refused', topic: undefined, reason: '30007 request over limit' },
    ],
    ['farewell', { event: 'unsubscribe', arg: argument }, { kind: 'silent', what: 'unsubscribe' }],
    ['something new', { event: 'notice' }, { kind: 'unknown', what: 'event notice' }],
  ])('%s', (_, message, expected) => {
    expect(reader().read(JSON.stringify(message), 1)).toEqual(expected);
  });

  test('pong is bare text', () => expect(reader().read('pong', 1)).toEqual({ kind: 'pong' }));

  test('an answer names the very topic that the plan asked for', () => {
    for (const api of bitget.apis) {
      const subscription = { market: 'linear', channel: 'candle', symbol: 'BTCUSDT', interval: '1h' } as const;
      const [message] = bitget.plan([subscription], { api, depth: 15 })[0]?.messages ?? [];
      const [arg] = JSON.parse(message?.text as string).args;
      const answer = reader(api).read(JSON.stringify({ event: 'subscribe', arg }), 1);
      expect(answer).toEqual({ kind: 'acknowledged', topic: message?.topics[0] });
    }
  });
});

function trades(data: unknown[], action = 'update') {
  return { action, arg: { instType: 'SPOT', channel: 'trade', instId: 'BTCUSDT' }, data, ts: 1764000000110 };
}

describe('trades', () => {
  const row = (ts: number, tradeId: unknown) => ({ ts: String(ts), price: '2', size: '3', side: 'sell', tradeId });

  test('newest first becomes oldest first, ids compared as integers', () => {
    const events = eventsIn(trades([row(1764000000002, '1001'), row(1764000000001, '999'), row(1764000000001, '98')]));
    expect(events.map((event) => 'id' in event && event.id)).toEqual(['98', '999', '1001']);
  });

  test('the snapshot after a subscription is history, an update is not', () => {
    const data = [row(1764000000001, '1')];
    expect(reader().read(JSON.stringify(trades(data, 'snapshot')), 1)).toMatchObject({ history: true });
    expect(reader().read(JSON.stringify(trades(data)), 1)).toMatchObject({ history: undefined, pushTimestamp: 1764000000110000 });
  });

  test('ids beyond 2^53 stay apart, also unquoted, and texts that look like them stay texts', () => {
    const text = JSON.stringify(trades([row(1764000000001, 'A'), row(1764000000001, 'B')]))
      .replace('"A"', '1304314508780744705')
      .replace(
        '"B"',
        ' 1304314508780744706 , "note" : "\\" 1304314508780744707 0.12345678901234567890", "f" : 0.12345678901234567890',
      );
    const events = eventsOf(reader().read(text, 1));
    expect(events.map((event) => 'id' in event && event.id)).toEqual(['1304314508780744705', '1304314508780744706']);
    expect(events).toMatchObject([{ sequence: '1304314508780744705' }, { sequence: '1304314508780744706' }]);
  });

  test('a row without time takes that of the push', () => {
    const events = eventsIn(trades([{ price: '2', size: '3', side: 'sell', tradeId: '1' }]));
    expect(events[0]?.timestamp).toBe(1764000000110000);
  });

  const good = row(1764000000001, '1');
  test.each<[string, unknown]>([
    ['price', { ...good, price: '0' }],
    ['price', { ...good, price: 'NaN' }],
    ['price', { ...good, price: '-1' }],
    ['price', { ...good, price: '1e999' }],
    ['size', { ...good, size: '' }],
    ['size', { ...good, size: '0' }],
    ['size', { ...good, size: null }],
    ['side', { ...good, side: 'Buy' }],
    ['id', { ...good, tradeId: undefined }],
    ['id', { ...good, tradeId: 1.5 }],
    ['row', 'text'],
    ['row', null],
  ])('a bad %s rejects that row alone: %j', (field, bad) => {
    const frame = reader().read(JSON.stringify(trades([bad, row(1764000000003, '7')])), 1);
    expect(frame).toMatchObject({
      kind: 'data',
      events: [{ id: '7' }],
      rejected: [expect.stringContaining(`expected ${field}`)],
    });
  });
});

describe('books', () => {
  const book = (action: string, row: Record<string, unknown>, channel = 'books') => ({
    action,
    arg: { instType: 'USDT-FUTURES', channel, instId: 'BTCUSDT' },
    data: [{ asks: [['2', '1']], bids: [['1', '0']], ts: '1764000000200', ...row }],
    ts: 1764000000203,
  });
  const sequences = (messages: unknown[]) => {
    const frames = reader();
    return messages
      .flatMap((message) => eventsOf(frames.read(typeof message === 'string' ? message : JSON.stringify(message), 1)))
      .map((event) => ('sequence' in event && 'previousSequence' in event ? [event.previousSequence, event.sequence] : []));
  };

  test('unquoted sequences beyond 2^53 stay distinct', () => {
    const text = JSON.stringify(book('update', { seq: 'SEQ', pseq: 'PSEQ' }))
      .replace('"SEQ"', '1304314508780744706')
      .replace('"PSEQ"', '1304314508780744705');
    expect(sequences([text])).toEqual([['1304314508780744705', '1304314508780744706']]);
  });

  test('sequences are given as they came, pseq with updates alone', () => {
    const messages = [
      book('snapshot', { seq: 105, pseq: 0 }),
      book('update', { seq: '110', pseq: 100 }),
      book('update', { seq: 9, pseq: 0 }),
    ];
    expect(sequences(messages)).toEqual([
      [undefined, '105'],
      ['100', '110'],
      ['0', '9'],
    ]);
  });

  test('texts that are no numbers are for the book to refuse', () => {
    expect(eventsIn(book('update', { bids: [['NaN', '-1']] }))).toMatchObject([{ bids: [['NaN', '-1']] }]);
  });

  test.each([
    [0, undefined],
    [-1504501796, -1504501796],
    [2790465500, -1504501796],
    ['1073441524', 1073441524],
  ])('checksum %s counts as %s', (checksum, expected) => {
    expect(eventsIn(book('update', { checksum }))).toMatchObject([{ checksum: expected }]);
    expect(eventsIn(book('snapshot', { checksum }))).toMatchObject([{ checksum: undefined }]);
  });

  test.each<[string, unknown]>([
    ['bids', book('update', { bids: [[1, 2]] })],
    ['bids', book('snapshot', { bids: undefined })],
    ['bids', book('snapshot', { bids: ['1', '2'] })],
    ['asks', book('update', { asks: [['1']] })],
    ['row', { ...book('update', {}), data: [7] }],
    ['seq', book('update', { seq: 'x' })],
    ['pseq', book('update', { pseq: 1.5 })],
    ['checksum', book('update', { checksum: 'x' })],
    ['action', book('update', {}, 'books15')],
  ])('a bad %s rejects the row', (field, message) => {
    const frame = reader().read(JSON.stringify(message), 1);
    expect(frame).toMatchObject({ kind: 'data', events: [], rejected: [expect.stringContaining(`expected ${field}`)] });
  });
});

describe('tickers', () => {
  const ticker = (instId: string, row: Record<string, unknown>) => ({
    action: 'snapshot',
    arg: { instType: 'USDT-FUTURES', channel: 'ticker', instId },
    data: [{ lastPr: '5', ts: '1764000000200', ...row }],
    ts: 1764000000203,
  });

  test('empty texts and prices of zero are no values; an open interest of zero is one', () => {
    const row = {
      bidPr: '0',
      bidSz: '7',
      askPr: '',
      askSz: '0',
      markPrice: '0',
      indexPrice: '',
      holdingAmount: '0',
      fundingRate: '',
    };
    expect(eventsIn(ticker('AUSDT', row))).toEqual([
      expect.objectContaining({ type: 'ticker', last: 5, bid: undefined, bidAmount: undefined, ask: undefined }),
      expect.objectContaining({ type: 'open_interest', amount: 0 }),
    ]);
  });

  test.each([
    ['AUSDT', { symbolType: 2 }, false],
    ['AUSDT', { symbolType: '1' }, true],
    ['AUSDT', {}, true],
    ['AUSDTZ24', {}, false],
    ['AUSD_231229', {}, false],
  ])('%s %j is funded: %s', (symbol, row, isFunded) => {
    const events = eventsIn(ticker(symbol, { fundingRate: '0', nextFundingTime: '0', ...row }));
    expect(events.find(({ type }) => type === 'funding')).toEqual(
      isFunded ? expect.objectContaining({ rate: 0, nextFundingTimestamp: undefined }) : undefined,
    );
  });

  test('v3: symbol of the argument, time of the push, updates merged, an emptied field forgotten', () => {
    const frames = reader('v3');
    const push = (action: string, row: Record<string, unknown>, ts: number) =>
      eventsOf(
        frames.read(
          JSON.stringify({ action, arg: { instType: 'usdt-futures', topic: 'ticker', symbol: 'BTCUSDT' }, data: [row], ts }),
          1,
        ),
      );
    const first = {
      lastPrice: '5',
      bid1Price: '4',
      bid1Size: '1',
      ask1Price: '6',
      ask1Size: '2',
      markPrice: '5.5',
      openInterest: '9',
    };
    expect(push('snapshot', first, 1764000000203).map(({ type }) => type)).toEqual(['ticker', 'mark_price', 'open_interest']);
    expect(push('update', { bid1Price: '4.5' }, 1764000000303)).toEqual([
      expect.objectContaining({ type: 'ticker', timestamp: 1764000000303000, symbol: 'BTCUSDT', last: 5, bid: 4.5, ask: 6 }),
    ]);
    expect(push('update', { bid1Price: '' }, 1764000000403)).toEqual([
      expect.objectContaining({ type: 'ticker', last: 5, bid: undefined, bidAmount: undefined, ask: 6 }),
    ]);
    expect(push('update', { markPrice: '5.6' }, 1764000000503)).toEqual([
      expect.objectContaining({ type: 'mark_price', mark: 5.6 }),
    ]);
  });
});

describe('candles', () => {
  const frameOf = (channel: string, data: unknown[]) =>
    reader().read(
      JSON.stringify({ action: 'update', arg: { instType: 'SPOT', channel, instId: 'BTCUSDT' }, data, ts: 1764000000203 }),
      1,
    );
  const MONDAY = Date.UTC(2026, 10, 16);

  test.each([
    [['1', '2', '1', '2', '3'], undefined],
    [['1', '2', '1', '2', '3', '6'], 6],
    [['1', '2', '1', '2', '3', '6', '7'], 6],
  ])('row %j has turnover %s', (values, turnover) => {
    expect(eventsOf(frameOf('candle1m', [[String(MONDAY), ...values]]))).toMatchObject([{ volume: 3, turnover, closed: false }]);
  });

  test.each([
    ['candle1H', '1h'],
    ['candle6Hutc', '6h'],
    ['candle1Dutc', '1d'],
    ['candle1Wutc', '1w'],
  ])('%s is %s', (channel, interval) => {
    expect(eventsOf(frameOf(channel, [[String(MONDAY), '1', '2', '1', '2', '3']]))).toMatchObject([{ interval }]);
  });

  test.each(['candle6H', 'candle12H', 'candle1D', 'candle3D', 'candle1W', 'candle1M', 'candle1Mutc'])(
    '%s is silent',
    (channel) => {
      expect(frameOf(channel, [])).toMatchObject({ kind: 'silent', what: expect.stringContaining('UTC') });
    },
  );

  test('buckets that are not ours, bad prices and short rows are rejected one by one', () => {
    const rows = [
      [String(MONDAY + 1), '1', '2', '1', '2', '3'],
      [String(MONDAY), '1', '0', '1', '2', '3'],
      [String(MONDAY), '1', '2', '1', '2'],
      'text',
      [String(MONDAY), '1', '2', '1', '2', '0'],
    ];
    expect(frameOf('candle1m', rows)).toMatchObject({ kind: 'data', events: [{ volume: 0 }], rejected: { length: 4 } });
    expect(frameOf('candle1Wutc', [[String(MONDAY - 86_400_000), '1', '2', '1', '2', '3']])).toMatchObject({ events: [] });
  });

  test('v3 rows are objects, the interval is in the argument', () => {
    const arg = { instType: 'usdt-futures', topic: 'kline', symbol: 'BTCUSDT', interval: '3m' };
    const row = { start: String(MONDAY), open: '1', high: '2', low: '1', close: '2', volume: '3', turnover: '6' };
    const message = { action: 'update', arg, data: [row], ts: MONDAY + 5000 };
    expect(eventsIn(message, 'v3')).toMatchObject([{ interval: '3m', market: 'linear', turnover: 6, closed: false }]);
    const silent = reader('v3').read(JSON.stringify({ ...message, arg: { ...arg, interval: '1D' } }), 1);
    expect(silent.kind).toBe('silent');
  });
});

describe('frames that are not what they should be', () => {
  const arg = { instType: 'SPOT', channel: 'trade', instId: 'BTCUSDT' };
  test.each<[string, string]>([
    ['', 'rejected'],
    ['{"action":"upd', 'rejected'],
    ['null', 'rejected'],
    ['[1]', 'rejected'],
    ['12345678901234567890', 'rejected'],
    ['{}', 'unknown'],
    ['{"action":"update"}', 'rejected'],
    [JSON.stringify({ action: 'update', arg: { ...arg, instType: undefined }, data: [] }), 'rejected'],
    [JSON.stringify({ action: 'update', arg: { ...arg, instType: 'MARGIN' }, data: [] }), 'unknown'],
    [JSON.stringify({ action: 'update', arg: { ...arg, instId: undefined }, data: [] }), 'rejected'],
    [JSON.stringify({ action: 'update', arg: { ...arg, instId: 7 }, data: [] }), 'rejected'],
    [JSON.stringify({ action: 'update', arg: { ...arg, channel: undefined }, data: [] }), 'rejected'],
    [JSON.stringify({ action: 'update', arg: { ...arg, channel: 'tea' }, data: [] }), 'unknown'],
    [JSON.stringify({ action: 'update', arg: { ...arg, channel: 'candle7m' }, data: [] }), 'unknown'],
    [JSON.stringify({ action: 'update', arg, data: {} }), 'rejected'],
    [JSON.stringify({ action: 'update', arg }), 'rejected'],
    [JSON.stringify({ action: 'insert', arg, data: [] }), 'rejected'],
    // objects that cannot become texts
    ['{"event":"error","arg":{"instType":{"toString":1,"valueOf":1}},"code":{"toString":1,"valueOf":1}}', 'refused'],
    [
      '{"action":"snapshot","arg":{"instType":"SPOT","channel":"ticker","instId":"A"},"data":[{"symbolType":{"toString":1,"valueOf":1}}],"ts":1}',
      'data',
    ],
  ])('%s is %s', (text, kind) => {
    expect(reader().read(text, 1).kind).toBe(kind);
  });

  test.each([
    ['wss://ws.bitget.com/v2/ws/public', true],
    ['ws://127.0.0.1:9001/v3/ws/public?x=1', true],
    ['wss://ws.bitget.com/v2/ws/private', false],
    ['wss://ws.bitget.com/', false],
    ['', false],
  ])('a connection to %s has a reader: %s', (url, expected) => {
    expect(bitget.createReader(url) !== undefined).toBe(expected);
  });
});
