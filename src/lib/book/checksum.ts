import type { BookLevel } from './book-side.js';

/** Reversed polynomial of CRC-32 (IEEE 802.3). `node:zlib` has `crc32` only from Node 22. */
const POLYNOMIAL = 0xedb88320;

const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ (remainder & 1 ? POLYNOMIAL : 0);
  return remainder;
});

/** Returns the CRC-32 of ASCII text as a signed 32-bit integer. */
export function crc32(text: string): number {
  let crc = -1;
  for (let i = 0; i < text.length; i++) crc = (crc >>> 8) ^ (TABLE[(crc ^ text.charCodeAt(i)) & 0xff] as number);
  return ~crc;
}

/** Levels per side that take part in a checksum. */
export const CHECKSUM_LEVELS = 25;

/**
 * Returns the checksum of a book, as Bitget defines it for `books`: signed CRC-32 of `bid:amount:ask:amount:…` over the
 * best 25 levels, best first, as the exchange wrote them; where one side is shorter its missing levels are skipped.
 */
export function bookChecksum(bids: readonly BookLevel[], asks: readonly BookLevel[]): number {
  const parts: (string | number)[] = [];
  for (let i = 0; i < CHECKSUM_LEVELS; i++) parts.push(...(bids[i] ?? []), ...(asks[i] ?? []));
  return crc32(parts.join(':'));
}
