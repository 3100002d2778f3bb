import { describe, expect, it } from 'vitest';
import { Selection } from '../../../../src/lib/capture/selection.js';
import { Capture } from '../../../../src/lib/capture/session/capture.js';
import type { Exchange } from '../../../../src/lib/exchanges/exchange.js';
import type { BookMessage } from '../../../../src/lib/model/book-message.js';
import type { AnyRecord } from '../../../../src/lib/model/records.js';
import type { TapeEntry } from '../../../../src/lib/tape/tape.js';
import { data, fakeExchange, START } from '../../../support/fake-exchange.js';

/** The fake exchange, whose books begin over REST: an answer is the message itself. */
const exchange: Exchange = {
  ...fakeExchange,
  bookSnapshots: {
    request: (_market, symbol) => ({ path: '/book', query: { symbol } }),
    parse: ({ path }, body) => (path === '/book' ? (JSON.parse(body) as BookMessage | string) : undefined),
  },
};

const message = (action: BookMessage['action'], sequence: number, previous?: number): BookMessage => ({
  type: 'book_message',
  exchange: 'fake',
  market: 'linear',
  symbol: 'BTC',
  timestamp: START + sequence,
  action,
  bids: [[100 - sequence / 1_000, sequence]],
  asks: [[101, 1]],
  sequence: String(sequence),
  previousSequence: previous === undefined ? undefined : String(previous),
});

function capture() {
  const warnings: string[] = [];
  const selection = new Selection({ exchanges: [exchange], channels: ['book_delta'] });
  const subject = new Capture({ selection, depth: 5, bookInterval: 0, warn: (text) => warnings.push(text) });
  let at = START;
  const apply = (entry: object): AnyRecord[] => {
    at += 1_000;
    return subject.apply(exchange, { at, ...entry } as TapeEntry);
  };
  return {
    subject,
    warnings,
    connect: (connection = '1') => apply({ kind: 'connect', connection, url: 'ws://h/linear' }),
    close: (connection = '1') => apply({ kind: 'close', connection, code: 1006 }),
    delta: (sequence: number, previous: number, connection = '1') =>
      apply({ kind: 'frame', connection, content: data([message('delta', sequence, previous)]) }),
    book: (answer: BookMessage | string) =>
      apply({ kind: 'http', url: 'http://h/book?symbol=BTC', status: 200, body: JSON.stringify(answer) }),
  };
}

const summary = (records: readonly AnyRecord[]) =>
  records.map((record) => `${record.type} ${'sequence' in record ? record.sequence : ''}`.trim());

describe('a book that begins over REST', () => {
  it('waits with its deltas, drops those that the whole book contains, and goes on with the rest', () => {
    const { connect, delta, book, subject } = capture();
    connect();
    expect([delta(101, 100), delta(102, 101), delta(105, 102)].flat()).toEqual([]);
    expect(subject.brokenBooks('fake')).toContainEqual({ market: 'linear', symbol: 'BTC' });
    expect(summary(book(message('snapshot', 104)))).toEqual(['book_snapshot 104', 'book_delta 105']);
    expect(subject.brokenBooks('fake')).toEqual([]);
    expect(summary(delta(106, 105))).toEqual(['book_delta 106']);
  });

  it('does not take a whole book that is older than its first delta, nor one that cannot be read', () => {
    const { connect, delta, book, warnings, subject } = capture();
    connect();
    delta(101, 100);
    expect(book(message('snapshot', 99))).toEqual([]);
    expect(book('no levels')).toEqual([]);
    expect(warnings).toEqual(['book: no levels']);
    expect(subject.statistics.incomplete).toBe(true);
    expect(summary(book(message('snapshot', 100)))).toEqual(['book_snapshot 100', 'book_delta 101']);
  });

  it('ignores a whole book that nobody waits for: the state that the deltas continue is newer', () => {
    const { connect, delta, book } = capture();
    connect();
    delta(101, 100);
    book(message('snapshot', 100));
    expect(book(message('snapshot', 100))).toEqual([]);
    expect(summary(delta(102, 101))).toEqual(['book_delta 102']);
  });

  it('that misses a delta waits again, and its gap ends with the next whole book', () => {
    const { connect, delta, book } = capture();
    connect();
    delta(101, 100);
    book(message('snapshot', 100));
    expect(delta(103, 102)).toEqual([]);
    expect(delta(104, 103)).toEqual([]);
    const records = book(message('snapshot', 103));
    expect(summary(records)).toEqual(['gap', 'book_snapshot 103', 'book_delta 104']);
    expect(records[0]).toMatchObject({
      reason: 'sequence',
      fromTimestamp: START + 101,
      untilTimestamp: START + 103,
      missing: true,
    });
  });

  it('forgets the deltas of a connection that is lost', () => {
    const { connect, close, delta, book } = capture();
    connect();
    delta(101, 100);
    close();
    expect(book(message('snapshot', 100))).toEqual([]);
    connect('2');
    delta(111, 110, '2');
    expect(summary(book(message('snapshot', 110)))).toContain('book_delta 111');
  });

  it('is a gap at the end where no whole book arrived', () => {
    const { connect, delta, subject } = capture();
    connect();
    delta(101, 100);
    expect(subject.finish()).toMatchObject([{ type: 'gap', channel: 'book_delta', fromTimestamp: START + 101, missing: true }]);
  });

  it('is joined on two connections: one goes on where the other ends', () => {
    const { connect, close, delta, book } = capture();
    connect();
    delta(101, 100);
    book(message('snapshot', 100));
    connect('2');
    delta(102, 101);
    expect(delta(102, 101, '2')).toEqual([]);
    expect(book(message('snapshot', 101))).toEqual([]);
    const records = [...close(), ...delta(103, 102, '2')];
    expect(summary(records)).toContain('book_delta 103');
    expect(records.filter(({ type }) => type === 'gap')).toEqual([]);
  });
});
