import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Column, hasRepeated } from '../../../../src/lib/backtest/study/columns.js';

const LAST = 2 ** 53 - 1;

describe('hashes', () => {
  it('are there twice exactly where a set of them is smaller', () => {
    const few = fc.integer({ min: 0, max: 40 }).map((step) => [step, step * 2 ** 45, LAST - step][step % 3] as number);
    const hash = fc.oneof(few, fc.maxSafeNat());
    fc.assert(
      fc.property(fc.array(hash, { maxLength: 60 }), (hashes) => {
        const column = new Column();
        column.append(Float64Array.from(hashes), 0, hashes.length);
        expect(hasRepeated(column)).toBe(new Set(hashes).size < hashes.length);
      }),
    );
  });
});
