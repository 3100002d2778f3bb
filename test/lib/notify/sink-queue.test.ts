import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Notice } from '../../../src/lib/notify/notice.js';
import { type Delivery, type Message, type Moment, type QueuePolicy, SinkQueue } from '../../../src/lib/notify/sink-queue.js';

const START = 1_790_000_000_000_000;
const POLICY: QueuePolicy = { limit: 4_096, perMinute: 20, minimum: 'routine' };
const moment = (at: number): Moment => ({ at, time: START + at * 1_000 });

function notice(seq: number, more: Partial<Notice> = {}): Notice {
  const base = {
    source: 'eth-long',
    seq,
    time: START,
    severity: 'routine',
    kind: 'filled',
    mode: 'paper',
    symbol: 'ETHUSDT',
  } as const;
  return { ...base, text: `LEVEL ${seq} filled`, one: 'order filled', many: 'orders filled', ...more };
}
const alarm = (seq: number, more: Partial<Notice> = {}): Notice =>
  notice(seq, { severity: 'alarm', kind: 'drawdown', text: 'drawdown: 20.4 %', cause: `cause ${seq}`, ...more });

/** Runs a queue on a virtual clock against a server that answers as `answer` says; returns what it took, and when. */
function play(
  queue: SinkQueue,
  from: number,
  until: number,
  answer: (message: Message, at: number) => Parameters<SinkQueue['settle']>[0],
) {
  const sent: { at: number; text: string; message: Message }[] = [];
  for (let at = from; at <= until; ) {
    const next = queue.next(moment(at));
    if (next && 'send' in next) {
      const delivery = answer(next.send, at);
      sent.push({ at, text: next.send.text, message: next.send });
      queue.settle(delivery, moment(at));
    } else if (next === undefined || next.at > until) break;
    else at = Math.max(at + 1, Math.ceil(next.at));
  }
  return sent;
}
const taken = () => ({ kind: 'delivered' }) as const;
/** The number of events that a text speaks of. */
function eventsIn(text: string): number {
  const [, all] = /^([\d,]+) events$/m.exec(text) ?? [];
  return all === undefined ? 1 : Number(all.replaceAll(',', ''));
}

/** Delivers an outbox by processes that are killed after the numbers of messages; the last one lives. Returns what arrived. */
function deliveredOver(outbox: readonly Notice[], kills: readonly number[]): ReadonlySet<number> {
  const got = new Set<number>();
  let saved = new SinkQueue(POLICY).progress('eth-long');
  for (const most of [...kills, Number.POSITIVE_INFINITY]) {
    const queue = new SinkQueue(POLICY);
    queue.restore('eth-long', saved, moment(0));
    for (const one of outbox) if (one.seq > saved.seq) queue.take(one, moment(0));
    let steps = 0;
    play(queue, 0, 3_600_000, (message) => {
      steps += 1;
      if (steps > most) return { kind: 'failed', reason: 'killed', pause: 3_600_000 };
      for (const { seq } of message.notices) got.add(seq);
      return { kind: 'delivered' };
    });
    // Half of the processes die between the answer and the next write of their progress.
    if (steps % 2 === 0) saved = queue.progress('eth-long');
  }
  return got;
}

describe('SinkQueue', () => {
  it('merges what is routine for 3 s, with whose money it is and the numbers', () => {
    const queue = new SinkQueue(POLICY);
    for (const seq of [7, 8]) queue.take(notice(seq), moment(0));
    expect(queue.next(moment(2_999))).toEqual({ at: 3_000 });
    expect(play(queue, 3_000, 10_000, taken).map(({ text }) => text)).toEqual([
      '2 events\nPAPER eth-long/7  LEVEL 7 filled\nPAPER eth-long/8  LEVEL 8 filled',
    ]);
  });

  it('makes a handful of messages of 500 events in a second, and the counts add up', () => {
    const queue = new SinkQueue(POLICY);
    for (let seq = 0; seq < 500; seq++)
      queue.take(notice(seq, seq % 5 === 0 ? { one: 'order accepted', many: 'orders accepted' } : {}), moment(seq * 2));
    const sent = play(queue, 0, 120_000, taken);
    expect(sent.length).toBeLessThanOrEqual(3);
    expect(sent[0]?.text).toBe('500 events\nPAPER eth-long/0–495  100 orders accepted\nPAPER eth-long/1–499  400 orders filled');
    expect(queue.waiting).toBe(0);
  });

  it('sends an alarm alone, at once and before everything that waits', () => {
    const queue = new SinkQueue(POLICY);
    for (let seq = 0; seq < 50; seq++) queue.take(notice(seq), moment(0));
    queue.take(alarm(50), moment(10));
    const sent = play(queue, 10, 60_000, taken);
    expect(sent[0]).toMatchObject({ at: 10, text: 'ALARM  PAPER eth-long/50  drawdown: 20.4 %' });
    expect(eventsIn(sent[1]?.text ?? '')).toBe(50);
  });

  it('suppresses a repeat until it is cleared, and says how many there were when it reminds', () => {
    const queue = new SinkQueue({ ...POLICY, minimum: 'alarm' });
    const again = (seq: number) => alarm(seq, { cause: 'same' });
    for (let seq = 0; seq < 9; seq++) queue.take(again(seq), moment(seq * 60_000));
    const first = play(queue, 540_000, 600_000, taken);
    expect(first.map(({ text }) => text)).toEqual([expect.stringContaining('eth-long/0  drawdown')]);
    queue.take(again(9), moment(3_600_001));
    expect(play(queue, 3_600_001, 3_700_000, taken)[0]?.text).toContain('(8 repeats suppressed)');
    queue.take(notice(10, { clears: 'drawdown', kind: 'cleared', text: 'drawdown cleared after 60 s' }), moment(3_710_000));
    expect(play(queue, 3_710_000, 3_720_000, taken)[0]?.text).toContain(
      'CLEARED  PAPER eth-long/10  drawdown cleared after 60 s',
    );
    queue.take(again(11), moment(3_720_000));
    expect(play(queue, 3_720_000, 3_730_000, taken)).toHaveLength(1);
    queue.take(notice(12, { clears: 'other', kind: 'cleared' }), moment(3_740_000));
    expect(play(queue, 3_740_000, 3_750_000, taken)).toEqual([]);
  });

  it('keeps the pause that a server asks for, and then delivers', () => {
    const queue = new SinkQueue(POLICY);
    queue.take(alarm(1), moment(0));
    const sent = play(queue, 0, 400_000, (_, at) =>
      at < 300_000 ? { kind: 'failed', reason: 'returned 429', pause: 300_000 } : { kind: 'delivered' },
    );
    expect(sent.map(({ at }) => at)).toEqual([0, 300_000]);
    expect(queue.waiting).toBe(0);
  });

  it('lets one text that the server refuses not hold the alarms behind it, and gives up a routine one', () => {
    const queue = new SinkQueue(POLICY);
    queue.take(alarm(1), moment(0));
    queue.take(alarm(2), moment(0));
    queue.take(notice(3), moment(0));
    const refuses = ({ id }: Message): Delivery =>
      id === 'eth-long/2' ? { kind: 'delivered' } : { kind: 'refused', reason: '400' };
    const sent = play(queue, 0, 1_000_000, refuses);
    expect(sent.slice(0, 2).map(({ message }) => message.id)).toEqual(['eth-long/1', 'eth-long/2']);
    expect(queue.progress('eth-long').seq).toBe(0);
    expect(sent.filter(({ message }) => message.id === 'eth-long/1').length).toBeGreaterThan(5);
  });

  it('keeps alarms for 24 h and counts what it gives up', () => {
    const queue = new SinkQueue(POLICY);
    queue.take(alarm(1), moment(0));
    const down = () => ({ kind: 'failed', reason: 'down' }) as const;
    play(queue, 0, 23 * 3_600_000, down);
    expect([queue.waiting, queue.lost]).toEqual([1, 0]);
    play(queue, 24 * 3_600_000 + 1, 24 * 3_600_000 + 2, down);
    expect([queue.waiting, queue.lost]).toEqual([0, 1]);
  });

  it('summarises a backlog, which stays open until it is delivered', () => {
    const queue = new SinkQueue(POLICY);
    for (let seq = 0; seq < 5_230; seq++) queue.take(notice(seq), moment(0));
    const sent = play(queue, 3_000, 60_000, (_, at) => (at < 5_000 ? { kind: 'failed', reason: 'down' } : { kind: 'delivered' }));
    expect(queue.waiting).toBe(0);
    expect(eventsIn(sent.at(-1)?.text ?? '')).toBe(5_230);
    expect(queue.progress('eth-long').seq).toBe(5_229);
  });

  it('holds routine notices over the quiet hours, and no alarm', () => {
    const isQuiet = (time: number) => time < START + 60_000_000;
    const queue = new SinkQueue({ ...POLICY, isQuiet });
    queue.take(notice(1), moment(0));
    queue.take(alarm(2), moment(0));
    expect(play(queue, 0, 120_000, taken).map(({ at, message }) => [Math.floor(at / 10_000), message.id])).toEqual([
      [0, 'eth-long/2'],
      [6, 'eth-long/1'],
    ]);
  });

  it('never exceeds the characters of a message, and never the messages of a minute', () => {
    const arbitrary = fc.record({
      limit: fc.integer({ min: 200, max: 4_096 }),
      notices: fc.array(
        fc.record({
          at: fc.integer({ min: 0, max: 90_000 }),
          isAlarm: fc.boolean(),
          text: fc.string({ unit: 'grapheme', maxLength: 600 }),
          noun: fc.constantFrom('order', 'fill', 'gap'),
          source: fc.constantFrom('a', 'b'),
        }),
        { maxLength: 120 },
      ),
      answers: fc.infiniteStream(fc.constantFrom('delivered', 'delivered', 'failed', 'slow')),
    });
    fc.assert(
      fc.property(arbitrary, ({ limit, notices, answers }) => {
        const queue = new SinkQueue({ ...POLICY, limit });
        const sorted = [...notices].sort((a, b) => a.at - b.at);
        const attempts: number[] = [];
        let [delivered, from] = [0, 0];
        const answer = (message: Message, at: number) => {
          attempts.push(at);
          expect(message.text.length).toBeLessThanOrEqual(limit);
          const kind = at > 200_000 ? 'delivered' : (answers.next().value as string);
          if (kind === 'delivered') {
            const counted = [...message.backlog.values()].reduce((sum, { count }) => sum + count, 0);
            delivered += message.notices.length + counted;
            return { kind } as const;
          }
          return { kind: 'failed', reason: '', ...(kind === 'slow' && { pause: 7_000 }) } as const;
        };
        for (const [index, { at, isAlarm, text, noun, source }] of sorted.entries()) {
          play(queue, from, at, answer);
          from = at;
          const more = { source, text, one: noun, many: `${noun}s`, time: START + at * 1_000 };
          queue.take(isAlarm ? alarm(index, more) : notice(index, more), moment(at));
        }
        play(queue, from, 3_600_000, answer);
        expect(delivered).toBe(notices.length);
        expect(queue.waiting).toBe(0);
        for (const [index, at] of attempts.entries())
          if (index >= 20) expect(at - (attempts[index - 20] as number)).toBeGreaterThanOrEqual(60_000);
      }),
      { numRuns: 60 },
    );
  });

  it('loses no alarm over kills: what a restart restores and reads again makes every alarm arrive', () => {
    const arbitrary = fc.record({
      kinds: fc.array(fc.constantFrom('alarm', 'routine', 'repeat'), { minLength: 1, maxLength: 40 }),
      kills: fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 6 }),
    });
    fc.assert(
      fc.property(arbitrary, ({ kinds, kills }) => {
        const outbox = kinds.map((kind, seq) =>
          kind === 'routine' ? notice(seq) : alarm(seq, kind === 'repeat' ? { cause: 'same' } : {}),
        );
        const got = deliveredOver(outbox, kills);
        const needed = outbox.filter(({ cause }) => cause !== 'same').map(({ seq }) => seq);
        expect(needed.filter((seq) => !got.has(seq))).toEqual([]);
        if (kinds.includes('repeat')) expect(outbox.some(({ seq, cause }) => cause === 'same' && got.has(seq))).toBe(true);
      }),
      { numRuns: 100 },
    );
  });
});
