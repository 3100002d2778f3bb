import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ExchangeServer, startExchangeServer } from '../../support/exchange-server/index.js';
import { fixture, type RecordedFrame, singleFrames, tapeFrames } from '../../support/frames.js';
import { get, nameOf, type Wire, WireClient } from './wire-client.js';

/** Kinds of JSON values by path; `*` stands for any index. A text that is a number is `digits`. */
type Shape = Map<string, string>;

function shapeOf(value: unknown, path = '', shape: Shape = new Map()): Shape {
  if (Array.isArray(value)) {
    shape.set(path, 'list');
    for (const each of value) shapeOf(each, `${path}[*]`, shape);
  } else if (typeof value === 'object' && value !== null) {
    shape.set(path, 'object');
    for (const [name, each] of Object.entries(value)) shapeOf(each, `${path}.${name}`, shape);
  } else if (value !== '' && value !== null) {
    const isNumeric = typeof value === 'string' && /^-?\d+(?:\.\d+)?$/.test(value);
    shape.set(path, isNumeric ? 'digits' : typeof value);
  }
  return shape;
}

/** What is recorded and we lack, or write as another kind. */
function missing(recorded: Shape, ours: Shape, optional: RegExp): string[] {
  return [...recorded]
    .filter(([path, kind]) => ours.get(path) !== kind && !optional.test(path))
    .map(([path, kind]) => `${path}: recorded ${kind}, ours ${ours.get(path) ?? 'nothing'}`);
}

/** What kind a frame is of: what of its topic does not name a symbol, and its type. */
function kindOf(frame: Wire): string | undefined {
  if (frame.data === undefined) return frame.event ?? (frame.op === undefined ? undefined : `${frame.op} ${frame.success}`);
  const { arg, action } = frame;
  if (!arg) return `${frame.topic?.replace(/\.[^.]+$/, '')} ${frame.type}`;
  const market = /spot/i.test(arg.instType ?? '') ? 'spot' : 'contract';
  return `${market} ${arg.channel ?? arg.topic} ${action}`;
}

/** Fields that only a part of the recorded frames has: older ones, dated futures, what v1 lacked. */
const OPTIONAL: Readonly<Record<string, RegExp>> = {
  '/v2/ws/public': /\.(?:checksum|deliveryPrice)$|^\.arg\./,
  '/v3/ws/public': /^\.arg\./,
  '/v5/public/linear': /\.(?:fundingCap|basis|basisRate|basisRateYear|deliveryFeeRate|predictedDeliveryPrice|deliveryTime)$/,
  '/v5/public/inverse': /\.(?:basis|basisRate|deliveryFeeRate|predictedDeliveryPrice|deliveryTime)$/,
  '/v5/public/spot': /^$/,
};

const BITGET_V2 = ['trade', 'ticker', 'books', 'books5', 'books15', 'candle1m'];

function requests(path: string): object[] {
  const v2 = (instType: string) => BITGET_V2.map((channel) => ({ instType, channel, instId: 'BTCUSDT' }));
  const v3 = (instType: string) =>
    ['publicTrade', 'ticker', 'books', 'books1'].map((topic) => ({ instType, topic, symbol: 'BTCUSDT' }));
  const bad = { instType: 'SPOT', channel: 'candle1h', instId: 'BTCUSDT' };
  if (path === '/v2/ws/public') return [{ op: 'subscribe', args: [...v2('SPOT'), ...v2('USDT-FUTURES'), bad] }];
  if (path === '/v3/ws/public')
    return [
      { op: 'subscribe', args: [...v3('spot'), ...v3('usdt-futures'), { instType: 'usdt-futures', topic: 'liquidation' }] },
    ];
  const symbol = path.endsWith('inverse') ? 'BTCUSD' : 'BTCUSDT';
  const topics = ['publicTrade', 'tickers', 'orderbook.1', 'orderbook.50', 'orderbook.200', 'kline.1'];
  const all = path.endsWith('spot') ? topics : [...topics, 'allLiquidation'];
  return [{ op: 'subscribe', req_id: '', args: all.map((topic) => `${topic}.${symbol}`) }];
}

/** Returns the shapes of all frames that the server sends on a path, by kind. */
async function shapesOfServer(server: ExchangeServer, path: string): Promise<Map<string, Shape>> {
  const client = await WireClient.connect(server, path);
  for (const request of requests(path)) client.send(request);
  await client.until(({ texts }) => texts.length > 4);
  for (const { listing } of server.market.symbols) {
    server.trade(listing.market, listing.symbol);
    server.requote(listing.market, listing.symbol);
    server.ticker(listing.market, listing.symbol);
    server.liquidate(listing.market, listing.symbol);
  }
  server.advance(61_000);
  for (const { listing } of server.market.symbols) server.ticker(listing.market, listing.symbol);
  await client.settle(server.id === 'bitget' ? 'ping' : { op: 'ping' });
  const shapes = new Map<string, Shape>();
  for (const frame of client.frames) {
    const kind = kindOf(frame);
    if (kind !== undefined) shapes.set(kind, shapeOf(frame, '', shapes.get(kind)));
  }
  client.close();
  // A delta holds what changed, which may be any of what the snapshot holds.
  const whole = shapes.get('tickers snapshot');
  if (whole && shapes.has('tickers delta')) shapes.set('tickers delta', new Map([...whole, ['.type', 'string']]));
  return shapes;
}

function recordedFrames(exchange: string): RecordedFrame[] {
  const tape = exchange === 'bitget' ? 'bitget-v2.tape.ndjson.gz' : 'bybit-v5.tape.ndjson.gz';
  return [...singleFrames(exchange), ...tapeFrames(tape)];
}

/** Recorded kinds that the exchange has retired. */
const RETIRED = /^liquidation /;

/** Returns the recorded frames of a path that we play, with their kinds. A dated future's ticker has fields of its own. */
function comparable(exchange: string, path: string): { kind: string; frame: Wire }[] {
  const texts = recordedFrames(exchange).filter(({ url, text }) => new URL(url).pathname === path && text !== 'pong');
  return texts.flatMap(({ text }) => {
    const frame = JSON.parse(text) as Wire;
    const kind = kindOf(frame);
    const topic = nameOf(frame) ?? '';
    const isOther = RETIRED.test(kind ?? '') || RETIRED.test(topic) || /\d\d$|-/.test(topic.split(/[. ]/).at(-1) ?? '');
    return kind === undefined || isOther ? [] : [{ kind, frame }];
  });
}

describe('the comparison', () => {
  it('sees a field that lacks and one of another kind', () => {
    const recorded = shapeOf({ ts: 1, rows: [{ price: '1.5', side: 'buy' }] });
    expect(missing(recorded, shapeOf({ ts: '1', rows: [{ price: '2' }] }), /^$/)).toEqual([
      '.ts: recorded number, ours digits',
      '.rows[*].side: recorded string, ours nothing',
    ]);
  });
});

describe.each(['bitget', 'bybit'])('%s frames', (exchange) => {
  let server: ExchangeServer;

  beforeAll(async () => {
    server = await startExchangeServer(exchange, {
      clock: 'manual',
      strangers: false,
      symbols: { linear: 1, spot: 1, inverse: 1 },
      history: { trades: 30, duration: 300_000 },
    });
  });

  afterAll(() => server.close());

  const paths = new Set(recordedFrames(exchange).map(({ url }) => new URL(url).pathname));
  it.each([...paths])('on %s have all that recorded ones have, of the same kinds', async (path) => {
    const ours = await shapesOfServer(server, path);
    const findings = new Set<string>();
    const recorded = comparable(exchange, path);
    for (const { kind, frame } of recorded) {
      const shape = shapeOf(frame);
      for (const each of missing(shape, ours.get(kind) ?? new Map(), OPTIONAL[path] ?? /^$/)) findings.add(`${kind}${each}`);
    }
    const compared = new Set(recorded.map(({ kind }) => kind));
    expect([...findings]).toEqual([]);
    expect(compared.size).toBeGreaterThan(path.includes('inverse') ? 1 : 3);
  });
});

describe('bitget REST', () => {
  type Answers = Record<string, { data: unknown[] }>;
  const answers = JSON.parse(readFileSync(fixture('bitget/rest-v2-recorded.json'), 'utf8')) as Answers;
  const CASES = [
    ['GET /api/v2/spot/public/symbols', '/api/v2/spot/public/symbols'],
    ['GET /api/v2/mix/market/contracts?productType=USDT-FUTURES', '/api/v2/mix/market/contracts?productType=USDT-FUTURES'],
    [
      'GET /api/v2/spot/market/history-candles BTCUSDT 1min',
      '/api/v2/spot/market/history-candles?symbol=BTCUSDT&granularity=1min&endTime=1795176000000',
    ],
    [
      'GET /api/v2/mix/market/history-candles BTCUSDT 1m',
      '/api/v2/mix/market/history-candles?productType=USDT-FUTURES&symbol=BTCUSDT&granularity=1m',
    ],
    [
      'GET /api/v2/mix/market/history-fund-rate BTCUSDT',
      '/api/v2/mix/market/history-fund-rate?productType=USDT-FUTURES&symbol=BTCUSDT',
    ],
  ] as const;

  it.each(CASES)('%s has the recorded shape', async (name, path) => {
    const server = await startExchangeServer('bitget', { clock: 'manual', history: { trades: 200, duration: 7_200_000 } });
    const { body } = await get(server, path);
    await server.close();
    const recorded = answers[name];
    expect(recorded).toBeDefined();
    const row = (recorded?.data[0] ?? []) as object;
    expect(Object.keys(body.data[0] as object)).toEqual(expect.arrayContaining(Object.keys(row)));
    expect(missing(shapeOf(recorded), shapeOf(body), /^$/)).toEqual([]);
  });
});

describe('bybit REST', () => {
  it('instrument lists have the recorded shape', async () => {
    const server = await startExchangeServer('bybit', { clock: 'manual' });
    const { tapeLines } = await import('../../support/frames.js');
    for (const { http, body } of tapeLines('bybit-v5.tape.ndjson.gz').filter((line) => typeof line.http === 'string')) {
      const category = new URL(String(http)).searchParams.get('category');
      const ours = (await get(server, `/v5/market/instruments-info?category=${category}`)).body;
      const theirs = JSON.parse(String(body)) as { result: { list: object[] } };
      expect(missing(shapeOf(theirs), shapeOf(ours), /preListingInfo|\.nextPageCursor$|displayName|symbolType/)).toEqual([]);
    }
    await server.close();
  });
});
