import { describe, expect, it } from 'vitest';
import { Subscriptions } from '../../../../src/lib/capture/live/subscriptions.js';

const create = () => new Subscriptions({ acknowledgeWithin: 1_000, staleAfter: 5_000 });
const refused = (topic: string | undefined, request: string | undefined) => ({
  kind: 'refused' as const,
  topic,
  request,
  reason: 'no',
});
const always = () => true;

describe('subscriptions', () => {
  it('are pending until the exchange confirms them, by topic or by request', () => {
    const subject = create();
    subject.requested(['a', 'b'], undefined, 0);
    subject.requested(['c', 'd'], 'r', 0);
    expect(subject.counts).toEqual({ pending: 4, confirmed: 0, refused: 0, stale: 0 });
    subject.acknowledged({ topic: 'a' }, 1);
    subject.acknowledged({ request: 'r' }, 1);
    expect(subject.counts).toEqual({ pending: 1, confirmed: 3, refused: 0, stale: 0 });
    expect(subject.isSettled(() => false)).toBe(false);
    subject.onData('b', 2);
    expect(subject.isSettled(() => false)).toBe(true);
  });

  it('are settled when those that are greeted have their first state, or are reported', () => {
    const subject = create();
    subject.requested(['book', 'trade'], 'r', 0);
    subject.acknowledged({ request: 'r' }, 1);
    const isGreeted = (topic: string) => topic === 'book';
    expect(subject.isSettled(isGreeted)).toBe(false);
    subject.onData('trade', 2);
    expect(subject.isSettled(isGreeted)).toBe(false);
    subject.check(6_000, isGreeted);
    expect(subject.isSettled(isGreeted)).toBe(true);
    subject.onData('book', 6_001);
    expect(subject.isSettled(isGreeted)).toBe(true);
  });

  it('refuse the topic that the exchange names and ask again for its neighbours', () => {
    const subject = create();
    subject.requested(['a', 'b', 'c'], 'r', 0);
    expect(subject.refused(refused('b', 'r'), 1)).toEqual({ refused: ['b'], retry: [['a', 'c']] });
    expect(subject.state('b')).toBe('refused');
    expect(subject.state('a')).toBe('pending');
  });

  it('halve a request whose culprit is not named until it stands alone', () => {
    const subject = create();
    const culprit = 'e';
    const waiting = [['a', 'b', 'c', 'd', 'e', 'f', 'g']];
    const given: string[] = [];
    let requests = 0;
    for (let topics = waiting.shift(); topics; topics = waiting.shift()) {
      const request = topics[0] as string;
      requests += 1;
      subject.requested(topics, request, 0);
      if (!topics.includes(culprit)) subject.acknowledged({ request }, 1);
      else {
        const { refused: gone, retry } = subject.refused(refused(undefined, request), 1);
        given.push(...gone);
        waiting.push(...retry.map((batch) => [...batch]));
      }
    }
    expect(given).toEqual([culprit]);
    expect(subject.counts).toEqual({ pending: 0, confirmed: 6, refused: 1, stale: 0 });
    expect(requests).toBeLessThanOrEqual(7);
  });

  it('take an answer to a request nobody sent for nothing', () => {
    const subject = create();
    subject.requested(['a'], 'r', 0);
    expect(subject.refused(refused('a', 'other'), 1)).toEqual({ refused: [], retry: [] });
    subject.acknowledged({ request: 'other' }, 1);
    expect(subject.state('a')).toBe('pending');
  });

  it('become stale when nothing answers, and recover with data', () => {
    const subject = create();
    subject.requested(['a'], 'r', 0);
    expect(subject.check(999, always)).toEqual([]);
    expect(subject.check(1_000, always)).toEqual(['a']);
    expect(subject.unanswered).toEqual(['a']);
    expect(subject.check(9_000, always)).toEqual([]);
    subject.onData('a', 9_000);
    expect(subject.counts.confirmed).toBe(1);
    expect(subject.unanswered).toEqual([]);
  });

  it('become stale when the exchange does not greet them while others speak, and never for silence alone', () => {
    const subject = create();
    subject.requested(['a', 'b', 'quiet'], undefined, 0);
    for (const topic of ['a', 'b', 'quiet']) subject.acknowledged({ topic }, 10);
    expect(subject.check(6_000, always)).toEqual([]);
    subject.onData('a', 6_000);
    expect(subject.check(6_000, (topic) => topic !== 'quiet')).toEqual(['b']);
    expect(subject.unanswered).toEqual([]);
  });

  it('become stale when they are suspected, once, and recover with data', () => {
    const subject = create();
    subject.requested(['a', 'b'], undefined, 0);
    subject.acknowledged({ topic: 'a' }, 10);
    subject.onData('a', 20);
    expect([subject.markStale('a'), subject.markStale('a'), subject.markStale('b'), subject.markStale('c')]).toEqual([
      true,
      false,
      false,
      false,
    ]);
    expect(subject.state('a')).toBe('stale');
    subject.onData('a', 30);
    expect(subject.state('a')).toBe('confirmed');
  });
});
