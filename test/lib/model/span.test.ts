import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lengthOf, united, within, without } from '../../../src/lib/model/span.js';

const span = fc.tuple(fc.nat(40), fc.nat(12)).map(([from, length]) => ({ from, until: from + length }));
const spans = fc.array(span, { maxLength: 8 });
/** The moments that spans hold, one by one. */
const moments = (list: readonly { from: number; until: number }[]) =>
  new Set(list.flatMap(({ from, until }) => Array.from({ length: until - from }, (_, at) => from + at)));

describe('spans', () => {
  it('are sets of moments', () => {
    fc.assert(
      fc.property(spans, spans, (a, b) => {
        const [inA, inB] = [moments(a), moments(b)];
        expect(moments(united(a))).toEqual(inA);
        expect(moments(without(a, b))).toEqual(new Set([...inA].filter((at) => !inB.has(at))));
        expect(moments(within(a, b))).toEqual(new Set([...inA].filter((at) => inB.has(at))));
        for (const result of [united(a), without(a, b), within(a, b)]) {
          expect(lengthOf(result)).toBe(moments(result).size);
          for (const [at, each] of result.entries()) {
            expect(each.from).toBeLessThan(each.until);
            if (at > 0) expect(result[at - 1]?.until).toBeLessThan(each.from + (result === united(a) ? 0 : 1));
          }
        }
      }),
      { seed: 3 },
    );
  });
});
