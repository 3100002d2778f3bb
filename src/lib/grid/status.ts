import { Exact } from '../model/ticks.js';
import { tierAt } from './liquidation.js';
import type { GridParameters } from './parameters.js';
import { directionOf, type Position } from './position.js';
import type { Order } from './sizing.js';

/** Reasons why a level cannot be placed or is never reached. */
export const REASONS = {
  noAmount: 'amount rounds to zero',
  minAmount: 'below minimum amount',
  maxAmount: 'above maximum amount',
  minNotional: 'below minimum notional',
  band: 'outside the price band',
  orders: 'above the maximum of open orders',
  leverage: 'leverage above the maximum of its tier',
  size: 'position above the highest tier',
  margin: 'margin above the deposit',
  before: 'liquidated before',
  filled: 'liquidated when filled',
} as const;

export type Reason = (typeof REASONS)[keyof typeof REASONS];

/** One filled level: the position and its liquidation price, before and after the fill. */
export type FilledLevel = {
  readonly level: number;
  readonly order: Order;
  readonly position: Position;
  readonly liquidationPrice: Exact | undefined;
  /** Liquidation price before this level; once reached, that of the last position before the liquidation. */
  readonly liquidationBefore: Exact | undefined;
};

/** Returns whether a position is liquidated on the way to `price`. Touching the price counts: exchanges say "at or below". */
export function isLiquidatedAt(price: Exact, liquidation: Exact | undefined, side: GridParameters['side']): boolean {
  if (liquidation === undefined) return false;
  return side === 'long' ? liquidation.gte(price) : liquidation.lte(price);
}

/** Returns all reasons why a level is not `ok`, liquidations first. */
export function reasonsAgainst(step: FilledLevel, grid: GridParameters): Reason[] {
  return [...liquidations(step, grid), ...orderLimits(step, grid), ...positionLimits(step, grid)];
}

function liquidations({ order, liquidationPrice, liquidationBefore }: FilledLevel, { side }: GridParameters): Reason[] {
  if (isLiquidatedAt(order.price, liquidationBefore, side)) return [REASONS.before];
  return isLiquidatedAt(order.price, liquidationPrice, side) ? [REASONS.filled] : [];
}

/** Checks order limits. The take profit counts too: a grid of n levels has n open orders after its first fill. */
function orderLimits({ level, order: { price, amount } }: FilledLevel, { limits, price: start }: GridParameters): Reason[] {
  const reasons: Reason[] = [];
  if (amount.lte(0)) reasons.push(REASONS.noAmount);
  else if (limits.minAmount?.gt(amount)) reasons.push(REASONS.minAmount);
  if (limits.maxAmount?.lt(amount)) reasons.push(REASONS.maxAmount);
  if (amount.gt(0) && limits.minNotional?.gt(price.times(amount))) reasons.push(REASONS.minNotional);
  if (level > 0 && isOutsideBand(price, start, limits)) reasons.push(REASONS.band);
  if (limits.maxOrders !== undefined && level >= limits.maxOrders) reasons.push(REASONS.orders);
  return reasons;
}

function isOutsideBand(price: Exact, start: Exact, { priceBandUp, priceBandDown }: GridParameters['limits']): boolean {
  const one = new Exact(1);
  const above = priceBandUp !== undefined && price.gt(start.times(one.plus(priceBandUp)));
  return above || (priceBandDown !== undefined && price.lt(start.times(one.minus(priceBandDown))));
}

function positionLimits({ position }: FilledLevel, { tiers, leverage, deposit }: GridParameters): Reason[] {
  const reasons: Reason[] = [];
  const tier = tiers[tierAt(position.cost, tiers)];
  if (tier?.upTo?.lt(position.cost)) reasons.push(REASONS.size);
  if (tier?.maxLeverage?.lt(leverage)) reasons.push(REASONS.leverage);
  if (position.cost.gt(deposit.times(leverage))) reasons.push(REASONS.margin);
  return reasons;
}

/** Explains in one sentence why a level is not `ok`, with the numbers. */
export function explainReasons(step: FilledLevel, reasons: readonly Reason[], grid: GridParameters): string {
  return `level ${step.level} at ${numberText(step.order.price)}: ${reasons.map((reason) => explain(reason, step, grid)).join('; ')}`;
}

function explain(reason: Reason, step: FilledLevel, grid: GridParameters): string {
  const { order, position, level } = step;
  const { limits } = grid;
  const tier = grid.tiers[tierAt(position.cost, grid.tiers)];
  switch (reason) {
    case REASONS.before:
      return liquidatedBeforeText(step, grid);
    case REASONS.filled:
      return `liquidated when filled: levels 0 to ${level} are liquidated at ${numberText(step.liquidationPrice)}`;
    case REASONS.noAmount:
      return `the amount is less than one lot${limits.lotSize === undefined ? '' : ` of ${limits.lotSize}`}`;
    case REASONS.minAmount:
      return `amount ${order.amount} is below the minimum ${limits.minAmount}`;
    case REASONS.maxAmount:
      return `amount ${order.amount} is above the maximum ${limits.maxAmount}`;
    case REASONS.minNotional:
      return `notional ${numberText(order.price.times(order.amount))} is below the minimum ${limits.minNotional}`;
    case REASONS.band:
      return `outside the price band of ${bandText(grid)}`;
    case REASONS.orders:
      return `more than ${limits.maxOrders} open orders, the take profit included`;
    case REASONS.leverage:
      return `a position of ${numberText(position.cost)} allows at most ${tier?.maxLeverage}x, leverage is ${grid.leverage}x`;
    case REASONS.size:
      return `a position of ${numberText(position.cost)} is above the highest tier, ${tier?.upTo}`;
    case REASONS.margin:
      return `margin ${numberText(position.cost.div(grid.leverage))} is above the deposit ${grid.deposit}`;
  }
}

function liquidatedBeforeText({ level, liquidationBefore }: FilledLevel, { side }: GridParameters): string {
  const held = level === 1 ? 'level 0 is' : `levels 0 to ${level - 1} are`;
  return `liquidated before: ${held} liquidated at ${numberText(liquidationBefore)}, at or ${side === 'long' ? 'above' : 'below'} this level`;
}

function bandText({ limits, side }: GridParameters): string {
  const band = directionOf(side) > 0 ? limits.priceBandDown : limits.priceBandUp;
  return `${band?.times(100)} % around the price`;
}

function numberText(value: Exact | undefined): string {
  return value === undefined ? 'no price' : value.toSignificantDigits(8).toString();
}
