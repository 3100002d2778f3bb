import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expandSegments, hasSegment, parseSegment, uniteSegments } from '../../../../src/lib/storage/files/segments.js';

const ids = fc.array(fc.tuple(fc.constantFrom('a-1', 'b', '20261120T100000ff'), fc.nat({ max: 40 })), { maxLength: 60 });

describe('segments', () => {
  it('unites to the fewest ranges, in order', () => {
    expect(uniteSegments([['w-3', 'w-4'], ['w-5:9', 'v-0'], ['w-11']])).toEqual(['v-0', 'w-3:9', 'w-11']);
  });

  it('has exactly what was united', () => {
    fc.assert(
      fc.property(ids, ids, (first, second) => {
        const names = [first, second].map((list) => list.map(([writer, number]) => `${writer}-${number}`));
        const united = uniteSegments(names);
        expect(expandSegments(united).sort()).toEqual([...new Set(names.flat())].sort());
        for (const name of names.flat()) expect(hasSegment(united, name)).toBe(true);
        expect(hasSegment(united, 'a-1-41')).toBe(false);
        expect(uniteSegments([united, ...names])).toEqual(united);
      }),
      { seed: 7 },
    );
  });

  it('tells the writer from the number', () => expect(parseSegment('a-1-12')).toEqual({ writer: 'a-1', number: 12 }));
});
