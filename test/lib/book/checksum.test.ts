import { describe, expect, it } from 'vitest';
import { bookChecksum, crc32 } from '../../../src/lib/book/checksum.js';
import type { TextLevel } from '../../../src/lib/model/book-message.js';

describe('crc32', () => {
  it('gives the check value of the standard, signed', () => {
    expect(crc32('123456789')).toBe(0xcbf43926 | 0);
    expect(crc32('')).toBe(0);
  });
});

describe('bookChecksum', () => {
  const level = (text: string): TextLevel => text.split(':') as [string, string];

  it('interleaves bids and asks as in the documented example', () => {
    const bids = ['43231.1:4', '43231:6'].map(level);
    const asks = ['43232.8:9', '43232.9:8'].map(level);
    expect(bookChecksum(bids, asks)).toBe(-1504501796);
  });

  it('skips the missing levels of the shorter side as in the documented example', () => {
    expect(bookChecksum(['3366.1:7'].map(level), ['3366.8:9', '3368:8', '3372:8'].map(level))).toBe(831078360);
  });

  it('takes the texts as they were written, and no level beyond the 25th', () => {
    const side = Array.from({ length: 26 }, (_, i): TextLevel => [`${100 + i}.00`, '0.5000']);
    expect(bookChecksum(side.slice(0, 25), [])).toBe(bookChecksum(side, []));
    expect(bookChecksum([['100.00', '0.5000']], [])).not.toBe(bookChecksum([['100', '0.5']], []));
  });
});
