import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Selection } from '../../../../src/lib/capture/selection.js';
import { Capture } from '../../../../src/lib/capture/session/capture.js';
import type { Channel } from '../../../../src/lib/exchanges/exchange.js';
import type { BookMessage } from '../../../../src/lib/model/book-message.js';
import type { AnyRecord } from '../../../../src/lib/model/records.js';
import type { TapeEntry } from '../../../../src/lib/tape/tape.js';
import { data, fakeExchange, START } from '../../../support/fake-exchange.js';

const MS = 1_000;
const OLD = '1';
const NEW = '2';
const NEXT = '3';

function capture(channels: readonly Channel[] = ['book_delta']) {
  const selection = new Selection({ exchanges: [fakeExchange], channels });
  const subject = new Capture({ selection, depth: 15, bookInterval: 0, warn: () => {} });
  let at = START;
  const apply = (entry: TapeEntry): AnyRecord[] => subject.apply(fakeExchange, entry);
  const next = () => (at += MS);
  for (const connection of [OLD, NEW, NEXT]) apply({ kind: 'connect', at: next(), connection, url: 'ws://h/linear' });
  return {
    subject,
    /** Data carry the time of the exchange. */
    told: (connection: string, ...messages: BookMessage[]) =>
      messages.flatMap((message) =>
        apply({ kind: 'frame', at: next(), connection, content: data([message], { pushTimestamp: message.timestamp }) }),
      ),
    burst: (connection: string, ...messages: BookMessage[]) =>
      apply({ kind: 'frame', at: next(), connection, content: data(messages) }),
    passed: (milliseconds: number) => {
      at += milliseconds * MS;
      return subject.advance(at);
    },
    answered: (connection: string, frame: object) =>
      apply({ kind: 'frame', at: next(), connection, content: JSON.stringify(frame) }),
    sent: (connection: string, request: object) => apply({ kind: 'sent', at: next(), connection, text: JSON.stringify(request) }),
    closed: (connection: string, code = 1000) => apply({ kind: 'close', at: next(), connection, code }),
  };
}

/** The book after so many changes: the amount at 100 counts them. */
const state = (sequence: number): BookMessage => ({ ...change(sequence), action: 'snapshot', asks: [['101', '1']] });
const change = (sequence: number): BookMessage => ({
  type: 'book_message',
  exchange: 'fake',
  market: 'linear',
  symbol: 'BTC',
  timestamp: START + sequence * MS,
  action: 'delta',
  bids: [['100', String(sequence)]],
  asks: [],
  sequence: String(sequence),
  previousSequence: String(sequence - 1),
});

const records = (given: readonly AnyRecord[]): string[] => seen(given.filter(({ type }) => type !== 'clock'));

/** Records as `snapshot 3`, `delta 4`, `gap disconnect`. */
const seen = (records: readonly AnyRecord[]): string[] =>
  records.map((record) =>
    record.type === 'gap'
      ? `gap ${record.reason} ${(record.fromTimestamp - START) / MS}…${(record.untilTimestamp - START) / MS}`
      : `${record.type.replace('book_', '')} ${(record as { sequence?: string }).sequence}`,
  );

describe('a book that goes on with another connection', () => {
  it('gives every change that is still on its way on the first, then goes on from there with the second', () => {
    const { told, closed } = capture();
    expect(records(told(OLD, state(10), change(11)))).toEqual(['snapshot 10', 'delta 11']);
    expect(told(NEW, state(13), change(14), change(15))).toEqual([]);
    expect(seen(told(OLD, change(12), change(13), change(14)))).toEqual(['delta 12', 'delta 13', 'delta 14']);
    expect(seen(closed(OLD))).toEqual(['snapshot 14', 'delta 15']);
    expect(seen(told(NEW, change(16)))).toEqual(['delta 16']);
  });

  it('tells a gap where the first broke off before it had told all', () => {
    const { told, closed } = capture(['book', 'book_delta']);
    told(OLD, state(10), change(11));
    told(NEW, state(13), change(14));
    const records = seen(closed(OLD, 1006));
    expect(records.slice(0, 3)).toEqual(['gap disconnect 11…13', 'gap disconnect 11…13', 'snapshot 13']);
    expect(records.filter((record) => record.startsWith('gap'))).toHaveLength(2);
  });

  it('tells none where the first had told all before it broke off', () => {
    const { told, closed } = capture();
    told(OLD, state(10));
    told(NEW, state(12));
    told(OLD, change(11), change(12));
    expect(seen(closed(OLD, 1006))).toEqual(['snapshot 12']);
  });

  it('is left with the first when the second is lost', () => {
    const { told, closed } = capture();
    told(OLD, state(10));
    told(NEW, state(10), change(11));
    expect(closed(NEW, 1006)).toEqual([]);
    expect(seen(told(OLD, change(11), change(12)))).toEqual(['delta 11', 'delta 12']);
    const records = seen([...closed(OLD, 1006), ...told(NEXT, state(20))]);
    expect(records).toEqual(['gap disconnect 12…20', 'snapshot 20']);
  });

  it('asks for a state where the second sends changes and never one', () => {
    const { subject, told, closed } = capture();
    told(OLD, state(10));
    closed(OLD, 1006);
    expect(subject.brokenBooks('fake')).toEqual([]);
    expect(told(NEW, change(12))).toEqual([]);
    expect(subject.brokenBooks('fake')).toEqual([{ market: 'linear', symbol: 'BTC' }]);
    expect(seen(told(NEW, state(13), change(14)))).toEqual(['gap disconnect 10…13', 'snapshot 13', 'delta 14']);
    expect(subject.brokenBooks('fake')).toEqual([]);
  });

  it('follows the exchange through a restart of its counter', () => {
    const { told, closed } = capture();
    told(OLD, state(5_000));
    const restarted = { ...state(1), timestamp: START + 5_002 * MS };
    told(NEW, restarted);
    expect(seen(told(OLD, change(5_001), restarted))).toEqual(['delta 5001', 'snapshot 1']);
    expect(seen(closed(OLD))).toEqual(['snapshot 1']);
  });

  it('goes on with the second when the first is unsubscribed', () => {
    const { told, sent } = capture();
    told(OLD, state(10));
    told(NEW, state(10), change(11));
    expect(seen(sent(OLD, { operation: 'unsubscribe', topics: ['book_delta.BTC'] }))).toEqual(['snapshot 10', 'delta 11']);
    expect(told(OLD, change(11))).toEqual([]);
    expect(seen(told(NEW, change(12)))).toEqual(['delta 12']);
  });

  it('is taken up by a snapshot elsewhere after the first was unsubscribed', () => {
    const { told, sent } = capture();
    told(OLD, state(10));
    sent(OLD, { operation: 'unsubscribe', topics: ['book_delta.BTC'] });
    expect(seen(told(NEW, state(12), change(13)))).toEqual(['snapshot 12', 'delta 13']);
  });

  it('is not carried by a second that was confirmed and has sent no state yet', () => {
    const { told, answered, sent, closed } = capture();
    told(OLD, state(10));
    sent(NEW, { operation: 'subscribe', topics: ['book_delta.BTC'], request: 'a' });
    answered(NEW, { kind: 'acknowledged', request: 'a' });
    expect(closed(OLD)).toEqual([]);
    expect(seen(told(NEW, state(12)))).toEqual(['gap disconnect 10…12', 'snapshot 12']);
  });

  it('asks for a state when the second has told too much to be kept', () => {
    const { subject, told, burst, closed } = capture();
    told(OLD, state(1));
    burst(NEW, state(1), ...Array.from({ length: 6_000 }, (_, i) => change(i + 2)));
    expect(subject.brokenBooks('fake')).toEqual([]);
    closed(OLD);
    expect(subject.brokenBooks('fake')).toEqual([{ market: 'linear', symbol: 'BTC' }]);
    expect(records(told(NEW, change(6_002), state(6_003)))).toEqual(['gap disconnect 1…6003', 'snapshot 6003']);
  });

  it('goes on with the second where the first brings nothing for too long, and tells what is missing', () => {
    const { told, passed } = capture();
    told(OLD, state(10));
    told(NEW, state(12), change(13));
    expect(records(passed(1_500))).toEqual([]);
    expect(records(passed(600))).toEqual(['gap stale 10…12', 'snapshot 12', 'delta 13']);
    expect(told(OLD, change(11))).toEqual([]);
    expect(records(told(NEW, change(14)))).toEqual(['delta 14']);
  });

  it('stays with the first while nothing changes', () => {
    const { told, passed } = capture();
    told(OLD, state(10));
    told(NEW, state(10));
    expect(records(passed(60_000))).toEqual([]);
    expect(records(told(OLD, change(11)))).toEqual(['delta 11']);
  });

  it('is missing up to the end by the exchange’s clock, however far ours is off', () => {
    const { subject, told } = capture();
    told(OLD, state(10));
    const late = 3_000_000;
    told(OLD, { ...change(12), timestamp: START + late * MS });
    const [gap] = subject.finish().filter(({ type }) => type === 'gap');
    expect(gap).toMatchObject({ type: 'gap', channel: 'book_delta', reason: 'sequence', fromTimestamp: START + 10 * MS });
    expect((gap as { untilTimestamp: number }).untilTimestamp).toBeGreaterThanOrEqual(START + late * MS);
  });

  it('tells every change once, in whatever order two connections bring them', () => {
    const arrivals = fc.array(fc.constantFrom(OLD, NEW), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(arrivals, fc.nat(10), fc.nat(10), (order, subscribed, behind) => {
        const { told, closed } = capture();
        const records = told(OLD, state(1));
        // What the first tells ends after the second was subscribed: it was seen to live before it was closed.
        const last = 1 + subscribed + behind;
        const queues = {
          [OLD]: Array.from({ length: last - 1 }, (_, i) => change(i + 2)),
          [NEW]: [state(1 + subscribed), ...Array.from({ length: 30 }, (_, i) => change(subscribed + i + 2))],
        };
        for (const connection of order) records.push(...told(connection, ...queues[connection].splice(0, 1)));
        if (queues[NEW].length === 31) records.push(...told(NEW, ...queues[NEW].splice(0, 1)));
        records.push(...told(OLD, ...queues[OLD]), ...closed(OLD), ...told(NEW, ...queues[NEW]));
        const deltas = records
          .filter(({ type }) => type === 'book_delta')
          .map((record) => Number((record as { sequence?: string }).sequence));
        expect(deltas).toEqual([...new Set(deltas)].sort((a, b) => a - b));
        expect(records.filter(({ type }) => type === 'gap')).toEqual([]);
        expect(deltas.length).toBe(Math.max(last, subscribed + 31) - 1);
      }),
    );
  });
});
