import { describe, expect, it } from 'vitest';
import { FeatureEngine } from '../../../src/lib/features/engine.js';
import type { FeatureRow } from '../../../src/lib/features/feature-series.js';
import { tryFeatures } from '../../../src/lib/features/trial.js';
import type { AnyRecord } from '../../../src/lib/model/records.js';
import { gapRecord } from '../../support/records.js';
import { syntheticMarket } from '../../support/synthetic-market.js';

const START = 1_795_132_800_000_000;
const windows = new Map([
  ['delta_z', 30],
  ['imb_shift', 10],
  ['ofi', 10],
  ['mark_dev_z', 60],
  ['oi_z', 60],
  ['realized_vol', 40],
]);
const options = { grace: 1_000_000, windows, cuts: [0.21, 0.47, 0.83], laterStart: 0.25 };
const market = [
  ...syntheticMarket({ seed: 31, start: START, hours: 0.2, denseHours: 0.2, events: [{ at: START + 400_000_000, side: 'buy' }] }),
];

function engineRun(records: readonly AnyRecord[], batch: boolean): AnyRecord[] {
  const engine = new FeatureEngine({ grace: 1_000_000, windows, batch });
  return [...records.flatMap((record) => [...engine.add(record)]), ...engine.finish()];
}

describe('tryFeatures', () => {
  it('passes on a market, with a gap in it and records that come too late', () => {
    const gap = { ...gapRecord, channel: 'book', fromTimestamp: START + 300_000_000, untilTimestamp: START + 306_500_000 };
    const late = market.find(({ type, timestamp }) => type === 'trade' && timestamp > START + 200_000_000);
    const records = [
      ...market.filter(
        ({ type, timestamp }) => type !== 'book_snapshot' || timestamp <= gap.fromTimestamp || timestamp >= gap.untilTimestamp,
      ),
      { ...gap, timestamp: gap.untilTimestamp, localTimestamp: gap.untilTimestamp + 1 },
      { ...(late as AnyRecord), id: 'late', localTimestamp: START + 230_000_000 } as AnyRecord,
    ];
    const report = tryFeatures(records, options);
    expect(report.independence.filter(({ verdict }) => verdict === 'fails')).toEqual([]);
    expect(report).toMatchObject({ lookAhead: [], streamAgainstBatch: [], late: 1, cuts: 3, passed: true });
    expect(report.rows).toBe(720);
    const held = report.independence.filter(({ verdict }) => verdict === 'holds').map(({ name }) => name);
    expect(held).toEqual(
      expect.arrayContaining(['delta_z', 'imb_shift', 'ofi', 'mark_dev_z', 'oi_z', 'realized_vol', 'spread_bps']),
    );
    expect(report.independence.find(({ name }) => name === 'delta_z')).toMatchObject({ declared: 30, rows: 29 });
    expect(report.independence.find(({ name }) => name === 'atr15m')?.verdict).toBe('open');
  });

  it('catches a z-score over all data: the mean of the future is in it', () => {
    const run = (records: readonly AnyRecord[], batch: boolean) => {
      const given = engineRun(records, batch);
      const rows = given.filter((record): record is FeatureRow => record.type === 'features');
      const mean = rows.reduce((sum, { basisBps = 0 }) => sum + basisBps, 0) / rows.length;
      return given.map((record) =>
        record.type === 'features' ? { ...record, basisBps: (record.basisBps ?? 0) - mean } : record,
      );
    };
    const report = tryFeatures(market, { ...options, run });
    expect(report.passed).toBe(false);
    expect(report.lookAhead[0]).toMatchObject({ column: 'basisBps' });
  });

  it('catches a row that already holds the mark of five seconds later', () => {
    const run = (records: readonly AnyRecord[], batch: boolean) => {
      const given = engineRun(records, batch);
      const marks = new Map(given.flatMap((record) => (record.type === 'micro' ? [[record.timestamp, record.mark]] : [])));
      return given.map((record) => {
        if (record.type !== 'features') return record;
        return { ...record, basisBps: marks.get(record.timestamp + 5_000_000) ?? record.basisBps };
      });
    };
    const report = tryFeatures(market, { ...options, run });
    expect(report.passed).toBe(false);
    expect(report.lookAhead).not.toEqual([]);
    expect(new Set(report.lookAhead.map(({ column }) => column))).toEqual(new Set(['basisBps']));
  });

  it('catches a stream that differs from a batch, and a window that is longer than declared', () => {
    const run = (records: readonly AnyRecord[], batch: boolean) => {
      let sum = 0;
      return engineRun(records, batch).map((record) => {
        if (record.type !== 'features') return record;
        sum += record.spreadBps ?? 0;
        return { ...record, spreadBps: sum, ofi: batch ? 0 : record.ofi };
      });
    };
    const report = tryFeatures(market, { ...options, run });
    expect(report.streamAgainstBatch[0]).toMatchObject({ column: 'ofi', expected: 0 });
    expect(report.independence.find(({ name }) => name === 'spread_bps')?.verdict).toBe('fails');
    expect(report.lookAhead).toEqual([]);
  });
});
