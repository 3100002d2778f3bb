import type { MaintenanceTier } from '../model/maintenance-tier.js';
import type { Terms } from './terms.js';

/** A position as far as its liquidation goes: `cost` is Σ amount × price. */
export type Holding = { readonly amount: number; readonly cost: number };

export type LiquidationTerms = Pick<Terms, 'tiers' | 'spot'>;

/**
 * Returns the price at which a linear position with margin M is liquidated, NaN where no price above zero does it. The
 * formula and its tiers are those of a grid plan (design section 8a), in floating point since it follows every fill:
 *
 *     long   P = (cost − M − d) / (amount × (1 − r))
 *     short  P = (cost + M + d) / (amount × (1 + r))
 *
 * r and d are rate and deduction of the tier at the cost; where the way to P leads into tiers that liquidate sooner, the
 * first price to be reached counts.
 */
export function liquidationPrice(long: boolean, held: Holding, margin: number, { tiers, spot }: LiquidationTerms): number {
  if (held.amount === 0 || spot) return Number.NaN;
  if (tiers.length === 1) {
    const price = priceInTier(long, held, margin, tiers, 0, true);
    return price > 0 ? price : Number.NaN;
  }
  const entry = tierAt(held.cost, tiers);
  const [from, until] = long ? [0, entry] : [entry, tiers.length - 1];
  let first = Number.NaN;
  for (let index = from; index <= until; index++) {
    const price = priceInTier(long, held, margin, tiers, index, index === entry);
    if (!(long ? price <= first : price >= first)) first = price;
  }
  return first > 0 ? first : Number.NaN;
}

function priceInTier(
  long: boolean,
  { amount, cost }: Holding,
  margin: number,
  tiers: readonly MaintenanceTier[],
  index: number,
  isEntry: boolean,
): number {
  const { rate, deduction, upTo } = tiers[index] as MaintenanceTier;
  const sign = long ? 1 : -1;
  const price = (cost - sign * (margin + deduction)) / (amount * (1 - sign * rate));
  if (isEntry) return price;
  if (long) return upTo === undefined ? price : Math.min(price, upTo / amount);
  return Math.max(price, (tiers[index - 1]?.upTo ?? 0) / amount);
}

/** Returns the index of the tier that a position of this value is in; the last one for values beyond all. */
export function tierAt(value: number, tiers: readonly MaintenanceTier[]): number {
  const found = tiers.findIndex(({ upTo }) => upTo === undefined || value <= upTo);
  return found < 0 ? tiers.length - 1 : found;
}

/**
 * Returns the price at which equity meets maintenance with both sides held in cross margin: base + net × P = Σ amount ×
 * rate × P − Σ deductions, rates by each side's cost. `isLow` says whether a fall leads there, else a rise. NaN for none.
 */
export function sharedLiquidationPrice(
  long: Holding,
  short: Holding,
  balance: number,
  { tiers }: LiquidationTerms,
): { price: number; isLow: boolean } {
  const ofLong = tiers[tierAt(long.cost, tiers)] as MaintenanceTier;
  const ofShort = tiers[tierAt(short.cost, tiers)] as MaintenanceTier;
  const base = balance - long.cost + short.cost + ofLong.deduction + ofShort.deduction;
  const slope = long.amount - short.amount - long.amount * ofLong.rate - short.amount * ofShort.rate;
  const price = slope === 0 ? Number.NaN : -base / slope;
  return { price: price > 0 ? price : Number.NaN, isLow: slope > 0 };
}
