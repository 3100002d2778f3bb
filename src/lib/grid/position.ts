import { Exact, roundDown, roundUp } from '../model/ticks.js';
import type { Direction } from './parameters.js';

/** Position after fills. `cost` is Σ amount × price, `fees` their total fees; both in quote units. */
export type Position = {
  readonly side: Direction;
  readonly amount: Exact;
  readonly cost: Exact;
  readonly fees: Exact;
};

/** Returns 1 for a long, −1 for a short: the sign of the profit from a rising price. */
export function directionOf(side: Direction): 1 | -1 {
  return side === 'long' ? 1 : -1;
}

/** Returns an empty position. */
export function flat(side: Direction): Position {
  return { side, amount: new Exact(0), cost: new Exact(0), fees: new Exact(0) };
}

/** Returns the position after a fill that paid `feeRate` (a fraction) of its notional. */
export function filled(position: Position, price: Exact, amount: Exact, feeRate: Exact): Position {
  const notional = price.times(amount);
  return {
    side: position.side,
    amount: position.amount.plus(amount),
    cost: position.cost.plus(notional),
    fees: position.fees.plus(notional.times(feeRate)),
  };
}

/** Returns Σ aᵢpᵢ / Σ aᵢ. The position must not be empty. */
export function averagePrice({ cost, amount }: Position): Exact {
  return cost.div(amount);
}

/**
 * Returns the price at which closing with `exitFee` makes neither profit nor loss. Long: (cost + fees) / (amount × (1 − fee)); short:
 * (cost − fees) / (amount × (1 + fee)).
 */
export function breakEvenPrice(position: Position, exitFee: Exact): Exact {
  const sign = directionOf(position.side);
  const kept = new Exact(1).minus(exitFee.times(sign));
  return position.cost.plus(position.fees.times(sign)).div(position.amount.times(kept));
}

/** Returns average × (1 ± distance), rounded to a tick away from the entry: up for a long, down for a short. */
export function takeProfitPrice(position: Position, distance: Exact, tick: Exact | undefined): Exact {
  const target = averagePrice(position).times(distance.times(directionOf(position.side)).plus(1));
  return (position.side === 'long' ? roundUp : roundDown)(target, tick);
}

/** Returns the profit of closing the position at `price`, after entry fees and `exitFee`, in quote units. */
export function profitAt(position: Position, price: Exact, exitFee: Exact): Exact {
  const proceeds = position.amount.times(price);
  const gross = proceeds.minus(position.cost).times(directionOf(position.side));
  return gross.minus(position.fees).minus(proceeds.times(exitFee));
}
