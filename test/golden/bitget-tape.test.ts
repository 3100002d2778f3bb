import { beforeAll, describe, expect, it } from 'vitest';
import { encodeRecord } from '../../src/lib/model/ndjson.js';
import { fixture, tapeFrames, tapeLines } from '../support/frames.js';
import { PlainBook } from '../support/plain-book.js';
import { type Replayed, replayed, withTape } from '../support/replayed.js';

const TAPE = 'bitget-v2.tape.ndjson.gz';
const MARKETS: Record<string, string> = { SPOT: 'spot', 'USDT-FUTURES': 'linear' };
const frames = tapeFrames(TAPE)
  .map(({ text }) => JSON.parse(text))
  .filter(({ data }) => data)
  .map((message) => ({ message, key: `${MARKETS[message.arg.instType]} ${message.arg.instId}` }));
const channel = (name: RegExp) => frames.filter(({ message }) => name.test(message.arg.channel));
const keyOf = ({ market, symbol }: { market: string; symbol: string }) => `${market} ${symbol}`;
const number = (text: string | undefined) => (text === undefined || text === '' ? undefined : Number(text));

/** Every state that a plain book goes through, top 15, by market and symbol. */
function bookStates(): Map<string, Set<string>> {
  const books = new Map<string, PlainBook>();
  const states = new Map<string, Set<string>>();
  for (const { message, key } of channel(/^books$/)) {
    const book = message.action === 'snapshot' ? new PlainBook() : (books.get(key) as PlainBook);
    books.set(key, book);
    for (const { bids, asks } of message.data) book.apply(bids, asks);
    states.set(key, (states.get(key) ?? new Set()).add(book.top(15)));
  }
  return states;
}

let all: Replayed;
beforeAll(async () => {
  all = await replayed([fixture(TAPE)], 'bitget', ['trade', 'ticker', 'book', 'candle']);
});

describe('the Bitget tape, against a plain parse of its frames', () => {
  it('gives every trade of an update, oldest first, and drops the history that came with the subscription', () => {
    const want = channel(/^trade$/)
      .filter(({ message }) => message.action === 'update')
      .flatMap(({ message, key }) => message.data.map((row: Record<string, string>) => ({ ...row, key })).reverse())
      .map((row) => [row.key, row.tradeId, Number(row.price), Number(row.size), row.side, Number(row.ts) * 1000, row.tradeId]);
    const got = all.of('trade').map((t) => [keyOf(t), t.id, t.price, t.amount, t.side, t.timestamp, t.sequence]);
    expect(want.length).toBeGreaterThan(20);
    expect(got).toEqual(want);
    expect(all.statistics.history).toBeGreaterThan(100);
  });

  it('gives every ticker, and fans out what a future adds', () => {
    const rows = channel(/^ticker$/).flatMap(({ message, key }) =>
      message.data.map((row: Record<string, string>) => ({ ...row, key })),
    );
    const want = rows.map((row) => [
      row.key,
      Number(row.ts) * 1000,
      number(row.lastPr),
      number(row.bidPr),
      number(row.askPr),
      number(row.baseVolume),
      number(row.quoteVolume),
    ]);
    const got = all.of('ticker').map((t) => [keyOf(t), t.timestamp, t.last, t.bid, t.ask, t.volume24h, t.turnover24h]);
    expect(want.length).toBeGreaterThan(150);
    expect(got).toEqual(want);
    const last = rows.filter((row) => row.key === 'linear UNIUSDT').at(-1);
    expect(all.of('mark_price').at(-1)).toMatchObject({ mark: Number(last.markPrice), index: Number(last.indexPrice) });
    expect(all.of('open_interest').at(-1)).toMatchObject({ amount: Number(last.holdingAmount) });
    expect(all.of('funding').at(-1)).toMatchObject({ rate: Number(last.fundingRate) });
    expect([...all.of('mark_price'), ...all.of('funding')].every(({ market }) => market === 'linear')).toBe(true);
  });

  it('gives every candle, and calls closed only what a later one has followed', () => {
    const want = channel(/^candle1m$/).flatMap(({ message, key }) =>
      message.data.map((row: string[], i: number) => [
        key,
        Number(row[0]) * 1000,
        ...row.slice(1, 6).map(Number),
        i < message.data.length - 1,
      ]),
    );
    const got = all.of('candle').map((c) => [keyOf(c), c.timestamp, c.open, c.high, c.low, c.close, c.volume, c.closed]);
    expect(want.length).toBeGreaterThan(1_000);
    expect(got).toEqual(want);
    expect(
      all
        .of('candle')
        .every(({ turnover, interval, source }) => turnover === undefined && interval === '1m' && source === 'exchange'),
    ).toBe(true);
  });

  it('verifies every checksum and gives no book that a plain book would not hold', () => {
    const states = bookStates();
    const snapshots = all.of('book_snapshot');
    expect(snapshots.length).toBeGreaterThan(100);
    for (const snapshot of snapshots)
      expect(states.get(keyOf(snapshot))).toContain(JSON.stringify([snapshot.bids, snapshot.asks]));
    expect(new Set(snapshots.map(keyOf)).size).toBe(states.size);
    expect(all.of('gap')).toEqual([]);
    expect(all.statistics.incomplete).toBe(false);
  });

  it('sees one falsified size: a checksum gap for that symbol alone, silence, and no wrong book', async () => {
    const lines = tapeLines(TAPE);
    const updates = lines.flatMap((line, index) =>
      /"action":"update".*"books","instId":"AVAXUSDT"/.test(String(line.frame)) ? [index] : [],
    );
    const index = updates[Math.floor(updates.length / 2)] as number;
    const message = JSON.parse(String(lines[index]?.frame));
    const level = message.data[0].bids.find(([, amount]: [string, string]) => Number(amount) > 0);
    level[1] = `${level[1]}1`;
    await withTape(lines.with(index, { ...lines[index], frame: JSON.stringify(message) }), async (path) => {
      const run = await replayed([path], 'bitget', ['book'], { bookInterval: 0 });
      const whole = await replayed([fixture(TAPE)], 'bitget', ['book'], { bookInterval: 0 });
      expect(run.of('gap').map(({ symbol, channel, reason, missing }) => [symbol, channel, reason, missing])).toEqual([
        ['AVAXUSDT', 'book', 'checksum', true],
      ]);
      const books = ({ of }: Replayed, other: boolean) =>
        of('book_snapshot')
          .filter(({ symbol }) => (symbol === 'AVAXUSDT') !== other)
          .map(({ symbol, bids, asks }) => JSON.stringify([symbol, bids, asks]));
      expect(books(run, true)).toEqual(books(whole, true));
      const spoilt = books(run, false);
      expect(spoilt.length).toBeGreaterThan(10);
      expect(spoilt).toEqual(books(whole, false).slice(0, spoilt.length));
      expect(run.statistics.incomplete).toBe(true);
    });
  });

  it('is the same, byte for byte, every time', async () => {
    const again = await replayed([fixture(TAPE)], 'bitget', ['trade', 'ticker', 'book', 'candle']);
    expect(again.records.map(encodeRecord).join('\n')).toBe(all.records.map(encodeRecord).join('\n'));
  });
});
