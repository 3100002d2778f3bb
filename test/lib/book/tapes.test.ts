import { describe, expect, it } from 'vitest';
import { BookKeeper } from '../../../src/lib/book/book-keeper.js';
import { bookChecksum } from '../../../src/lib/book/checksum.js';
import { OrderBook } from '../../../src/lib/book/order-book.js';
import { Sequencer } from '../../../src/lib/book/sequencer.js';
import type { BookMessage } from '../../../src/lib/model/book-message.js';
import type { AnyRecord, BookDelta, BookSnapshot } from '../../../src/lib/model/records.js';
import { type Arrival, bookMessages, PlainBook } from './book-messages.js';

const DEPTH = 15;
const tapes = { 'bitget-v2': bookMessages('bitget-v2'), 'bybit-v5': bookMessages('bybit-v5') } as const;
const bitget = tapes['bitget-v2'];
const bybit = tapes['bybit-v5'];

const key = ({ market, symbol }: Pick<BookMessage, 'market' | 'symbol'>) => `${market} ${symbol}`;

function run(arrivals: readonly Arrival[], interval: number, deltas = false) {
  const keeper = new BookKeeper({ depth: DEPTH, interval, snapshots: true, deltas });
  const records = arrivals.flatMap(({ message, at }) => keeper.apply(message, at));
  records.push(...keeper.finish(arrivals.at(-1)?.at ?? 0, () => arrivals.at(-1)?.at ?? 0));
  return { records, stats: keeper.stats };
}

const isBook = (record: AnyRecord): record is BookSnapshot | BookDelta => /^book/.test(record.type);
const isTop = (record: AnyRecord): record is BookSnapshot => record.type === 'book_snapshot' && record.depth === DEPTH;

/** The books at the end of the tape. */
function plainBooks(arrivals: readonly Arrival[]): Map<string, PlainBook> {
  const books = new Map<string, PlainBook>();
  for (const { message } of arrivals) {
    const book = books.get(key(message)) ?? new PlainBook();
    books.set(key(message), book);
    book.apply(message);
  }
  return books;
}

/** Every state that each book of the tape has had, as JSON of its best 15 levels. */
function plainStates(arrivals: readonly Arrival[]): Map<string, Set<string>> {
  const books = new Map<string, PlainBook>();
  const states = new Map<string, Set<string>>();
  for (const { message } of arrivals) {
    const name = key(message);
    const book = books.get(name) ?? new PlainBook();
    books.set(name, book);
    book.apply(message);
    states.set(name, (states.get(name) ?? new Set()).add(JSON.stringify(book.top(DEPTH))));
  }
  return states;
}

function wrongBooks(records: readonly AnyRecord[], states: Map<string, Set<string>>): BookSnapshot[] {
  return records.filter(isTop).filter((record) => {
    return !states.get(key(record))?.has(JSON.stringify({ bids: record.bids, asks: record.asks }));
  });
}

describe.each(Object.entries(tapes))('%s', (_, arrivals) => {
  const states = plainStates(arrivals);

  it('gives after every message the book that a plain one has', () => {
    const books = new Map<string, PlainBook>();
    const keeper = new BookKeeper({ depth: DEPTH, interval: 0, snapshots: true, deltas: false });
    for (const { message, at } of arrivals) {
      const book = books.get(key(message)) ?? new PlainBook();
      books.set(key(message), book);
      book.apply(message);
      const { timestamp, sequence } = message;
      expect(keeper.apply(message, at)).toMatchObject([{ type: 'book_snapshot', timestamp, sequence, ...book.top(DEPTH) }]);
    }
    const { snapshot, delta, ...others } = keeper.stats;
    expect(snapshot).toBe(states.size);
    expect(snapshot + delta).toBe(arrivals.length);
    expect(Object.values(others).every((count) => count === 0)).toBe(true);
  });

  it.each([100_000, 1_000_000])('gives only right books at an interval of %d µs, the last among them', (interval) => {
    const { records } = run(arrivals, interval);
    expect(records.every(isTop)).toBe(true);
    expect(records.length).toBeGreaterThan(50);
    expect(wrongBooks(records, states)).toEqual([]);
    for (const [name, book] of plainBooks(arrivals)) {
      expect(records.filter(isTop).findLast((record) => key(record) === name)).toMatchObject(book.top(DEPTH));
    }
  });

  it('gives deltas from which the whole plain book follows', () => {
    const followed = new Map<string, OrderBook>();
    for (const record of run(arrivals, 1_000_000, true).records) {
      if (record.type === 'book_delta') followed.get(key(record))?.change(record.bids, record.asks);
      if (record.type !== 'book_snapshot' || record.depth !== undefined) continue;
      expect(followed.has(key(record))).toBe(false);
      followed.set(key(record), new OrderBook());
      followed.get(key(record))?.replace(record.bids, record.asks);
    }
    for (const [name, book] of plainBooks(arrivals)) expect(followed.get(name)?.top()).toEqual(book.top());
  });
});

describe('Bitget checksums', () => {
  it('verify on every message, snapshots included', () => {
    const books = new Map<string, OrderBook>();
    let verified = 0;
    for (const { message } of bitget) {
      const book = books.get(key(message)) ?? new OrderBook({ keepOriginals: true });
      books.set(key(message), book);
      if (message.action === 'snapshot') book.replace(message.bids, message.asks);
      else book.change(message.bids, message.asks);
      const { bids, asks } = book.originals(25);
      expect(bookChecksum(bids, asks)).toBe(message.checksum);
      verified += 1;
    }
    expect(verified).toBe(319);
  });

  it('find one falsified size: a gap for that symbol alone, and no wrong book after it', () => {
    const victim = bitget.findIndex(({ message }, index) => index > 150 && message.action === 'delta' && message.bids.length > 0);
    const { symbol, timestamp } = (bitget[victim] as Arrival).message;
    const falsified = bitget.map((arrival, index) => (index === victim ? falsify(arrival) : arrival));
    const states = plainStates(bitget);

    const { records, stats } = run(falsified, 100_000);
    const gaps = records.filter(({ type }) => type === 'gap');
    expect(gaps).toMatchObject([{ symbol, channel: 'book', reason: 'checksum', missing: true }]);
    expect(stats).toMatchObject({ checksum: 1, sequence: 0, crossed: 0 });
    expect(wrongBooks(records, states)).toEqual([]);
    expect(booksAfter(records, symbol, timestamp)).toEqual([]);
    const others = (all: readonly AnyRecord[]) => all.filter((record) => isTop(record) && record.symbol !== symbol);
    expect(others(records)).toEqual(others(run(bitget, 100_000).records));
  });

  it('find a lost delta, where no sequence tells', () => {
    const lost = bitget.findIndex(({ message }, index) => index > 150 && message.action === 'delta' && message.bids.length > 0);
    const { records, stats } = run(bitget.toSpliced(lost, 1), 100_000);
    expect(stats.checksum).toBe(1);
    expect(wrongBooks(records, plainStates(bitget))).toEqual([]);
  });
});

describe('Bybit sequences', () => {
  it('are continuous', () => {
    const sequencers = new Map<string, Sequencer>();
    for (const { message } of bybit) {
      const sequencer = sequencers.get(key(message)) ?? new Sequencer();
      sequencers.set(key(message), sequencer);
      if (message.action === 'snapshot') sequencer.restart(message.sequence);
      else expect(sequencer.follow(message.sequence, message.previousSequence)).toBe('next');
    }
  });

  it('find a lost delta: a gap per channel for that symbol and market, and no book after it', () => {
    const lost = bybit[600]?.message as BookMessage;
    const { records, stats } = run(bybit.toSpliced(600, 1), 100_000, true);
    const { market, symbol, timestamp } = lost;
    expect(records.filter(({ type }) => type === 'gap')).toMatchObject([
      { market, symbol, channel: 'book', reason: 'sequence', missing: true },
      { market, symbol, channel: 'book_delta', reason: 'sequence', missing: true },
    ]);
    expect(stats.sequence).toBe(1);
    expect(wrongBooks(records, plainStates(bybit))).toEqual([]);
    const after = records.filter((record) => isBook(record) && key(record) === key(lost) && record.timestamp >= timestamp);
    expect(after).toEqual([]);
  });

  it('are healed by a snapshot in the middle of the stream', () => {
    const cut = 600;
    const { message: lost } = bybit[cut] as Arrival;
    const later = bybit.findIndex(({ message }, index) => index > cut + 50 && key(message) === key(lost));
    const plain = new PlainBook();
    for (const { message } of bybit.slice(0, later + 1)) if (key(message) === key(lost)) plain.apply(message);
    const { message, at } = bybit[later] as Arrival;
    const whole = { ...message, action: 'snapshot' as const, previousSequence: undefined, ...asTexts(plain) };
    const healed = bybit.with(later, { message: whole, at }).toSpliced(cut, 1);

    const { records } = run(healed, 100_000);
    const gap = records.findIndex(({ type }) => type === 'gap');
    expect(records[gap]).toMatchObject({ symbol: lost.symbol, reason: 'sequence', untilTimestamp: message.timestamp });
    expect(wrongBooks(records, plainStates(bybit))).toEqual([]);
    expect(booksAfter(records.slice(gap), lost.symbol, message.timestamp).length).toBeGreaterThan(10);
  });
});

function booksAfter(records: readonly AnyRecord[], symbol: string, timestamp: number): BookSnapshot[] {
  return records.filter(isTop).filter((record) => record.symbol === symbol && record.timestamp >= timestamp);
}

function falsify({ message, at }: Arrival): Arrival {
  const [[price, amount], ...rest] = message.bids as [readonly [string, string], ...BookMessage['bids']];
  return { message: { ...message, bids: [[price, `1${amount}`], ...rest] }, at };
}

function asTexts(book: PlainBook): Pick<BookMessage, 'bids' | 'asks'> {
  const { bids, asks } = book.top();
  const text = ([price, amount]: readonly [number, number]) => [`${price}`, `${amount}`] as const;
  return { bids: bids.map(text), asks: asks.map(text) };
}
