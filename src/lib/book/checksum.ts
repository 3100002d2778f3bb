import { crc32 } from 'node:zlib';
import type { BookLevel } from './book-side.js';

/** Levels per side that take part in a checksum. */
export const CHECKSUM_LEVELS = 25;

/**
 * Returns the checksum of a book, as Bitget defines it for `books`: signed CRC-32 of `bid:amount:ask:amount:…` over the
 * best 25 levels, best first, as the exchange wrote them; where one side is shorter its missing levels are skipped.
 */
export function bookChecksum(bids: readonly BookLevel[], asks: readonly BookLevel[]): number {
  const parts: (string | number)[] = [];
  for (let i = 0; i < CHECKSUM_LEVELS; i++) parts.push(...(bids[i] ?? []), ...(asks[i] ?? []));
  return crc32(parts.join(':')) | 0;
}
