import { Exact } from '../model/ticks.js';
import type { OrderDraft, OtherRuns } from './messages.js';
import { isLive, remainingOf } from './orders.js';
import type { RunConfig, RunState } from './state.js';

/** Margin of what is held and of every order that may rest, quote units. */
export function committedMargin({ orders, plan, cost }: RunState, { leverage }: RunConfig): Exact {
  const resting = orders
    .filter((order) => isLive(order) && !order.reduces)
    .reduce((sum, order) => sum.plus(remainingOf(order).times(order.price ?? plan?.price ?? 0)), new Exact(0));
  return resting.plus(cost).div(leverage);
}

/**
 * The last gate before an order leaves, whatever the strategy wants. Returns why it may not, undefined when it may. What only
 * reduces always may.
 */
export function gateRefusal(
  state: RunState,
  config: RunConfig,
  drafts: readonly OrderDraft[],
  others?: OtherRuns,
): string | undefined {
  const { limits } = config;
  const opening = drafts.filter(({ reduces }) => !reduces);
  if (opening.length === 0) return undefined;
  const intended = opening.reduce(
    (sum, { price, amount }) => sum.plus(new Exact(amount).times(price ?? state.plan?.price ?? 0)),
    new Exact(0),
  );
  const margin = committedMargin(state, config).plus(intended.div(config.leverage));
  if (margin.gt(limits.maxDeposit))
    return `the margin of the ladder would be ${margin.toDecimalPlaces(4)}, the limit is ${limits.maxDeposit}`;
  if (others !== undefined && margin.plus(others.margin).gt(others.limit))
    return `the margin of all runs together would be ${margin.plus(others.margin).toDecimalPlaces(4)}, the limit is ${others.limit}`;
  const count = state.orders.filter(isLive).length + opening.length;
  return count > limits.maxOrders ? `${count} orders would rest, the limit is ${limits.maxOrders}` : undefined;
}
