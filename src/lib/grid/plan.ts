import type { Exact } from '../model/ticks.js';
import { liquidationPrice, marginOf } from './liquidation.js';
import { type GridInput, type GridParameters, gridParameters } from './parameters.js';
import type { Holding, Plan, PlannedLevel } from './planned.js';
import { averagePrice, breakEvenPrice, directionOf, filled, flat, type Position, profitAt, takeProfitPrice } from './position.js';
import { type Ladder, ladder, notionalOf, type Order } from './sizing.js';
import { explainReasons, type FilledLevel, isLiquidatedAt, reasonsAgainst } from './status.js';
import { planWarnings } from './warnings.js';

/**
 * Plans a grid. The values of a level assume that all levels up to it filled at their price and amount, including levels
 * that cannot be placed or lie beyond a liquidation; `reasons` marks those. Throws a `UsageError` on invalid input.
 */
export function planGrid(input: GridInput): Plan {
  const grid = gridParameters(input);
  return planLadder(grid, ladder(grid));
}

/** Plans an existing ladder, for example with more margin and unchanged orders. */
export function planLadder(grid: GridParameters, planned: Ladder): Plan {
  const levels = [...walk(grid, planned.orders)].map((step) => planLevel(step, grid, planned.orders));
  const last = levels.at(-1) as PlannedLevel;
  const sign = directionOf(grid.side);
  const lastPrice = last.order.price;
  const plan = {
    ...planned,
    grid,
    levels,
    committed: notionalOf(planned.orders),
    marginRequired: last.margin,
    worstLoss: last.position.cost.minus(last.position.amount.times(lastPrice)).times(sign),
    rebound: last.takeProfitPrice?.minus(lastPrice).times(sign).div(lastPrice),
    firstUnsafe: levels.find(({ reasons }) => reasons.length > 0),
  };
  return { ...plan, warnings: planWarnings(plan) };
}

/** Returns the first level that is not `ok`, undefined if all are. Stops there, which makes scans fast. */
export function firstUnsafeLevel(grid: GridParameters, orders: readonly Order[]): number | undefined {
  for (const step of walk(grid, orders)) if (reasonsAgainst(step, grid).length > 0) return step.level;
  return undefined;
}

/** Fills the orders one after the other: level 0 as taker, the others as maker. */
function* walk(grid: GridParameters, orders: readonly Order[]): Generator<FilledLevel> {
  let position = flat(grid.side);
  let liquidationBefore: Exact | undefined;
  for (const [level, order] of orders.entries()) {
    position = filled(position, order.price, order.amount, level === 0 ? grid.takerFee : grid.makerFee);
    const liquidation = liquidationPrice(position, marginOf(position, grid), grid);
    yield { level, order, position, liquidationPrice: liquidation, liquidationBefore };
    // A liquidated position stays liquidated. Without this check, the formula would revive it at a later level.
    if (!isLiquidatedAt(order.price, liquidationBefore, grid.side)) liquidationBefore = liquidation;
  }
}

function planLevel(step: FilledLevel, grid: GridParameters, orders: readonly Order[]): PlannedLevel {
  const { level, order, position } = step;
  const reasons = reasonsAgainst(step, grid);
  const next = orders[level + 1];
  return {
    level,
    order,
    notional: order.price.times(order.amount),
    ...holding(position, grid),
    liquidationPrice: step.liquidationPrice,
    distanceToNext: next?.price.minus(order.price).abs().div(order.price),
    reasons,
    explanation: reasons.length === 0 ? undefined : explainReasons(step, reasons, grid),
  };
}

/** Returns the derived values of any position, planned or not. The exit is a maker order. */
export function holding(position: Position, grid: GridParameters): Holding {
  const margin = position.cost.div(grid.leverage);
  if (position.amount.isZero()) return { position, margin };
  const target = takeProfitPrice(position, grid.takeProfit, grid.limits.tickSize);
  return {
    position,
    margin,
    liquidationPrice: liquidationPrice(position, marginOf(position, grid), grid),
    averagePrice: averagePrice(position),
    breakEvenPrice: breakEvenPrice(position, grid.makerFee),
    takeProfitPrice: target,
    profit: profitAt(position, target, grid.makerFee),
  };
}
