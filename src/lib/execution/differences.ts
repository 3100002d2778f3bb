import type { PrivateOrder, PrivatePosition } from '../exchanges/private-side.js';
import { Exact } from '../model/ticks.js';
import { parseClientId } from './client-id.js';
import { isLive } from './orders.js';
import { modeName, positionModeOf } from './sides.js';
import type { OwnOrder, RunConfig, RunState } from './state.js';
import { isStopOrder } from './stops.js';

/** What the exchange shows of a symbol. */
export type SymbolView = { readonly orders: readonly PrivateOrder[]; readonly positions: readonly PrivatePosition[] };

/** Returns a sentence for each way in which the exchange is not as the journal of a run says; none when they agree. */
export function differencesOf(state: RunState, config: RunConfig, view: SymbolView): string[] {
  const orders = view.orders.filter((order) => order.symbol === config.symbol && !isStopOrder(state, config, order));
  const own = state.orders.filter(isLive);
  return [
    ...own.flatMap((order) => orderDifference(order, orders) ?? []),
    ...orders.flatMap((order) => strangerOf(order, own, config) ?? []),
    ...positionDifferences(state, config, view.positions),
  ];
}

function isSame(own: OwnOrder, { clientId, orderId }: PrivateOrder): boolean {
  return own.clientId === clientId || (own.orderId !== undefined && own.orderId === orderId);
}

function orderDifference(own: OwnOrder, orders: readonly PrivateOrder[]): string | undefined {
  const { clientId, state, fillSum, amount } = own;
  const found = orders.find((order) => isSame(own, order));
  if (state !== 'accepted') return `${clientId}: what became of it is not known here, ${found ? 'it rests' : 'it does not rest'}`;
  if (!found) return `${clientId} rests in the journal and not on the exchange`;
  if (!new Exact(found.filled).eq(fillSum))
    return `${clientId} has filled ${fillSum} in the journal, ${found.filled} on the exchange`;
  return new Exact(found.amount).eq(amount)
    ? undefined
    : `${clientId} is for ${amount} in the journal, for ${found.amount} on the exchange`;
}

function strangerOf(order: PrivateOrder, own: readonly OwnOrder[], { id }: RunConfig): string | undefined {
  if (own.some((one) => isSame(one, order))) return undefined;
  const isOfRun = parseClientId(order.clientId)?.run === id;
  return isOfRun
    ? `${order.clientId} is an order of this run that rests on the exchange and not in the journal`
    : `order ${order.orderId ?? order.clientId} is not of this run`;
}

function positionDifferences(state: RunState, config: RunConfig, positions: readonly PrivatePosition[]): string[] {
  const open = positions.filter(({ symbol, amount }) => symbol === config.symbol && Number(amount) !== 0);
  const found: string[] = [];
  const own = open.find(({ positionSide }) => positionSide === undefined || positionSide === config.side);
  const planned = positionModeOf(config);
  const strange = open.find(({ positionMode }) => positionMode !== planned);
  if (strange) found.push(`the position mode is ${modeName(strange)}, planned is ${modeName(config)}`);
  const amount = own?.amount ?? '0';
  if (!new Exact(amount).eq(state.held)) found.push(`the journal holds ${state.held}, the position is ${amount}`);
  for (const other of open.filter((one) => one !== own))
    found.push(`a ${other.positionSide} position of ${other.amount} is not of this run`);
  if (own?.leverage !== undefined && !new Exact(own.leverage).eq(config.leverage))
    found.push(`the leverage is ${own.leverage}, planned is ${config.leverage}`);
  if (own?.marginMode !== undefined && own.marginMode !== config.marginMode)
    found.push(`the margin mode is ${own.marginMode}, planned is ${config.marginMode}`);
  return found;
}
