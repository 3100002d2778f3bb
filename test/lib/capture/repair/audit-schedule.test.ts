import { describe, expect, it } from 'vitest';
import { AuditSchedule } from '../../../../src/lib/capture/repair/audit-schedule.js';
import { MINUTE, SECOND } from '../../../../src/lib/model/time.js';
import { seeded } from '../../../support/random.js';

const feedOf = (symbol: string) => ({ exchange: 'x', market: 'linear' as const, channel: 'trade' as const, symbol });
const FEEDS = ['A', 'B', 'C', 'D'].map(feedOf);
const tradeAt = (at: number) => ({ id: `at ${at}`, timestamp: at });

describe('the schedule of audits', () => {
  it('gives every feed its turn once per period, spread over it', () => {
    const schedule = new AuditSchedule(4 * MINUTE);
    const turns = new Map<string, number[]>();
    for (let at = 0; at <= 10 * MINUTE; at += SECOND)
      for (const { symbol } of schedule.due(FEEDS, at, 2)) turns.set(symbol, [...(turns.get(symbol) ?? []), at / MINUTE]);
    expect([...turns.entries()]).toEqual([
      ['A', [2, 6, 10]],
      ['B', [3, 7]],
      ['C', [4, 8]],
      ['D', [5, 9]],
    ]);
  });

  it('checks a busy feed that falls silent at once, and only once', () => {
    const schedule = new AuditSchedule(60 * MINUTE);
    const [busy, thin] = FEEDS as [(typeof FEEDS)[number], (typeof FEEDS)[number]];
    schedule.due([busy, thin], 0, 2);
    for (let at = 0; at < 10 * SECOND; at += SECOND / 10) schedule.observe(busy, tradeAt(at), at);
    for (const at of [0, 4 * SECOND, 9 * SECOND]) schedule.observe(thin, tradeAt(at), at);
    const checked: [string, number][] = [];
    for (let at = 10 * SECOND; at < 60 * SECOND; at += SECOND)
      for (const { symbol } of schedule.due([busy, thin], at, 2)) checked.push([symbol, at / SECOND]);
    expect(checked).toEqual([['A', 15]]);
  });

  it.each([
    ['long', 3 * SECOND, true],
    ['short', SECOND / 2, false],
  ])('checks a first silence that was %s once the rhythm of the feed is known', (_, silence, isChecked) => {
    const schedule = new AuditSchedule(60 * MINUTE);
    const [feed] = FEEDS as [(typeof FEEDS)[number]];
    schedule.due([feed], 0, 1);
    const times = Array.from({ length: 20 }, (_, trade) => silence + (trade * SECOND) / 10);
    const checks = times.filter((at) => {
      schedule.observe(feed, tradeAt(at), at);
      return schedule.due([feed], at, 1).length > 0;
    });
    expect(checks).toEqual(isChecked ? [silence + 1.5 * SECOND] : []);
  });

  it('checks a feed that speaks again after a silence that is long for it, and none that was proven before', () => {
    const schedule = new AuditSchedule(60 * MINUTE);
    const [feed] = FEEDS as [(typeof FEEDS)[number]];
    schedule.due([feed], 0, 1);
    let at = 0;
    const trade = (pause: number) => {
      at += pause;
      schedule.observe(feed, tradeAt(at), at);
    };
    for (let i = 0; i < 30; i++) trade(SECOND / 10);
    // Ten times its rhythm, but short.
    trade(SECOND);
    expect(schedule.seam(feed)).toBeUndefined();
    const before = tradeAt(at);
    trade(3 * SECOND);
    expect(schedule.seam(feed)).toEqual({ before, after: tradeAt(at) });
    expect(schedule.unproven([feed], at)).toEqual([feed]);
    expect(schedule.due([feed], at, 1)).toEqual([]);
    trade(SECOND / 2);
    expect(schedule.due([feed], at, 1)).toEqual([feed]);
    // No answer: it is asked again, but not at once.
    expect(schedule.due([feed], at + 9 * SECOND, 1)).toEqual([]);
    expect(schedule.due([feed], at + 10 * SECOND, 1)).toEqual([feed]);
    schedule.proven(feed, at);
    expect(schedule.unproven([feed], at)).toEqual([]);
    for (let i = 0; i < 30; i++) trade(SECOND / 10);
    trade(3 * SECOND);
    expect(schedule.seam(feed)).toBeUndefined();
    trade(4 * SECOND);
    expect(schedule.seam(feed)).toBeDefined();
  });

  it('asks less and less for the pauses of quiet feeds', () => {
    const schedule = new AuditSchedule(60 * MINUTE);
    const feeds = Array.from({ length: 100 }, (_, index) => feedOf(`S${index}`));
    schedule.due(feeds, 0, 100);
    // Trades at random, one in five seconds each, and in bunches: pauses of a minute are common.
    const random = seeded(1);
    const next = feeds.map(() => random() * 5 * SECOND);
    const checks: number[] = [];
    for (let at = 0; at < 20 * MINUTE; at += SECOND / 4) {
      for (const [index, feed] of feeds.entries()) {
        if (at < (next[index] as number)) continue;
        schedule.observe(feed, tradeAt(at), at);
        next[index] = at + (random() < 0.7 ? 0.3 : -Math.log(random()) * 12) * SECOND;
      }
      for (const feed of schedule.due(feeds, at, 2)) {
        checks.push(at);
        schedule.proven(feed, at);
      }
    }
    const late = checks.filter((at) => at > 10 * MINUTE).length;
    expect(late).toBeLessThan(checks.length / 2);
    // A request in two seconds for all of them.
    expect(late).toBeLessThan(300);
  });

  it('does not take a loss for a silence of the market', () => {
    const schedule = new AuditSchedule(60 * MINUTE);
    const [feed] = FEEDS as [(typeof FEEDS)[number]];
    schedule.due([feed], 0, 1);
    for (let at = 0; at < 3 * SECOND; at += SECOND / 10) schedule.observe(feed, tradeAt(at), at);
    schedule.lost(feed);
    schedule.observe(feed, tradeAt(30 * SECOND), 30 * SECOND);
    expect(schedule.seam(feed)).toBeUndefined();
    expect(schedule.unproven([feed], 30 * SECOND)).toEqual([]);
  });

  it('returns no more than there is room for', () => {
    const schedule = new AuditSchedule(MINUTE);
    schedule.due(FEEDS, 0, 9);
    expect(schedule.due(FEEDS, 5 * MINUTE, 3)).toHaveLength(3);
    expect(schedule.due(FEEDS, 5 * MINUTE, 3)).toHaveLength(1);
    expect(schedule.due(FEEDS, 5 * MINUTE, 0)).toEqual([]);
  });

  it('compares a feed that continues an earlier run at once, again until that is proven, and then in its turn', () => {
    const schedule = new AuditSchedule(60 * MINUTE);
    const [feed] = FEEDS as [(typeof FEEDS)[number]];
    schedule.resumed(feed);
    const turns: number[] = [];
    for (let at = 0; at < 60 * SECOND; at += SECOND / 2) {
      if (schedule.due([feed], at, 1).length === 0) continue;
      turns.push(at / SECOND);
      if (turns.length === 3) schedule.proven(feed, at);
    }
    expect(turns).toEqual([0.5, 10.5, 20.5]);
  });
});
