import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { wrapped } from '../../../../src/lib/cli/output/wrap.js';

const SENTENCE = 'all filled: loss 9.4633 at 0.3000, 16.7 % from the take profit';

describe('wrapped sentences', () => {
  it.each([20, 30, 61])('fit %i columns, break between words and lose none', (width) => {
    const lines = wrapped(SENTENCE, width).split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(width);
    expect(lines.map((line) => line.trim()).join(' ')).toBe(SENTENCE);
  });

  it('stay as they are where they fit, colours not counted', () => {
    const coloured = `\u001b[31m${SENTENCE}\u001b[39m`;
    expect(wrapped(coloured, SENTENCE.length)).toBe(coloured);
    expect(stripVTControlCharacters(wrapped(coloured, 30)).split('\n')).toHaveLength(3);
  });
});
