import { FailureError } from './errors.js';

/** A few kilobytes of repeats can unpack to gigabytes. Market data shrinks to a fifth or a tenth, never to this share. */
const LARGEST_RATIO = 200;
/** Bytes that any file may unpack to, whatever its ratio. */
const ALWAYS_ALLOWED = 32 << 20;

/** Throws a `FailureError` for a ratio that no market data has. */
export function requireRatio(
  packed: number,
  unpacked: number,
  name: string,
  { allowed = ALWAYS_ALLOWED, advice = 'unpack it yourself' } = {},
): void {
  if (unpacked > allowed && unpacked > packed * LARGEST_RATIO)
    throw new FailureError(
      `${name}: unpacks to more than ${LARGEST_RATIO} times its size, which no market data does; ${advice} if you trust it`,
    );
}
