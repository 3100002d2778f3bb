import { beforeAll, describe, expect, it } from 'vitest';
import { encodeRecord } from '../../src/lib/model/ndjson.js';
import type { Market } from '../../src/lib/model/records.js';
import { fixture, tapeFrames, tapeLines } from '../support/frames.js';
import { PlainBook } from '../support/plain-book.js';
import { type Replayed, replayed, withTape } from '../support/replayed.js';

const TAPE = 'bybit-v5.tape.ndjson.gz';
const frames = tapeFrames(TAPE).map(({ url, at, text }) => ({
  market: url.split('/').at(-1) as Market,
  at,
  message: JSON.parse(text),
}));
const topic = (name: string) => frames.filter(({ message }) => message.topic?.startsWith(name));
const number = (text: string | undefined) => (text === undefined || text === '' ? undefined : Number(text));

let all: Replayed;
beforeAll(async () => {
  all = await replayed([fixture(TAPE)], 'bybit', ['trade', 'ticker', 'book', 'candle']);
});

describe('the Bybit tape, against a plain parse of its frames', () => {
  it.each(['spot', 'linear'] as const)('gives every %s trade', (market) => {
    const want = topic('publicTrade')
      .filter((frame) => frame.market === market)
      .flatMap(({ message }) => message.data)
      .map((row) => [row.s, row.i, Number(row.p), Number(row.v), row.S.toLowerCase(), row.T * 1000, String(row.seq)]);
    const got = all
      .of('trade', market)
      .map((trade) => [trade.symbol, trade.id, trade.price, trade.amount, trade.side, trade.timestamp, trade.sequence]);
    expect(want.length).toBeGreaterThan(10);
    expect(got).toEqual(want);
  });

  it.each(['spot', 'linear'] as const)('gives every %s candle as it was pushed', (market) => {
    const want = topic('kline')
      .filter((frame) => frame.market === market)
      .flatMap(({ message }) =>
        message.data.map((row: Record<string, string>) => ({ symbol: message.topic.split('.')[2], ...row })),
      )
      .map((row) => [
        row.symbol,
        row.start * 1000,
        '1m',
        row.open,
        row.high,
        row.low,
        row.close,
        row.volume,
        row.turnover,
        row.confirm,
      ])
      .map((row) => row.map((value, i) => (i > 2 && i < 9 ? Number(value) : value)));
    const got = all
      .of('candle', market)
      .map((c) => [c.symbol, c.timestamp, c.interval, c.open, c.high, c.low, c.close, c.volume, c.turnover, c.closed]);
    expect(want.length).toBeGreaterThan(10);
    expect(got).toEqual(want);
    expect(got.some((row) => row.at(-1) === true)).toBe(true);
  });

  it('merges ticker deltas, and ends with what the exchange last said', () => {
    const states = new Map<string, Record<string, string>>();
    const want: unknown[] = [];
    const named = ['lastPrice', 'bid1Price', 'bid1Size', 'ask1Price', 'ask1Size', 'volume24h', 'turnover24h'];
    for (const { market, message } of topic('tickers')) {
      const key = `${market} ${message.data.symbol}`;
      const state = { ...(message.type === 'snapshot' ? {} : states.get(key)), ...message.data };
      states.set(key, state);
      if (named.some((name) => message.data[name])) want.push([key, ...named.map((name) => number(state[name]))]);
    }
    const got = all
      .of('ticker')
      .map((t) => [`${t.market} ${t.symbol}`, t.last, t.bid, t.bidAmount, t.ask, t.askAmount, t.volume24h, t.turnover24h]);
    expect(want.length).toBeGreaterThan(300);
    expect(got).toEqual(want);
    for (const symbol of ['BTCUSDT', 'ETHUSDT']) {
      const state = states.get(`linear ${symbol}`) as Record<string, string>;
      const last = <T extends { symbol: string }>(records: T[]) => records.filter((record) => record.symbol === symbol).at(-1);
      expect(last(all.of('mark_price'))).toMatchObject({ mark: Number(state.markPrice), index: Number(state.indexPrice) });
      expect(last(all.of('open_interest'))).toMatchObject({ amountBothSides: Number(state.openInterest) });
      expect(last(all.of('funding'))).toMatchObject({
        rate: Number(state.fundingRate),
        nextFundingTimestamp: Number(state.nextFundingTime) * 1000,
      });
    }
  });

  it('confirms a mark price, open interest and funding at least every 5 s while the feed lives', () => {
    for (const type of ['mark_price', 'open_interest', 'funding'] as const) {
      for (const symbol of ['BTCUSDT', 'ETHUSDT']) {
        const times = all
          .of(type)
          .filter((record) => record.symbol === symbol)
          .map((record) => record.localTimestamp as number);
        const pauses = times.slice(1).map((time, i) => time - (times[i] as number));
        expect(times.length).toBeGreaterThan(5);
        expect(Math.max(...pauses)).toBeLessThan(6_000_000);
      }
    }
  });

  it('gives no book that a plain book would not hold, at most every interval, and each last one', () => {
    const books = new Map<string, PlainBook>();
    const states = new Map<string, string>();
    for (const { market, message } of topic('orderbook')) {
      const { s, b, a, u } = message.data;
      const key = `${market} ${s}`;
      const book = message.type === 'snapshot' ? new PlainBook() : (books.get(key) as PlainBook);
      books.set(key, book);
      book.apply(b, a);
      states.set(`${key} ${u}`, book.top(15));
      states.set(key, String(u));
    }
    const snapshots = all.of('book_snapshot');
    expect(snapshots.length).toBeGreaterThan(200);
    const last = new Map<string, (typeof snapshots)[number]>();
    for (const snapshot of snapshots) {
      const key = `${snapshot.market} ${snapshot.symbol}`;
      expect(JSON.stringify([snapshot.bids, snapshot.asks])).toBe(states.get(`${key} ${snapshot.sequence}`));
      const since = (snapshot.localTimestamp as number) - (last.get(key)?.localTimestamp ?? 0);
      // The last state comes out when the run ends, whenever that is.
      if (snapshot.sequence !== states.get(key)) expect(since).toBeGreaterThanOrEqual(100_000);
      last.set(key, snapshot);
    }
    for (const [key, snapshot] of last) expect(snapshot.sequence).toBe(states.get(key));
    expect(last.size).toBe(books.size);
    expect(all.of('gap')).toEqual([]);
  });

  it('ticks every second of both markets once', () => {
    for (const market of ['spot', 'linear'] as const) {
      const seconds = all.of('clock', market).map(({ timestamp }) => timestamp / 1_000_000);
      expect(seconds.length).toBeGreaterThan(40);
      expect(seconds).toEqual(seconds.map((_, i) => (seconds[0] as number) + i));
    }
  });

  it('is the same, byte for byte, every time and at any speed', async () => {
    const bytes = async (speed?: number) => {
      const run = await replayed(
        [fixture(TAPE)],
        'bybit',
        ['trade', 'ticker', 'book', 'book_delta', 'candle'],
        speed ? { speed } : {},
      );
      return run.records.map(encodeRecord).join('\n');
    };
    const first = await bytes();
    expect(first.length).toBeGreaterThan(1_000_000);
    expect(await bytes()).toBe(first);
    expect(await bytes(40)).toBe(first);
  });

  it('keeps the arrivals of the tape, strictly increasing', () => {
    const times = all.records.map((record) => record.localTimestamp as number);
    expect(times.every((time, i) => i === 0 || time > (times[i - 1] as number))).toBe(true);
    expect(all.statistics).toMatchObject({ unordered: 0, duplicates: 0, incomplete: false });
    expect([...all.statistics.unknown]).toEqual([]);
  });

  it('sees a lost delta: a sequence gap for that symbol alone, silence, and no wrong book', async () => {
    const lines = tapeLines(TAPE);
    const lost = lines.findIndex((line, i) => i > 800 && /orderbook.200.ETHUSDT.*"delta"/.test(String(line.frame)));
    await withTape(lines.toSpliced(lost, 1), async (path) => {
      const run = await replayed([path], 'bybit', ['book', 'book_delta']);
      const gaps = run.of('gap');
      expect(gaps.map(({ symbol, channel, reason, missing }) => [symbol, channel, reason, missing])).toEqual([
        ['ETHUSDT', 'book', 'sequence', true],
        ['ETHUSDT', 'book_delta', 'sequence', true],
      ]);
      const broken = lines[lost]?.at as number;
      const after = run.records.filter(
        (record) => record.type.startsWith('book') && (record.localTimestamp as number) > broken + 200_000,
      );
      expect(new Set(after.map((record) => `${record.market} ${'symbol' in record && record.symbol}`))).toEqual(
        new Set(['linear BTCUSDT', 'spot BTCUSDT']),
      );
      expect(run.statistics.incomplete).toBe(true);
    });
  });
});
