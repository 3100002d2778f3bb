import { Decimal } from 'decimal.js';
import { Exact, roundDown, roundUp } from '../model/ticks.js';
import type { GridParameters } from './parameters.js';
import { levelPrices, tickPrices } from './spacing.js';

/** One order of the ladder, rounded for placement. */
export type Order = { readonly price: Exact; readonly amount: Exact };

/** The ladder with its intermediate results. */
export type Ladder = {
  readonly orders: readonly Order[];
  /** Σ multiplier^i. */
  readonly multiplierSum: Exact;
  /** Amount of level 0 before rounding to a lot. */
  readonly baseAmount: Exact;
  /** deposit × leverage. */
  readonly budget: Exact;
  /** Levels with an amount lowered to fit the budget, and the reduction. */
  readonly lowered: ReadonlyMap<number, Exact>;
};

/**
 * Returns the orders of a grid. Reference sizing: base = deposit × leverage / (Σ multiplier^i × price). Full sizing: base
 * = deposit × leverage / Σ (multiplier^i × price_i). Level i has base × multiplier^i, rounded down to a lot. The
 * formulas use prices before tick rounding. If the ladder costs more than deposit × leverage (rounded-up prices; every short
 * in reference sizing), amounts are lowered by lots, last level first.
 */
export function ladder(grid: GridParameters): Ladder {
  const weights = weightsOf(grid);
  const multiplierSum = Exact.sum(...weights);
  const budget = grid.deposit.times(grid.leverage);
  const unrounded = levelPrices(grid);
  const prices = tickPrices(unrounded, grid);
  const divisor =
    grid.sizing === 'full'
      ? sumOf(weights, (weight, level) => weight.times(unrounded[level] as Exact))
      : multiplierSum.times(grid.price);
  const baseAmount = budget.div(divisor);
  const planned = weights.map((weight, level) => ({
    price: prices[level] as Exact,
    amount: roundDown(baseAmount.times(weight), grid.limits.lotSize),
  }));
  return { ...withinBudget(planned, budget, grid.limits.lotSize), multiplierSum, baseAmount, budget };
}

/** Returns multiplier^i of every level: the ratios of amounts before rounding. */
export function weightsOf({ multiplier, levels }: Pick<GridParameters, 'multiplier' | 'levels'>): Exact[] {
  const weights = [new Exact(1)];
  while (weights.length < levels) weights.push((weights.at(-1) as Exact).times(multiplier));
  return weights;
}

function sumOf<Item>(items: readonly Item[], value: (item: Item, index: number) => Exact): Exact {
  return items.reduce((sum, item, index) => sum.plus(value(item, index)), new Exact(0));
}

/** Returns Σ price × amount. */
export function notionalOf(orders: readonly Order[]): Exact {
  return sumOf(orders, ({ price, amount }) => price.times(amount));
}

function withinBudget(planned: readonly Order[], budget: Exact, lot: Exact | undefined): Pick<Ladder, 'orders' | 'lowered'> {
  const orders = [...planned];
  const lowered = new Map<number, Exact>();
  let excess = notionalOf(orders).minus(budget);
  for (let level = orders.length - 1; level >= 0 && excess.gt(0); level--) {
    const { price, amount } = orders[level] as Order;
    const surplus = roundUp(excess.div(price).toSignificantDigits(35, Decimal.ROUND_UP), lot);
    const cut = Exact.min(surplus, amount);
    orders[level] = { price, amount: amount.minus(cut) };
    lowered.set(level, cut);
    excess = excess.minus(cut.times(price));
  }
  return { orders, lowered };
}
