import { describe, expect, it } from 'vitest';
import { bybit } from '../../../../src/lib/exchanges/bybit/index.js';
import type { FeedEvent, FrameReader } from '../../../../src/lib/exchanges/exchange.js';
import type { BookMessage } from '../../../../src/lib/model/book-message.js';
import { tapeFrames } from '../../../support/frames.js';

const frames = tapeFrames('bybit-v5.tape.ndjson.gz');

function readAll() {
  const readers = new Map<string, FrameReader | undefined>();
  return frames.map(({ url, at, text }) => {
    if (!readers.has(url)) readers.set(url, bybit.createReader(url));
    return { url, message: JSON.parse(text), frame: readers.get(url)?.read(text, at) };
  });
}
const read = readAll();
const eventsOf = (topic: string) =>
  read
    .filter(({ message }) => message.topic?.startsWith(topic))
    .flatMap(({ frame }) => (frame?.kind === 'data' ? frame.events : []));

describe('the recording, frame by frame', () => {
  it('is data, but for the acknowledgements', () => {
    const kinds: Record<string, number> = {};
    for (const { frame } of read) kinds[String(frame?.kind)] = (kinds[String(frame?.kind)] ?? 0) + 1;
    expect(kinds).toEqual({ data: 1665, acknowledged: 24 });
    expect(read.every(({ frame }) => frame?.kind !== 'data' || frame.rejected.length === 0)).toBe(true);
  });

  it('says its market and push time', () => {
    for (const { url, message, frame } of read) {
      if (frame?.kind === 'data') expect([frame.market, frame.pushTimestamp]).toEqual([url.split('/').at(-1), message.ts * 1000]);
    }
  });

  it('gives the levels of every book message as they were written', () => {
    const want = read
      .filter(({ message }) => message.topic?.startsWith('orderbook'))
      .map(({ message: { type, cts, ts, data } }) => [type, (cts ?? ts) * 1000, data.s, String(data.u), data.b, data.a]);
    const got = (eventsOf('orderbook') as BookMessage[]).map((m) => [
      m.action,
      m.timestamp,
      m.symbol,
      m.sequence,
      m.bids,
      m.asks,
    ]);
    expect(got).toHaveLength(1135);
    expect(got).toEqual(want);
  });

  it('continues u without a hole', () => {
    const last = new Map<string, string | undefined>();
    for (const message of eventsOf('orderbook') as BookMessage[]) {
      const key = `${message.market} ${message.symbol}`;
      if (message.action === 'delta') expect(message.previousSequence, key).toBe(last.get(key));
      last.set(key, message.sequence);
    }
    expect([...last.keys()].sort()).toEqual(['linear BTCUSDT', 'linear ETHUSDT', 'spot BTCUSDT']);
  });

  it('gives as many records as rows', () => {
    const rows = (topic: string) =>
      read.filter(({ message }) => message.topic?.startsWith(topic)).reduce((sum, { message }) => sum + message.data.length, 0);
    expect(eventsOf('publicTrade')).toHaveLength(rows('publicTrade'));
    expect(eventsOf('kline')).toHaveLength(rows('kline'));
    expect(rows('publicTrade')).toBeGreaterThan(39);
  });

  it('is read the same every time', () => {
    const plain = (events: readonly { frame?: unknown }[]) => JSON.stringify(events.map(({ frame }) => frame));
    expect(plain(readAll())).toBe(plain(read));
  });

  it('ends in the state that the exchange last told', () => {
    const states = new Map<string, Record<string, string>>();
    for (const { message, url } of read) {
      if (!message.topic?.startsWith('tickers') || !url.endsWith('linear')) continue;
      states.set(message.data.symbol, { ...states.get(message.data.symbol), ...message.data });
    }
    for (const [symbol, state] of states) {
      const last = (type: FeedEvent['type']) =>
        eventsOf('tickers').findLast((event) => event.type === type && event.symbol === symbol && event.market === 'linear');
      expect(last('ticker')).toMatchObject({
        bid: Number(state.bid1Price),
        ask: Number(state.ask1Price),
        last: Number(state.lastPrice),
      });
      expect(last('mark_price')).toMatchObject({ mark: Number(state.markPrice), index: Number(state.indexPrice) });
      expect(last('open_interest')).toMatchObject({
        amountBothSides: Number(state.openInterest),
        amount: Number(state.singleOpenInterest),
      });
      expect(last('funding')).toMatchObject({ rate: Number(state.fundingRate), intervalHours: 8 });
    }
    expect(states.size).toBe(2);
  });
});
