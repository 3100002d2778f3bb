import type { Exact } from '../model/ticks.js';
import { liquidationPrice, marginOf } from './liquidation.js';
import { type GridInput, type GridParameters, gridParameters } from './parameters.js';
import type { Holding, Plan, PlannedLevel } from './planned.js';
import { averagePrice, breakEvenPrice, directionOf, filled, flat, type Position, profitAt, takeProfitPrice } from './position.js';
import { type Ladder, ladder, notionalOf, type Order } from './sizing.js';
import { explainReasons, isLiquidatedAt, reasonsAgainst, type Step } from './status.js';
import { planWarnings } from './warnings.js';

/**
 * Returns the plan of a grid: the same for a plan, a backtest and a run. Figures "so far" take every level up to there as
 * filled at its price and with its amount, also those that cannot be placed or come after a liquidation: the `reasons` say
 * which. Throws a `UsageError` on input that makes no sense.
 */
export function planGrid(input: GridInput): Plan {
  const grid = gridParameters(input);
  return planLadder(grid, ladder(grid));
}

/** Returns the plan of a ladder that is already made: how a grid fares whose margin grows while its orders stay. */
export function planLadder(grid: GridParameters, made: Ladder): Plan {
  const levels = [...walk(grid, made.orders)].map((step) => plannedLevel(step, grid, made.orders));
  const last = levels.at(-1) as PlannedLevel;
  const sign = directionOf(grid.side);
  const lastPrice = last.order.price;
  const plan = {
    ...made,
    grid,
    levels,
    committed: notionalOf(made.orders),
    marginRequired: last.margin,
    worstLoss: last.position.cost.minus(last.position.amount.times(lastPrice)).times(sign),
    rebound: last.takeProfitPrice?.minus(lastPrice).times(sign).div(lastPrice),
    firstUnsafe: levels.find(({ reasons }) => reasons.length > 0),
  };
  return { ...plan, warnings: planWarnings(plan) };
}

/** Returns the number of the first level that is not `ok`, undefined when all are. Stops there: what a scan asks. */
export function firstUnsafeLevel(grid: GridParameters, orders: readonly Order[]): number | undefined {
  for (const step of walk(grid, orders)) if (reasonsAgainst(step, grid).length > 0) return step.level;
  return undefined;
}

/** Fills the orders one after the other. Level 0 is taken at the market, the rest rest. */
function* walk(grid: GridParameters, orders: readonly Order[]): Generator<Step> {
  let position = flat(grid.side);
  let liquidationBefore: Exact | undefined;
  for (const [level, order] of orders.entries()) {
    position = filled(position, order.price, order.amount, level === 0 ? grid.takerFee : grid.makerFee);
    const liquidation = liquidationPrice(position, marginOf(position, grid), grid);
    yield { level, order, position, liquidationPrice: liquidation, liquidationBefore };
    // What was liquidated stays so, whatever the formula says of a position that no longer exists.
    if (!isLiquidatedAt(order.price, liquidationBefore, grid.side)) liquidationBefore = liquidation;
  }
}

function plannedLevel(step: Step, grid: GridParameters, orders: readonly Order[]): PlannedLevel {
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

/** Returns the figures of any position, for fills that went otherwise than planned as well. The exit is a resting order. */
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
