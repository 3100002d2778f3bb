import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scanInteger, scanNumber } from '../../../src/lib/input/number-cell.js';

const digits = fc.stringMatching(/^[0-9]{1,24}$/);
const exponent = fc.constantFrom('', 'e5', 'E-7', 'e+12', 'e-300', 'e400');

/** Reads a text that begins at the third byte and ends at a comma. */
function scanned(scan: typeof scanNumber, text: string): { readonly place: number; readonly value: number } {
  const out = new Float64Array(2).fill(-1);
  const place = scan(Buffer.from(`9,${text},`), 2, out, 1);
  return { place: place - 2, value: out[1] as number };
}

describe('a number cell', () => {
  it('is the double that Number returns, to the last bit', () => {
    const text = fc.oneof(
      fc.tuple(digits, digits, exponent).map(([whole, decimals, power]) => `${whole}.${decimals}${power}`),
      fc.tuple(digits, exponent).map(([whole, power]) => `${whole}${power}`),
      fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }).map((value) => String(Math.abs(value))),
      fc.integer({ min: 0, max: 2 ** 50 }).map((units) => (units / 1e6).toString()),
    );
    const isNearest = (given: string) => {
      expect(scanned(scanNumber, given)).toEqual({ place: given.length, value: Number(given) });
    };
    fc.assert(fc.property(text, isNearest), { numRuns: 3000 });
  });

  it.each(['1.', '.5', '-1', '+1', ' 1', '1 ', '1_0', '0x1', '1e', '1e+', 'nan', '1.5.', '"1"'])(
    'ends before its comma: %s',
    (text) => {
      expect(scanned(scanNumber, text).place).toBeLessThan(text.length);
    },
  );

  it('is NaN without a character', () => {
    expect(scanned(scanNumber, '')).toEqual({ place: 0, value: Number.NaN });
    expect(scanned(scanInteger, '')).toEqual({ place: 0, value: Number.NaN });
  });
});

describe('an integer cell', () => {
  it.each(['1788220800000000', '9007199254740991', '1'])('is exact: %s', (text) => {
    expect(scanned(scanInteger, text)).toEqual({ place: text.length, value: Number(text) });
  });

  it.each(['0', '01', '1.0', '1e3', '12345678901234567', '-1'])('ends before its comma: %s', (text) => {
    expect(scanned(scanInteger, text).place).toBeLessThan(text.length);
  });
});
