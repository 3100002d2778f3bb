/** A decimal number as JSON and both exchanges write it; `Number` alone also takes '', ' 1', '0x10' and 'Infinity'. */
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const INTEGER = /^-?\d{1,19}$/;
const INT64_MAX = 9223372036854775807n;
const INT64_MAX_TEXT = String(INT64_MAX);
const ZERO = 48;
const ONE = 49;
const NINE = 57;

/** Returns the finite number that `value` (a number or decimal text) stands for, else undefined: never NaN, never 0 for ''. */
export function finite(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value !== 'string' || !DECIMAL.test(value)) return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

/** Returns `value` when it is a finite number above zero, else undefined: prices and sizes where 0 means "none". */
export function positive(value: unknown): number | undefined {
  const number = finite(value);
  return number !== undefined && number > 0 ? number : undefined;
}

/** Returns a 64-bit integer as canonical decimal text, exact beyond 2^53, else undefined. Unsafe JS numbers are refused. */
export function long(value: unknown): string | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? String(value) : undefined;
  if (typeof value !== 'string') return undefined;
  if (isCanonical(value)) return value;
  if (!INTEGER.test(value)) return undefined;
  const exact = BigInt(value);
  return exact <= INT64_MAX && exact >= -INT64_MAX ? exact.toString() : undefined;
}

/** Checks for a positive integer in range without leading zeros, digit by digit: BigInt would take most of a trade's time. */
function isCanonical(text: string): boolean {
  const { length } = text;
  const first = text.charCodeAt(0);
  if (!(first >= ONE && first <= NINE) || length > 19) return false;
  for (let i = 1; i < length; i++) {
    const digit = text.charCodeAt(i);
    if (digit < ZERO || digit > NINE) return false;
  }
  return length < 19 || first < NINE || text <= INT64_MAX_TEXT;
}

const MINUS = '-'.charCodeAt(0);

/** Compares two canonical decimal integers of any length: negative when `a` is smaller. An empty text is below all of them. */
export function compareLongs(a: string, b: string): number {
  const isNegative = a.charCodeAt(0) === MINUS;
  if (isNegative !== (b.charCodeAt(0) === MINUS) && a !== '' && b !== '') return isNegative ? -1 : 1;
  const order = a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
  return isNegative && b !== '' ? -order : order;
}

/** The text of a whole number that a spreadsheet turned into one with an exponent, such as `1.76E+12`: its last digits are lost. */
const ROUNDED = /^\d(?:\.\d+)?[eE]\+?\d+$/;

/** Returns whether an id or a time is a number that a spreadsheet rounded. */
export function isRounded(text: string): boolean {
  return ROUNDED.test(text);
}
