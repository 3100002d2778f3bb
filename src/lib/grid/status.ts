import { Exact } from '../model/ticks.js';
import { tierAt } from './liquidation.js';
import type { GridParameters } from './parameters.js';
import { directionOf, type Position } from './position.js';
import type { Order } from './sizing.js';

/** Why a level cannot be placed or is never reached; `ok` otherwise. Several are joined by `; `. */
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

/** One level in the order of fills: what is held, and where that is liquidated, before and after it. */
export type Step = {
  readonly level: number;
  readonly order: Order;
  readonly position: Position;
  readonly liquidationPrice: Exact | undefined;
  /** Liquidation price of the position before this level; of the last one standing once that was reached. */
  readonly liquidationBefore: Exact | undefined;
};

/** Returns whether a position is liquidated on the way to `price`: reached counts, as the exchange's rule is "at or below". */
export function isLiquidatedAt(price: Exact, liquidation: Exact | undefined, side: GridParameters['side']): boolean {
  if (liquidation === undefined) return false;
  return side === 'long' ? liquidation.gte(price) : liquidation.lte(price);
}

/** Returns every reason why a level is not `ok`, the fatal ones first. */
export function reasonsAgainst(step: Step, grid: GridParameters): Reason[] {
  return [...liquidations(step, grid), ...orderLimits(step, grid), ...positionLimits(step, grid)];
}

function liquidations({ order, liquidationPrice, liquidationBefore }: Step, { side }: GridParameters): Reason[] {
  if (isLiquidatedAt(order.price, liquidationBefore, side)) return [REASONS.before];
  return isLiquidatedAt(order.price, liquidationPrice, side) ? [REASONS.filled] : [];
}

/** The take profit rests beside the limit orders, so that a grid of n levels has n orders open after its first fill. */
function orderLimits({ level, order: { price, amount } }: Step, { limits, price: start }: GridParameters): Reason[] {
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

function positionLimits({ position }: Step, { tiers, leverage, deposit }: GridParameters): Reason[] {
  const reasons: Reason[] = [];
  const tier = tiers[tierAt(position.cost, tiers)];
  if (tier?.upTo?.lt(position.cost)) reasons.push(REASONS.size);
  if (tier?.maxLeverage?.lt(leverage)) reasons.push(REASONS.leverage);
  if (position.cost.gt(deposit.times(leverage))) reasons.push(REASONS.margin);
  return reasons;
}

/** Returns one sentence on a level that is not `ok`, with the figures that decide it. */
export function explainReasons(step: Step, reasons: readonly Reason[], grid: GridParameters): string {
  return `level ${step.level} at ${figure(step.order.price)}: ${reasons.map((reason) => explain(reason, step, grid)).join('; ')}`;
}

function explain(reason: Reason, step: Step, grid: GridParameters): string {
  const { order, position, level } = step;
  const { limits } = grid;
  const tier = grid.tiers[tierAt(position.cost, grid.tiers)];
  switch (reason) {
    case REASONS.before:
      return beforeInWords(step, grid);
    case REASONS.filled:
      return `liquidated when filled: levels 0 to ${level} are liquidated at ${figure(step.liquidationPrice)}`;
    case REASONS.noAmount:
      return `the amount comes to less than one lot${limits.lotSize === undefined ? '' : ` of ${limits.lotSize}`}`;
    case REASONS.minAmount:
      return `amount ${order.amount} is below the minimum ${limits.minAmount}`;
    case REASONS.maxAmount:
      return `amount ${order.amount} is above the maximum ${limits.maxAmount}`;
    case REASONS.minNotional:
      return `notional ${figure(order.price.times(order.amount))} is below the minimum ${limits.minNotional}`;
    case REASONS.band:
      return `outside the price band of ${bandInWords(grid)}`;
    case REASONS.orders:
      return `with the take profit more than the ${limits.maxOrders} open orders allowed`;
    case REASONS.leverage:
      return `a position of ${figure(position.cost)} allows ${tier?.maxLeverage}x, leverage is ${grid.leverage}x`;
    case REASONS.size:
      return `a position of ${figure(position.cost)} is above the highest tier, ${tier?.upTo}`;
    case REASONS.margin:
      return `margin ${figure(position.cost.div(grid.leverage))} is above the deposit ${grid.deposit}`;
  }
}

function beforeInWords({ level, liquidationBefore }: Step, { side }: GridParameters): string {
  const held = level === 1 ? 'level 0 is' : `levels 0 to ${level - 1} are`;
  return `liquidated before: ${held} liquidated at ${figure(liquidationBefore)}, at or ${side === 'long' ? 'above' : 'below'} it`;
}

function bandInWords({ limits, side }: GridParameters): string {
  const band = directionOf(side) > 0 ? limits.priceBandDown : limits.priceBandUp;
  return `${band?.times(100)} % around the price`;
}

function figure(value: Exact | undefined): string {
  return value === undefined ? 'no price' : value.toSignificantDigits(8).toString();
}
