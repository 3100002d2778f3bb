import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { without } from '../../../src/lib/model/span.js';
import { openGaps, type RecordedGap } from '../../../src/lib/verify/open-gaps.js';

const gap = (from: number, until: number, missing: boolean, known?: number): RecordedGap => ({
  from,
  until,
  missing,
  reason: 'disconnect',
  known,
});

const spans = (gaps: readonly RecordedGap[]) => openGaps(gaps).map(({ from, until }) => [from, until]);

describe('gaps', () => {
  it('stay until a later gap says that they were filled', () => {
    expect(spans([gap(10, 20, true, 1)])).toEqual([[10, 20]]);
    expect(spans([gap(10, 20, true, 1), gap(10, 20, false, 2)])).toEqual([]);
    expect(spans([gap(10, 20, true, 1), gap(0, 100, false, 2)])).toEqual([]);
    expect(spans([gap(10, 20, true, 2), gap(10, 20, false, 1)])).toEqual([[10, 20]]);
  });

  it('that were filled in part are what is left; two halves are a whole', () => {
    expect(spans([gap(10, 20, true, 1), gap(12, 15, false, 2)])).toEqual([
      [10, 12],
      [16, 20].map((value) => (value === 16 ? 15 : value)),
    ]);
    expect(spans([gap(10, 20, true, 1), gap(10, 15, false, 2), gap(15, 20, false, 3)])).toEqual([]);
  });

  it('whose ends are the same do not vanish', () => {
    expect(spans([gap(10, 10, true, 1)])).toEqual([[10, 11]]);
    expect(spans([gap(10, 10, true, 1), gap(10, 10, false, 2)])).toEqual([]);
  });

  it('that overlap are one, of both reasons', () => {
    const open = openGaps([gap(10, 20, true, 1), { ...gap(15, 30, true, 2), reason: 'stale' }]);
    expect(open).toEqual([{ from: 10, until: 30, reason: 'disconnect, stale' }]);
  });

  const span = fc
    .tuple(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 1, max: 10 }))
    .map(([from, size]) => [from, from + size] as const);

  it('hold exactly the moments that no repair has', () => {
    fc.assert(
      fc.property(span, fc.array(span, { maxLength: 6 }), ([from, until], others) => {
        const left = without(
          [{ from, until }],
          others.map(([a, b]) => ({ from: a, until: b })),
        );
        for (let moment = -1; moment < 45; moment++) {
          const isWanted = moment >= from && moment < until && !others.some(([a, b]) => moment >= a && moment < b);
          expect(left.filter((part) => moment >= part.from && moment < part.until)).toHaveLength(isWanted ? 1 : 0);
        }
      }),
    );
  });

  it('never overlap and are in order, and every missing moment that was never repaired is in one', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(span, fc.boolean(), fc.integer({ min: 0, max: 9 })), { maxLength: 8 }), (list) => {
        const gaps = list.map(([[from, until], missing, known]) => gap(from, until, missing, known));
        const open = openGaps(gaps);
        for (const [index, openGap] of open.entries()) expect(openGap.from).toBeGreaterThanOrEqual(open[index - 1]?.until ?? 0);
        for (let moment = 0; moment < 45; moment++) {
          const covers = (one: RecordedGap) => moment >= one.from && moment < one.until;
          const isOpen = gaps.some(
            (one) =>
              one.missing &&
              covers(one) &&
              !gaps.some((two) => !two.missing && covers(two) && (two.known ?? 0) >= (one.known ?? 0)),
          );
          expect(open.some(({ from, until }) => moment >= from && moment < until)).toBe(isOpen);
        }
      }),
    );
  });
});
