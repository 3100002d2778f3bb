import { Decimal } from 'decimal.js';

/**
 * Exact decimal arithmetic for money: 40 digits, truncated, never written with an exponent. Orders, margins and
 * liquidation prices are computed with it and become numbers only in records.
 */
export const Exact = Decimal.clone({ precision: 40, rounding: Decimal.ROUND_DOWN, toExpNeg: -1000, toExpPos: 1000 });
export type Exact = Decimal;

/** A value that is read exactly: decimal text, a number (by its shortest text, so 0.1 is one tenth) or a decimal. */
export type ExactValue = string | number | Exact;

/**
 * A third times three ends in …999 at the 40th digit. Truncated to whole steps it would lose a whole lot, so quotients
 * are rounded to 30 digits first.
 */
const STEP_DIGITS = 30;

function stepsIn(value: Exact, step: Exact): Exact {
  return value.div(step).toSignificantDigits(STEP_DIGITS, Decimal.ROUND_HALF_UP);
}

/** Rounds down to a multiple of `step`; returns `value` itself without a step. */
export function roundDown(value: Exact, step: Exact | undefined): Exact {
  return step === undefined ? value : stepsIn(value, step).floor().times(step);
}

/** Rounds up to a multiple of `step`; returns `value` itself without a step. */
export function roundUp(value: Exact, step: Exact | undefined): Exact {
  return step === undefined ? value : stepsIn(value, step).ceil().times(step);
}
