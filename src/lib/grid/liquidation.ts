import { Exact, roundDown, roundUp } from '../model/ticks.js';
import type { ExactTier, GridParameters } from './parameters.js';
import { directionOf, type Position } from './position.js';

/**
 * Returns M, the margin that a position can lose. Isolated: Σ aᵢpᵢ / leverage; Bitget and Bybit deduct fees from the free
 * balance, not from this margin. Cross: the deposit minus those fees.
 */
export function marginOf(position: Position, grid: Pick<GridParameters, 'marginMode' | 'leverage' | 'deposit'>): Exact {
  return grid.marginMode === 'isolated' ? position.cost.div(grid.leverage) : grid.deposit.minus(position.fees);
}

/** Returns the index of the tier of a position value; the last tier for values beyond all bounds. */
export function tierAt(value: Exact, tiers: readonly ExactTier[]): number {
  const found = tiers.findIndex(({ upTo }) => upTo === undefined || value.lte(upTo));
  return found < 0 ? tiers.length - 1 : found;
}

/**
 * Returns the mark price at which a linear position is liquidated, rounded to a tick towards the entry; undefined if no
 * price above zero does, and for an empty position.
 *
 * The margin left at price P equals the maintenance margin there, a × P × r − d:
 *
 *     long   P = (Σ aᵢpᵢ − M − d) / (Σ aᵢ × (1 − r))
 *     short  P = (Σ aᵢpᵢ + M + d) / (Σ aᵢ × (1 + r))
 *
 * with r and d the rate and deduction of the tier at the notional Σ aᵢpᵢ. The position value changes on the way to P. If it
 * enters tiers that liquidate sooner, the first price reached counts: a short grows into higher tiers; with deductions,
 * the lower tiers of a long need more margin than the formula of the higher one. A lower tier never relaxes P.
 *
 * The exchanges differ in details that this formula omits. Bybit (help centre, USDT contracts): the older page takes maintenance at
 * the entry price, entry − (IM − MM) / size, 19,700 for its example of 1 BTC at 20,000, 50× and 0.5 %; since 2026-05 it
 * takes it at the mark price, as here: 19,698.49. Its fee to close is added to margin and maintenance alike and cancels.
 * Bitget (support article 12560603808759) adds the taker fee to the maintenance rate: to plan for it, add that fee to the
 * rates passed here. It publishes no deductions, so d is 0 and r applies to the whole position. Both trigger by the mark
 * price, which a plan equates with the traded price, and both may change margins by funding.
 */
export function liquidationPrice(
  position: Position,
  margin: Exact,
  grid: Pick<GridParameters, 'tiers' | 'limits'>,
): Exact | undefined {
  if (position.amount.isZero()) return undefined;
  const long = position.side === 'long';
  const entry = tierAt(position.cost, grid.tiers);
  const path = long ? grid.tiers.slice(0, entry + 1) : grid.tiers.slice(entry);
  const prices = path.map((tier) => {
    const price = priceInTier(position, margin, tier);
    return tier === grid.tiers[entry] ? price : noSoonerThanTier(price, tier, position);
  });
  const first = long ? Exact.max(...prices) : Exact.min(...prices);
  if (first.lte(0)) return undefined;
  return (long ? roundUp : roundDown)(first, grid.limits.tickSize);
}

function priceInTier({ side, cost, amount }: Position, margin: Exact, tier: ExactTier): Exact {
  const sign = directionOf(side);
  const kept = new Exact(1).minus(tier.rate.times(sign));
  return cost.minus(margin.plus(tier.deduction).times(sign)).div(amount.times(kept));
}

/** A tier applies from its edge: a long falls into it at its upper bound, a short rises into it at its lower bound. */
function noSoonerThanTier(price: Exact, tier: ExactTier, { side, amount }: Position): Exact {
  if (side === 'long') return tier.upTo === undefined ? price : Exact.min(price, tier.upTo.div(amount));
  return Exact.max(price, tier.from.div(amount));
}
