import { UsageError } from '../model/errors.js';
import { Exact, roundDown, roundUp } from '../model/ticks.js';
import type { GridParameters } from './parameters.js';

type Spaced = Pick<GridParameters, 'side' | 'price' | 'levels' | 'coverage' | 'spacing' | 'distances'>;

/**
 * Returns the price of every level before rounding to a tick, level 0 first. Arithmetic: price ∓ i × price × coverage /
 * (levels − 1). Geometric, long: price × (1 − coverage)^(i / (levels − 1)); a short ends at price × (1 + coverage). List:
 * price × (1 ∓ distance).
 */
export function levelPrices(grid: Spaced): Exact[] {
  const sign = grid.side === 'long' ? -1 : 1;
  if (grid.distances !== undefined)
    return [grid.price, ...grid.distances.map((distance) => grid.price.times(distance.times(sign).plus(1)))];
  const end = grid.price.times(grid.coverage.times(sign).plus(1));
  return grid.spacing === 'geometric' ? geometric(grid, end) : arithmetic(grid, end);
}

/** Multiplies before dividing. The other way round, the last digit would push a level off its tick. */
function arithmetic({ price, levels }: Spaced, end: Exact): Exact[] {
  const span = end.minus(price);
  return Array.from({ length: levels }, (_, level) => price.plus(span.times(level).div(levels - 1)));
}

function geometric({ price, levels }: Spaced, end: Exact): Exact[] {
  const ratio = end.div(price).pow(new Exact(1).div(levels - 1));
  const prices = [price];
  for (let level = 1; level < levels - 1; level++) prices.push((prices[level - 1] as Exact).times(ratio));
  return [...prices, end];
}

/**
 * Rounds prices to ticks: buys down, sells up. Throws a `UsageError` if the tick is larger than the smallest distance of
 * two levels (they would coincide) or a price becomes zero.
 */
export function tickPrices(prices: readonly Exact[], grid: Pick<GridParameters, 'side' | 'limits'>): Exact[] {
  const { tickSize } = grid.limits;
  if (tickSize === undefined) return [...prices];
  const smallest = Exact.min(...prices.slice(1).map((price, index) => price.minus(prices[index] as Exact).abs()));
  if (smallest.lt(tickSize))
    throw new UsageError(
      `tick size: expected at most ${smallest.toSignificantDigits(8)}, the smallest distance of two levels, was ${tickSize}; use fewer levels or more coverage`,
    );
  const onTicks = prices.map((price) => (grid.side === 'long' ? roundDown : roundUp)(price, tickSize));
  if (!onTicks.every((price) => price.gt(0)))
    throw new UsageError(`tick size: with ${tickSize} the last price becomes zero; use less coverage`);
  return onTicks;
}
