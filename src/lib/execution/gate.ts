import { Exact } from '../model/ticks.js';
import type { OrderDraft, OtherRuns } from './messages.js';
import { equityOf, isLive, remainingOf } from './orders.js';
import type { RunConfig, RunState } from './state.js';

const HOUR = 3_600_000;

/** Margin of what is held and of every order that may rest, quote units. */
export function committedMargin({ orders, plan, cost }: RunState, { leverage }: RunConfig): Exact {
  const resting = orders
    .filter((order) => isLive(order) && !order.reduces)
    .reduce((sum, order) => sum.plus(remainingOf(order).times(order.price ?? plan?.price ?? 0)), new Exact(0));
  return resting.plus(cost).div(leverage);
}

/** Which limit what was lost has reached, by the last price that is known; undefined when none. */
export function lossRefusal(state: RunState, config: RunConfig): { readonly kind: string; readonly message: string } | undefined {
  const { maxLoss, maxDrawdown } = config.limits;
  const equity = equityOf(state, config);
  if (equity === undefined) return undefined;
  if (maxLoss !== undefined && equity.negated().gte(maxLoss))
    return { kind: 'max_loss', message: `the run has lost ${equity.negated().toDecimalPlaces(2)}, the limit is ${maxLoss}` };
  const share = Exact.max(state.books.peak, equity)
    .minus(equity)
    .div(state.plan?.deposit ?? config.deposit);
  return maxDrawdown !== undefined && share.gte(maxDrawdown)
    ? { kind: 'max_drawdown', message: `the drawdown is ${share.times(100).toDecimalPlaces(1)} % of the deposit` }
    : undefined;
}

/**
 * The last gate before an order leaves, whatever the strategy wants. Returns why it may not, undefined when it may. What only
 * reduces always may.
 */
export function gateRefusal(
  state: RunState,
  config: RunConfig,
  drafts: readonly OrderDraft[],
  at: number,
  others?: OtherRuns,
): string | undefined {
  const { limits } = config;
  const opening = drafts.filter(({ reduces }) => !reduces);
  if (opening.length === 0) return undefined;
  const lost = lossRefusal(state, config);
  if (lost !== undefined) return lost.message;
  const began = state.cycleStarts.filter((start) => at - start < HOUR).length;
  if (drafts.some(({ role }) => role === 'entry') && began >= limits.maxCyclesPerHour)
    return `${limits.maxCyclesPerHour} cycles began within an hour`;
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
