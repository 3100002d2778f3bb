import { isFields } from './fields.js';

/** Integers that exceed 2^53 and may be unquoted: sequences and ids. */
const LONG_FIELDS = ['seq', 'pseq', 'tradeId', 'i'] as const;

/** One JSON string, which is kept, or one number. */
const STRING_OR_NUMBER = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g;
const LONG_INTEGER = /^-?\d{16,}$/;

/**
 * Parses a frame whose rows may carry integers beyond 2^53 as numbers: `JSON.parse` would merge neighbours silently, so
 * that such a frame is parsed once more with its long integers quoted. Throws a `SyntaxError` as `JSON.parse` does.
 */
export function parseFrame(text: string): unknown {
  const message: unknown = JSON.parse(text);
  return isFields(message) && losesDigits(message.data) ? JSON.parse(quoteLongIntegers(text)) : message;
}

/** An integer literal beyond 2^53 always parses to an unsafe number, and one below never does. */
function losesDigits(rows: unknown): boolean {
  if (!Array.isArray(rows)) return false;
  for (const row of rows) {
    if (!isFields(row)) continue;
    for (const field of LONG_FIELDS) {
      const value = row[field];
      if (typeof value === 'number' && !Number.isSafeInteger(value)) return true;
    }
  }
  return false;
}

function quoteLongIntegers(text: string): string {
  return text.replace(STRING_OR_NUMBER, (token) => (LONG_INTEGER.test(token) ? `"${token}"` : token));
}
