import { Decimal as Base } from 'decimal.js';

/** Decimals of the exchange: 40 digits, so that no sum of fills is ever rounded. */
export const Decimal = Base.clone({ precision: 40 });
export type Decimal = Base;

export const ZERO: Decimal = new Decimal(0);

/** Returns a number as plain text, never with an exponent. */
export function textOf(value: Decimal): string {
  return value.toFixed();
}

/** Returns at most `places` decimals, rounded towards zero, without trailing zeros. */
export function shortText(value: Decimal, places = 8): string {
  return value.toDecimalPlaces(places, Decimal.ROUND_DOWN).toFixed();
}

/** Returns the greatest multiple of `step` that is not above `value`. */
export function floorTo(value: Decimal, step: Decimal): Decimal {
  return value.div(step).floor().mul(step);
}

export function isMultiple(value: Decimal, step: Decimal): boolean {
  return value.mod(step).isZero();
}

/** Returns the decimal that a request's field holds; undefined for anything but a plain positive or zero decimal. */
export function decimalOf(field: unknown): Decimal | undefined {
  if (typeof field !== 'string' || !/^\d+(?:\.\d+)?$/.test(field)) return undefined;
  return new Decimal(field);
}

export function sum(values: readonly Decimal[]): Decimal {
  return values.reduce((total, value) => total.plus(value), ZERO);
}
