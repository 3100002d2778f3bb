import { describe, expect, it } from 'vitest';
import { AuditSchedule } from '../../../../src/lib/capture/repair/audit-schedule.js';
import { MINUTE, SECOND } from '../../../../src/lib/model/time.js';

const feedOf = (symbol: string) => ({ exchange: 'x', market: 'linear' as const, channel: 'trade' as const, symbol });
const FEEDS = ['A', 'B', 'C', 'D'].map(feedOf);

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
    for (let at = 0; at < 10 * SECOND; at += SECOND / 10) schedule.observe(busy, at);
    for (const at of [0, 4 * SECOND, 9 * SECOND]) schedule.observe(thin, at);
    const checked: [string, number][] = [];
    for (let at = 10 * SECOND; at < 60 * SECOND; at += SECOND)
      for (const { symbol } of schedule.due([busy, thin], at, 2)) checked.push([symbol, at / SECOND]);
    expect(checked).toEqual([['A', 15]]);
  });

  it('returns no more than there is room for', () => {
    const schedule = new AuditSchedule(MINUTE);
    schedule.due(FEEDS, 0, 9);
    expect(schedule.due(FEEDS, 5 * MINUTE, 3)).toHaveLength(3);
    expect(schedule.due(FEEDS, 5 * MINUTE, 3)).toHaveLength(1);
    expect(schedule.due(FEEDS, 5 * MINUTE, 0)).toEqual([]);
  });
});
