import type { DecimalText } from '../exchanges/private-side.js';
import { Exact, roundDown } from '../model/ticks.js';
import { roleKey } from './client-id.js';
import type { OwnOrder, RunConfig, RunState } from './state.js';

/** Whether an order may rest on the exchange, as far as is known. */
export function isLive({ state, endedAt }: OwnOrder): boolean {
  return endedAt === undefined && (state === 'sent' || state === 'unknown' || state === 'accepted');
}

/**
 * Whether an order has ended and all its fills are known. A cancelled order can have fills that its status does not say, so the
 * fills must have been read after its end.
 */
export function isSettled(order: OwnOrder): boolean {
  if (order.state === 'rejected' || order.state === 'absent' || order.state === 'vanished') return true;
  if (order.endedAt === undefined) return false;
  if (order.fillSum === order.amount) return true;
  const sum = new Exact(order.fillSum);
  return sum.gte(order.amount) || (order.isProven === true && sum.gte(order.filled));
}

export function remainingOf({ amount, fillSum }: Pick<OwnOrder, 'amount' | 'fillSum'>): Exact {
  return new Exact(amount).minus(fillSum);
}

export function unsettled(state: RunState): OwnOrder[] {
  return state.orders.filter((order) => !isSettled(order));
}

export function attemptsOf(state: RunState, key: string): OwnOrder[] {
  return state.orders.filter((order) => order.cycle === state.cycle && roleKey(order) === key);
}

export function orderOf(
  state: RunState,
  { clientId, orderId }: { clientId?: string | undefined; orderId?: string | undefined },
): OwnOrder | undefined {
  return state.orders.find(
    (order) => (clientId !== undefined && order.clientId === clientId) || (orderId !== undefined && order.orderId === orderId),
  );
}

/** What a take profit can close: the sum of the fills on the step of the symbol. */
export function closable({ held, rules }: RunState): Exact {
  return roundDown(new Exact(held), new Exact(rules.lot));
}

/** Whether a price is at or beyond the take profit. */
export function hasReached(price: DecimalText | undefined, target: DecimalText, { side }: Pick<RunConfig, 'side'>): boolean {
  if (price === undefined) return false;
  return side === 'long' ? new Exact(price).gte(target) : new Exact(price).lte(target);
}

/**
 * Whether the exchange has just refused the price of the take profit. Far beyond it that is the band around the mark: what the
 * take profit is for has come, and it would fill at once.
 */
export function isPriceRefused({ deferred }: RunState): boolean {
  return deferred['take profit']?.cause === 'price';
}

export function isBelowMinimum(amount: Exact, price: DecimalText, { minAmount, minNotional }: RunState['rules']): boolean {
  return (minAmount !== undefined && amount.lt(minAmount)) || (minNotional !== undefined && amount.times(price).lt(minNotional));
}

/** Returns realised profit after fees and funding, quote units. Fees in another coin have no price here and are not in it. */
export function netOf({ realised, funding, fees }: RunState['books'], { settle }: Pick<RunConfig, 'settle'>): Exact {
  return new Exact(realised).plus(funding).minus(fees[settle] ?? 0);
}

/** Returns realised and open profit together, quote units; undefined while the price of what is held is not known. */
export function equityOf(state: RunState, config: RunConfig): Exact | undefined {
  const mark = state.position?.mark;
  if (Number(state.held) > 0 && mark === undefined) return undefined;
  const open = mark === undefined ? new Exact(0) : unrealised(state, config, mark);
  return open.plus(netOf(state.books, config));
}

/** Returns the unrealised profit at a price, quote units. */
export function unrealised({ held, cost }: RunState, { side }: RunConfig, price: DecimalText): Exact {
  return new Exact(held)
    .times(price)
    .minus(cost)
    .times(side === 'long' ? 1 : -1);
}
