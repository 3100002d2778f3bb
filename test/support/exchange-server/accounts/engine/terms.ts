import { fixedText } from '../../market/decimals.js';
import type { Listing } from '../../market/listing.js';
import { Decimal } from './decimals.js';

/** A step of the maintenance margin: rate and deduction hold for values up to `until`. */
export type Tier = {
  readonly until: Decimal;
  readonly rate: Decimal;
  readonly deduction: Decimal;
  readonly maxLeverage: Decimal;
};

/** What one symbol demands of orders. */
export type Terms = {
  readonly tick: Decimal;
  readonly lot: Decimal;
  readonly minAmount: Decimal;
  readonly maxLimit: Decimal;
  readonly maxMarket: Decimal;
  readonly minValue: Decimal;
  readonly tiers: readonly Tier[];
};

export type TermsOf = (listing: Listing) => Terms;

export function priceOf(units: number, { priceDecimals }: Listing): Decimal {
  return new Decimal(fixedText(units, priceDecimals));
}

export function amountOf(units: number, { sizeDecimals }: Listing): Decimal {
  return new Decimal(fixedText(units, sizeDecimals));
}

/** Returns the tier of a position's value. */
export function tierOf({ tiers }: Terms, value: Decimal): Tier {
  return tiers.find(({ until }) => value.lte(until)) ?? (tiers.at(-1) as Tier);
}

/** Returns the maintenance margin of a position's value: rate × value − deduction. */
export function maintenance(terms: Terms, value: Decimal): Decimal {
  const { rate, deduction } = tierOf(terms, value);
  return value.mul(rate).minus(deduction);
}
