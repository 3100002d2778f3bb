import { afterEach, describe, expect, it } from 'vitest';
import { type ExchangeServer, startExchangeServer } from '../../support/exchange-server/index.js';
import { type SyntheticOptions, type SyntheticRecord, syntheticMarket } from '../../support/synthetic-market.js';
import { bybit, get, WireClient } from './wire-client.js';

const SECOND = 1_000_000;
const START = 1_795_168_800_000_000;
/** The last ten of 70 minutes are live, with an event in them. */
const LIVE = START + 3_600 * SECOND;
const OPTIONS: SyntheticOptions = {
  ...{ seed: 5, start: START, hours: 7 / 6, denseHours: 1 },
  events: [{ at: LIVE + 300 * SECOND, side: 'buy' }],
};
const records = [...syntheticMarket(OPTIONS)].sort((a, b) => a.timestamp - b.timestamp);
type Of<Type> = Extract<SyntheticRecord, { type: Type }>;
const ofType = <Type extends SyntheticRecord['type']>(type: Type): Of<Type>[] =>
  records.filter((record): record is Of<Type> => record.type === type);

let server: ExchangeServer | undefined;
afterEach(async () => await server?.close());

async function start(id: string): Promise<ExchangeServer> {
  server = await startExchangeServer(id, {
    clock: 'manual',
    start: LIVE / 1_000,
    recording: { records: syntheticMarket(OPTIONS) },
  });
  return server;
}

describe('a generated market', () => {
  it.each(['bybit', 'bitget'])('%s: has the trades of the generator, before and after it goes live', async (id) => {
    const exchange = await start(id);
    const trades = () =>
      exchange
        .trades('linear', 'BTCUSDT')
        .map(({ time, price, size, side }) => [time * 1_000, Number(price), Number(size), side]);
    const made = ofType('trade').map(({ timestamp, price, amount, side }) => [timestamp, price, amount, side]);
    expect(trades()).toEqual(made.filter(([at]) => (at as number) < LIVE));
    exchange.advance(600_000);
    expect(trades()).toEqual(made);
  });

  it('pushes books, marks and open interest as they were made', async () => {
    const exchange = await start('bybit');
    const client = await WireClient.connect(exchange, '/v5/public/linear');
    await client.ask(bybit('subscribe', '1', 'orderbook.50.BTCUSDT', 'tickers.BTCUSDT', 'publicTrade.BTCUSDT'));
    exchange.advance(600_000);
    await client.settle('{"op":"ping"}');
    const live = ofType('trade').filter(({ timestamp }) => timestamp >= LIVE);
    const sent = client.data('publicTrade.BTCUSDT').flatMap(({ data }) => data as { p: string; v: string; T: number }[]);
    expect(sent.map(({ p, v, T }) => [T * 1_000, Number(p), Number(v)])).toEqual(
      live.map(({ timestamp, price, amount }) => [timestamp, price, amount]),
    );
    const books = exchange.books('linear', 'BTCUSDT', 'orderbook.50');
    const last = ofType('book_snapshot').at(-1);
    expect(books.at(-1)?.bids.map((level) => level.map(Number))).toEqual(last?.bids);
    expect(books.at(-1)?.asks.map((level) => level.map(Number))).toEqual(last?.asks);
    const merged = Object.assign({}, ...client.data('tickers.BTCUSDT').map(({ data }) => data)) as Record<string, string>;
    expect(Number(merged.markPrice)).toBe(ofType('mark_price').at(-1)?.mark);
    expect(Number(merged.indexPrice)).toBe(ofType('mark_price').at(-1)?.index);
    expect(Number(merged.singleOpenInterest)).toBe(ofType('open_interest').at(-1)?.amount);
  });

  it('answers with candles of what lies before', async () => {
    const exchange = await start('bybit');
    const { body } = await get(exchange, '/v5/market/kline?category=linear&symbol=BTCUSDT&interval=15&limit=1000');
    const rows = (body as { result: { list: string[][] } }).result.list.reverse().map((row) => row.map(Number));
    const before = ofType('trade').filter(({ timestamp }) => timestamp < LIVE);
    for (const [begin = 0, , , , close, volume] of rows) {
      const own = before.filter(({ timestamp }) => Math.floor(timestamp / (900 * SECOND)) * 900_000 === begin);
      expect(volume).toBeCloseTo(
        own.reduce((sum, { amount }) => sum + amount, 0),
        6,
      );
      if (own.length > 0) expect(close).toBe(own.at(-1)?.price);
    }
    expect(rows.filter(([, , , , , volume]) => (volume as number) > 0).length).toBeGreaterThan(3);
  });
});
