import { Decimal } from 'decimal.js';

/**
 * Exact decimal arithmetic for money: 40 digits, the rest cut off, never written with an exponent. Orders, margins and
 * liquidation prices are computed with it and become numbers only in records.
 */
export const Exact = Decimal.clone({ precision: 40, rounding: Decimal.ROUND_DOWN, toExpNeg: -1000, toExpPos: 1000 });
export type Exact = Decimal;

/** What can be read exactly: decimal text, a number (taken at its shortest text, so 0.1 is one tenth) or a decimal. */
export type ExactValue = string | number | Exact;

/**
 * Quotients are read to 30 digits before they are cut to a whole number of steps: a third times three ends in …999 at
 * the 40th digit, and must not lose a whole lot for it.
 */
const STEP_DIGITS = 30;

function stepsIn(value: Exact, step: Exact): Exact {
  return value.div(step).toSignificantDigits(STEP_DIGITS, Decimal.ROUND_HALF_UP);
}

/** Returns the greatest multiple of `step` that is not above `value`; `value` itself where there is no step. */
export function roundDown(value: Exact, step: Exact | undefined): Exact {
  return step === undefined ? value : stepsIn(value, step).floor().times(step);
}

/** Returns the least multiple of `step` that is not below `value`; `value` itself where there is no step. */
export function roundUp(value: Exact, step: Exact | undefined): Exact {
  return step === undefined ? value : stepsIn(value, step).ceil().times(step);
}
