import { Exact, roundDown, roundUp } from '../model/ticks.js';
import type { Direction } from './parameters.js';

/** What is held after some fills. `cost` is Σ amount × price of the fills, `fees` what they cost; both in quote units. */
export type Position = {
  readonly side: Direction;
  readonly amount: Exact;
  readonly cost: Exact;
  readonly fees: Exact;
};

/** 1 for a long, −1 for a short: the sign of what a rising price earns. */
export function directionOf(side: Direction): 1 | -1 {
  return side === 'long' ? 1 : -1;
}

/** Returns a position of nothing. */
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

/** Returns Σ aᵢpᵢ / Σ aᵢ. The position must hold something. */
export function averagePrice({ cost, amount }: Position): Exact {
  return cost.div(amount);
}

/**
 * Returns the price at which closing with `exitFee` earns nothing. Long: (cost + fees) / (amount × (1 − fee)); short:
 * (cost − fees) / (amount × (1 + fee)).
 */
export function breakEvenPrice(position: Position, exitFee: Exact): Exact {
  const sign = directionOf(position.side);
  const kept = new Exact(1).minus(exitFee.times(sign));
  return position.cost.plus(position.fees.times(sign)).div(position.amount.times(kept));
}

/** Returns average × (1 ± distance), put on a tick away from the entry: a long's up, a short's down. */
export function takeProfitPrice(position: Position, distance: Exact, tick: Exact | undefined): Exact {
  const target = averagePrice(position).times(distance.times(directionOf(position.side)).plus(1));
  return (position.side === 'long' ? roundUp : roundDown)(target, tick);
}

/** Returns what closing all of it at `price` with `exitFee` earns, the fees of both sides deducted, quote units. */
export function profitAt(position: Position, price: Exact, exitFee: Exact): Exact {
  const proceeds = position.amount.times(price);
  const gross = proceeds.minus(position.cost).times(directionOf(position.side));
  return gross.minus(position.fees).minus(proceeds.times(exitFee));
}
