import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decimal } from '../../../src/lib/book/decimal.js';
import { finite } from '../../../src/lib/model/numbers.js';

describe('decimal', () => {
  it('equals the model’s number for every decimal text, bit for bit', () => {
    const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength: 20 });
    fc.assert(
      fc.property(digits, digits, fc.boolean(), (whole, fraction, point) => {
        const text = point ? `${whole}.${fraction}` : whole;
        expect(decimal(text)).toBe(finite(text) ?? Number.NaN);
      }),
      { seed: 1, numRuns: 5_000 },
    );
  });

  it.each(['', '.', '..', '1.2.3', ' 1', '1 ', '1,5', '0x10', 'NaN', 'Infinity', '1e999', '--1', '１', 'null'])(
    'is not a number: "%s"',
    (text) => expect(decimal(text)).toBeNaN(),
  );

  it.each([
    ['0.0056180', 0.005618],
    ['65140.4', 65140.4],
    ['5.', 5],
    ['.5', 0.5],
    ['-1', -1],
    ['1e-7', 1e-7],
    ['9007199254740993', 9007199254740992],
    ['0.1234567890123456', 0.1234567890123456],
    ['99999999999999.9', 99999999999999.9],
  ])('%s', (text, number) => expect(decimal(text)).toBe(number));
});
