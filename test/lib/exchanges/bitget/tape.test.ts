import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { bitget } from '../../../../src/lib/exchanges/bitget/index.js';
import type { FeedEvent, Frame, FrameReader } from '../../../../src/lib/exchanges/exchange.js';

type Line = { at: number; connection: number; connect?: string; frame?: string };

const lines: Line[] = gunzipSync(readFileSync('fixtures/bitget-v2.tape.ndjson.gz'))
  .toString()
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line));

function readAll(): { frames: Frame[]; events: FeedEvent[] } {
  const readers = new Map<number, FrameReader>();
  const frames: Frame[] = [];
  for (const { at, connection, connect, frame } of lines) {
    if (connect !== undefined) readers.set(connection, bitget.createReader(connect) as FrameReader);
    if (frame !== undefined) frames.push((readers.get(connection) as FrameReader).read(frame, at));
  }
  return { frames, events: frames.flatMap((frame) => (frame.kind === 'data' ? [...frame.events] : [])) };
}

/** The same recording, read as plainly as possible. */
// biome-ignore lint/suspicious/noExplicitAny: the point is to know nothing of our types
const messages: any[] = lines.flatMap(({ frame }) => (frame === undefined ? [] : [JSON.parse(frame)]));
const market = (instType: string) => (instType === 'SPOT' ? 'spot' : 'linear');
const dataOf = (channel: string) => messages.filter((message) => message.data && message.arg.channel === channel);

describe('the recorded tape', () => {
  const { frames, events } = readAll();
  const of = <Type extends FeedEvent['type']>(type: Type) =>
    events.filter((event): event is Extract<FeedEvent, { type: Type }> => event.type === type);

  test('every frame is data or a confirmation, no row is lost', () => {
    expect(frames.length).toBeGreaterThan(500);
    expect(new Set(frames.map(({ kind }) => kind))).toEqual(new Set(['data', 'acknowledged']));
    expect(frames.flatMap((frame) => (frame.kind === 'data' ? frame.rejected : []))).toEqual([]);
  });

  test('trades', () => {
    const expected = dataOf('trade').flatMap(({ arg, data }) =>
      [...data]
        .reverse()
        .map((row) => [
          market(arg.instType),
          arg.instId,
          row.tradeId,
          Number(row.price),
          Number(row.size),
          row.side,
          Number(row.ts) * 1000,
        ]),
    );
    const found = of('trade').map((trade) => [
      trade.market,
      trade.symbol,
      trade.id,
      trade.price,
      trade.amount,
      trade.side,
      trade.timestamp,
    ]);
    expect(expected.length).toBe(283);
    expect(found).toEqual(expected);
    expect(of('trade').every(({ id, sequence }) => id === sequence)).toBe(true);
  });

  test('the first trade frame of each symbol is history, no other is', () => {
    const isHistory = frames.filter((frame) => frame.kind === 'data' && frame.history);
    expect(isHistory).toHaveLength(5);
    expect(isHistory.every((frame) => frame.kind === 'data' && frame.events.length === 50)).toBe(true);
  });

  test('tickers', () => {
    const expected = dataOf('ticker').map(({ arg, data: [row] }) => [
      market(arg.instType),
      arg.instId,
      Number(row.lastPr),
      Number(row.bidPr),
      Number(row.askPr),
      Number(row.baseVolume),
      Number(row.quoteVolume),
      Number(row.ts) * 1000,
    ]);
    const found = of('ticker').map((ticker) => [
      ticker.market,
      ticker.symbol,
      ticker.last,
      ticker.bid,
      ticker.ask,
      ticker.volume24h,
      ticker.turnover24h,
      ticker.timestamp,
    ]);
    expect(expected.length).toBe(173);
    expect(found).toEqual(expected);
  });

  test('mark prices whenever they change, funding and open interest once and then every 5 s', () => {
    const rows = dataOf('ticker')
      .map(({ data: [row] }) => row)
      .filter((row) => row.markPrice);
    const pairs = rows.map((row) => `${Number(row.markPrice)} ${Number(row.indexPrice)}`);
    const changes = pairs.filter((pair, at) => pair !== pairs[at - 1]);
    const found = of('mark_price').map(({ mark, index }) => `${mark} ${index}`);
    expect(found.filter((pair, at) => pair !== found[at - 1])).toEqual(changes);
    expect(of('funding').length).toBeGreaterThan(3);
    expect(of('funding').length).toBeLessThan(10);
    expect(of('funding')[0]).toMatchObject({ rate: -0.0001, nextFundingTimestamp: 1649314800000000 });
    expect(new Set(of('open_interest').map(({ amount }) => amount))).toEqual(new Set([369411]));
  });

  test('candles', () => {
    const expected = dataOf('candle1m').flatMap(({ arg, data }) =>
      data.map((row: string[], at: number) => [
        market(arg.instType),
        arg.instId,
        Number(row[0]) * 1000,
        ...row.slice(1).map(Number),
        at < data.length - 1,
      ]),
    );
    const found = of('candle').map((candle) => {
      const { open, high, low, close, volume, closed } = candle;
      return [candle.market, candle.symbol, candle.timestamp, open, high, low, close, volume, closed];
    });
    expect(expected.length).toBe(5033);
    expect(found).toEqual(expected);
  });

  test('book levels as the exchange wrote them, checksums of updates alone', () => {
    const expected = dataOf('books').map(({ action, arg, data: [row] }) => [
      market(arg.instType),
      arg.instId,
      action,
      row.bids,
      row.asks,
      action === 'update' ? row.checksum : undefined,
      Number(row.ts) * 1000,
    ]);
    const found = of('book_message').map((message) => [
      message.market,
      message.symbol,
      message.action === 'delta' ? 'update' : message.action,
      message.bids,
      message.asks,
      message.checksum,
      message.timestamp,
    ]);
    expect(expected.length).toBe(319);
    expect(found).toEqual(expected);
  });
});
