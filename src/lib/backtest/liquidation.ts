import type { MaintenanceTier } from '../model/maintenance-tier.js';
import type { ExecutionTerms } from './terms.js';

/** The part of a position that decides its liquidation: `cost` is Σ amount × entry price. */
type Holding = { readonly amount: number; readonly cost: number };

type LiquidationTerms = Pick<ExecutionTerms, 'tiers' | 'spot'>;

/**
 * Returns the price at which a linear position with margin M is liquidated, NaN if no price above zero does. Formula and
 * tiers are those of a grid plan (design section 8a), in floating point because it is recomputed after every fill:
 *
 *     long   P = (cost − M − d) / (amount × (1 − r))
 *     short  P = (cost + M + d) / (amount × (1 + r))
 *
 * r and d are rate and deduction of the tier at the cost. If the way to P enters tiers that liquidate sooner, the first
 * price reached counts.
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

/**
 * Returns the isolated margin of a side. Fees and funding are paid from the free balance first. Once that is used up they
 * reduce the margins: otherwise a liquidation would take more than there is.
 */
export function isolatedMargin(own: number, other: number, balance: number): number {
  if (own + other <= balance) return own;
  const left = Math.max(0, balance);
  return other === 0 ? left : (left * own) / (own + other);
}

/** Returns the index of the tier of a position value; the last tier for values beyond all bounds. */
function tierAt(value: number, tiers: readonly MaintenanceTier[]): number {
  const found = tiers.findIndex(({ upTo }) => upTo === undefined || value <= upTo);
  return found < 0 ? tiers.length - 1 : found;
}

/**
 * Returns the price at which equity meets maintenance with both sides held in cross margin: base + net × P = Σ amount ×
 * rate × P − Σ deductions, rates by each side's cost. `isLow` is true if a falling price leads there. NaN if there is none.
 */
export function hedgedLiquidationPrice(
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
