import { describe, expect, it } from 'vitest';
import { bookChecksum } from '../../../src/lib/book/checksum.js';
import type { TextLevel } from '../../../src/lib/model/book-message.js';

describe('bookChecksum of one level', () => {
  it('is the check value of the CRC-32 standard, signed', () => {
    expect(bookChecksum([['12345', '6789']], [])).toBe(crcByBits('12345:6789'));
    expect(crcByBits('123456789')).toBe(0xcbf43926 | 0);
    expect(bookChecksum([], [])).toBe(0);
  });
});

/** CRC-32 (IEEE 802.3, reversed polynomial), bit by bit, signed. */
function crcByBits(text: string): number {
  let crc = -1;
  for (const byte of Buffer.from(text)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc;
}

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
