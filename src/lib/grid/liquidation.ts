import { Exact, roundDown, roundUp } from '../model/ticks.js';
import type { ExactTier, GridParameters } from './parameters.js';
import { directionOf, type Position } from './position.js';

/**
 * Returns M, the margin that a position can lose. Isolated: Σ aᵢpᵢ / leverage; the fees of the fills are taken from the
 * free balance on Bitget and Bybit, so they leave it whole. Cross: the deposit, from which both exchanges have taken those fees.
 */
export function marginOf(position: Position, grid: Pick<GridParameters, 'marginMode' | 'leverage' | 'deposit'>): Exact {
  return grid.marginMode === 'isolated' ? position.cost.div(grid.leverage) : grid.deposit.minus(position.fees);
}

/** Returns the index of the tier that a position of this value is in; the last one for values beyond all. */
export function tierAt(value: Exact, tiers: readonly ExactTier[]): number {
  const found = tiers.findIndex(({ upTo }) => upTo === undefined || value.lte(upTo));
  return found < 0 ? tiers.length - 1 : found;
}

/**
 * Returns the mark price at which a linear position is liquidated, put on a tick towards the entry; undefined where no
 * price above zero does it, and for a position of nothing.
 *
 * The margin left at price P equals the maintenance margin there, a × P × r − d:
 *
 *     long   P = (Σ aᵢpᵢ − M − d) / (Σ aᵢ × (1 − r))
 *     short  P = (Σ aᵢpᵢ + M + d) / (Σ aᵢ × (1 + r))
 *
 * with r and d the rate and deduction of the tier at the notional Σ aᵢpᵢ. The value moves on its way to P. Where that
 * brings it into tiers that liquidate sooner (a short grows into higher ones; with deductions the lower ones of a long
 * weigh more than the formula of the higher says), the first price to be reached counts. A lower tier never relaxes it.
 *
 * The exchanges differ in what this leaves out. Bybit (help centre, USDT contracts): the older page takes maintenance at
 * the entry price, entry − (IM − MM) / size, 19,700 for its example of 1 BTC at 20,000, 50× and 0.5 %; since 2026-05 it
 * takes it at the mark price, as here: 19,698.49. Its fee to close is added to margin and maintenance alike and cancels.
 * Bitget (support article 12560603808759) adds the taker fee to the maintenance rate: whoever plans for it adds that to the
 * rates given here. It publishes no deductions, so d is 0 and r applies to the whole position. Both trigger by the mark
 * price, which a plan takes to be the traded one, and both may change margins by funding.
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

/** A tier begins to count at its edge: a long falls into it at its upper bound, a short rises into it at its lower one. */
function noSoonerThanTier(price: Exact, tier: ExactTier, { side, amount }: Position): Exact {
  if (side === 'long') return tier.upTo === undefined ? price : Exact.min(price, tier.upTo.div(amount));
  return Exact.max(price, tier.from.div(amount));
}
